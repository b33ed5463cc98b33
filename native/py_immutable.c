#include "py_immutable.h"

/* Tuples deeper than this are rare enough to be taken for mutable: what is done with those is right for all. */
#define DEEPEST 8

static bool is_immutable(PyObject *value, int deeper)
{
    if (sage_is_plain(value))
        return true;
    if (!PyTuple_CheckExact(value) || deeper == 0)
        return false;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(value); i++)
        if (!is_immutable(PyTuple_GET_ITEM(value, i), deeper - 1))
            return false;
    return true;
}

bool sage_is_immutable(PyObject *value)
{
    return is_immutable(value, DEEPEST);
}

PyObject *sage_py_is_immutable(PyObject *module, PyObject *value)
{
    return PyBool_FromLong(sage_is_immutable(value));
}
