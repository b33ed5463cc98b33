#include "py_steps.h"

/* Merges accumulators by key: what makes windows of panes. As in py_fold.c, additions and comparisons may be the user's
 * code, so every object in use is owned. */

/* Both values of a step together; `first` is of the earlier records. */
static PyObject *merged(const sage_step *by, PyObject *first, PyObject *second)
{
    if (by->operation == SAGE_SUM || by->operation == SAGE_COUNT)
        return PyNumber_Add(first, second);
    int replaces = PyObject_RichCompareBool(second, first, by->operation == SAGE_MIN ? Py_LT : Py_GT);
    return replaces < 0 ? NULL : Py_NewRef(replaces ? second : first);
}

/* Merges two accumulators that are lists into `into`, which may be the first. */
static bool merge_lists(const sage_folding *by, PyObject *into, PyObject *first, PyObject *second)
{
    for (Py_ssize_t i = 0; i < by->count; i++) {
        if (!sage_has_place(first, i) || !sage_has_place(second, i) || !sage_has_place(into, i))
            return false;
        PyObject *a = Py_NewRef(PyList_GET_ITEM(first, i));
        PyObject *b = Py_NewRef(PyList_GET_ITEM(second, i));
        PyObject *value = merged(&by->steps[i], a, b);
        Py_DECREF(a);
        Py_DECREF(b);
        if (!value || PyList_SetItem(into, i, value) < 0)
            return false;
    }
    return true;
}

/* What `target` holds under `key` from now on, where it had `old`: a new reference. */
static PyObject *joined(const sage_folding *by, PyObject *old, PyObject *added, bool before)
{
    PyObject *first = before ? added : old, *second = before ? old : added;
    if (by->single)
        return merged(&by->steps[0], first, second);
    PyObject *list = PyList_CheckExact(old) ? PyList_GetSlice(old, 0, by->count) : NULL;
    if (!list && !PyErr_Occurred())
        sage_has_place(old, 0);
    if (list && !merge_lists(by, list, first, second))
        Py_CLEAR(list);
    return list;
}

static bool merge_one(const sage_folding *by, PyObject *target, PyObject *key, PyObject *value, bool before)
{
    PyObject *old = PyDict_GetItemWithError(target, key);
    if (!old)
        return !PyErr_Occurred() && PyDict_SetItem(target, key, value) == 0;
    /* Nobody else has it: it may change. Others may be part of several windows. */
    bool is_own = !by->single && Py_REFCNT(old) == 1;
    Py_INCREF(old);
    bool done;
    if (is_own)
        done = merge_lists(by, old, before ? value : old, before ? old : value);
    else {
        PyObject *both = joined(by, old, value, before);
        done = both && PyDict_SetItem(target, key, both) == 0;
        Py_XDECREF(both);
    }
    Py_DECREF(old);
    return done;
}

PyObject *sage_py_merge(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    if (count != 4 || !PyDict_CheckExact(args[0]) || !PyDict_CheckExact(args[1]) || !PyBool_Check(args[2]))
        return PyErr_Format(PyExc_TypeError, "expected merge(target: dict, source: dict, before: bool, steps)");
    sage_folding by;
    if (!sage_read_folding(args[3], &by))
        return NULL;
    PyObject *key, *value;
    Py_ssize_t place = 0;
    while (PyDict_Next(args[1], &place, &key, &value)) {
        Py_INCREF(key);
        Py_INCREF(value);
        bool done = merge_one(&by, args[0], key, value, args[2] == Py_True);
        Py_DECREF(key);
        Py_DECREF(value);
        if (!done)
            return NULL;
    }
    Py_RETURN_NONE;
}
