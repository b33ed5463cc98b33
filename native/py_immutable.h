#ifndef SAGE_PY_IMMUTABLE_H
#define SAGE_PY_IMMUTABLE_H

#include "py_module.h"

/* Whether nobody can change `value` in place: a number, a text, bytes, None, or a tuple of such. Of other types nothing
 * is known, so they are said to be mutable. Exact types only: a subclass may have attributes. */
static inline bool sage_is_plain(PyObject *value)
{
    PyTypeObject *type = Py_TYPE(value);
    return type == &PyLong_Type || type == &PyUnicode_Type || type == &PyFloat_Type || type == &PyBool_Type ||
           type == &PyBytes_Type || type == &PyComplex_Type || value == Py_None;
}

bool sage_is_immutable(PyObject *value);

#endif
