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

/* What a step makes of the first record. */
static inline PyObject *begun(const sage_step *by, PyObject *record)
{
    return by->operation == SAGE_COUNT ? PyLong_FromLong(1) : sage_selected(record, &by->value);
}

PyObject *sage_added(const sage_step *by, PyObject *old, PyObject *record)
{
    if (by->operation == SAGE_COUNT) {
        long long number = PyLong_AsLongLong(old);
        return number == -1 && PyErr_Occurred() ? NULL : PyLong_FromLongLong(number + 1);
    }
    PyObject *value = sage_selected(record, &by->value);
    if (!value)
        return NULL;
    if (by->operation == SAGE_SUM) {
        PyObject *sum = PyNumber_Add(old, value);
        Py_DECREF(value);
        return sum;
    }
    int replaces = PyObject_RichCompareBool(value, old, by->operation == SAGE_MIN ? Py_LT : Py_GT);
    if (replaces > 0)
        return value;
    Py_DECREF(value);
    return replaces < 0 ? NULL : Py_NewRef(old);
}

PyObject *sage_first_accumulator(const sage_folding *by, PyObject *record)
{
    if (by->single)
        return begun(&by->steps[0], record);
    PyObject *list = PyList_New(by->count);
    for (Py_ssize_t i = 0; list && i < by->count; i++) {
        PyObject *value = begun(&by->steps[i], record);
        if (value)
            PyList_SET_ITEM(list, i, value);
        else
            Py_CLEAR(list);
    }
    return list;
}

bool sage_add_to_list(const sage_folding *by, PyObject *list, PyObject *record)
{
    for (Py_ssize_t i = 0; i < by->count; i++) {
        if (!sage_has_place(list, i))
            return false;
        PyObject *old = Py_NewRef(PyList_GET_ITEM(list, i));
        PyObject *value = sage_added(&by->steps[i], old, record);
        Py_DECREF(old);
        if (!value || PyList_SetItem(list, i, value) < 0)
            return false;
    }
    return true;
}
