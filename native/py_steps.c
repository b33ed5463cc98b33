#include "py_steps.h"

static bool read_step(PyObject *item, sage_step *into)
{
    long how;
    PyObject *what;
    if (!PyTuple_Check(item)) {
        PyErr_SetString(PyExc_TypeError, "a step is (operation, how, what)");
        return false;
    }
    return PyArg_ParseTuple(item, "llO", &into->operation, &how, &what) && sage_read_selector(how, what, &into->value);
}

bool sage_read_folding(PyObject *steps, sage_folding *into)
{
    into->single = PyTuple_CheckExact(steps);
    if (!into->single && !PyList_CheckExact(steps)) {
        PyErr_SetString(PyExc_TypeError, "steps are a list or a tuple");
        return false;
    }
    into->count = PySequence_Fast_GET_SIZE(steps);
    if (into->count < 1 || into->count > SAGE_MOST_STEPS || (into->single && into->count != 1)) {
        PyErr_Format(PyExc_ValueError, "expected 1 to %d steps, found %zd", SAGE_MOST_STEPS, into->count);
        return false;
    }
    for (Py_ssize_t i = 0; i < into->count; i++)
        if (!read_step(PySequence_Fast_GET_ITEM(steps, i), &into->steps[i]))
            return false;
    return true;
}

bool sage_has_place(PyObject *list, Py_ssize_t i)
{
    if (PyList_CheckExact(list) && i < PyList_GET_SIZE(list))
        return true;
    PyErr_SetString(PyExc_TypeError, "an accumulator is not what it was made as");
    return false;
}
