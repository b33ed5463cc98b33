#ifndef SAGE_PY_CURSOR_H
#define SAGE_PY_CURSOR_H

#include "py_module.h"

typedef struct {
    PyObject_HEAD
    PyObject *key;    /* NULL: was deleted */
    PyObject *no_key; /* what stands there where there is none */
} CursorObject;

#endif
