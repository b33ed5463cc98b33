#include "py_selector.h"

/* What is asked of a whole batch at once: a value of each record, and between which bounds times lie. */

bool sage_read_selector(long how, PyObject *what, sage_selector *into)
{
    into->how = how;
    into->what = what;
    into->index = -1;
    if (how == SAGE_ITEM && PyLong_CheckExact(what)) {
        into->index = PyLong_AsSsize_t(what);
        if (into->index == -1 && PyErr_Occurred())
            return false;
    }
    return true;
}

bool sage_read_selection(PyObject *selection, sage_selector *into)
{
    if (!PyTuple_CheckExact(selection) || PyTuple_GET_SIZE(selection) != 2) {
        PyErr_SetString(PyExc_TypeError, "a selection is (how, what)");
        return false;
    }
    long how = PyLong_AsLong(PyTuple_GET_ITEM(selection, 0));
    return !(how == -1 && PyErr_Occurred()) && sage_read_selector(how, PyTuple_GET_ITEM(selection, 1), into);
}

static bool append_selected(PyObject *values, PyObject *records, const sage_selector *by)
{
    PyObject *record;
    while ((record = PyIter_Next(records))) {
        PyObject *value = sage_selected(record, by);
        bool done = value && PyList_Append(values, value) == 0;
        Py_XDECREF(value);
        Py_DECREF(record);
        if (!done)
            return false;
    }
    return !PyErr_Occurred();
}

PyObject *sage_py_select(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    if (count != 2 || !PyIter_Check(args[0]))
        return PyErr_Format(PyExc_TypeError, "expected select(records: iterator, (how, what))");
    sage_selector by;
    if (!sage_read_selection(args[1], &by))
        return NULL;
    PyObject *values = PyList_New(0);
    if (values && !append_selected(values, args[0], &by))
        Py_CLEAR(values);
    return values;
}

PyObject *sage_py_bounds(PyObject *module, PyObject *values)
{
    if (!PyList_CheckExact(values))
        return PyErr_Format(PyExc_TypeError, "expected bounds(values: list)");
    long long least = LLONG_MAX, greatest = LLONG_MIN;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(values); i++) {
        PyObject *each = PyList_GET_ITEM(values, i);
        if (!PyLong_CheckExact(each))
            Py_RETURN_NONE;
        int overflow;
        long long value = PyLong_AsLongLongAndOverflow(each, &overflow);
        if (overflow)
            Py_RETURN_NONE;
        least = value < least ? value : least;
        greatest = value > greatest ? value : greatest;
    }
    if (PyList_GET_SIZE(values) == 0)
        Py_RETURN_NONE;
    return Py_BuildValue("LL", least, greatest);
}
