#ifndef SAGE_PY_APART_H
#define SAGE_PY_APART_H

#include "py_module.h"

/* `value`, or where it is or holds a container that can be changed in place, a copy down to those: a new reference. */
PyObject *sage_apart(PyObject *value);

#endif
