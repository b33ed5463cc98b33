#include "py_steps.h"

/* Merges accumulators by key: what makes windows of panes. As in py_fold.c, additions and comparisons may be the user's
 * code, so every object in use is owned. */

bool sage_merge_accumulators(const sage_folding *by, AccumulatorObject *to, const AccumulatorObject *from, bool before)
{
    for (Py_ssize_t i = 0; i < by->count; i++) {
        long operation = by->steps[i].operation;
        /* Of equal ints it does not matter which is kept; of floats it does (0.0 and -0.0; nothing is above NaN). */
        bool is_number = sage_is_whole(from, i) || (sage_is_real(from, i) && (!before || operation == SAGE_SUM));
        if (is_number && sage_join_slots(operation, to, i, sage_is_whole(from, i), from->slots[i]))
            continue;
        PyObject *own = sage_slot_value(to, i), *added = own ? sage_slot_value(from, i) : NULL;
        PyObject *both = added ? sage_joined(operation, before ? added : own, before ? own : added) : NULL;
        Py_XDECREF(own);
        Py_XDECREF(added);
        if (!both)
            return false;
        sage_set_slot(to, i, both);
    }
    return true;
}

/* `into` becomes both. */
static bool merge_accumulators(const sage_folding *by, PyObject *into, PyObject *other, bool before)
{
    AccumulatorObject *to = sage_accumulator_of(by, into), *from = to ? sage_accumulator_of(by, other) : NULL;
    return from && sage_merge_accumulators(by, to, from, before);
}

static PyObject *copied(const sage_folding *by, PyObject *object)
{
    AccumulatorObject *from = sage_accumulator_of(by, object);
    AccumulatorObject *copy = from ? sage_new_accumulator(by->accumulator, by->count) : NULL;
    if (!copy)
        return NULL;
    copy->wholes = from->wholes;
    copy->reals = from->reals;
    for (Py_ssize_t i = 0; i < by->count; i++) {
        copy->slots[i] = from->slots[i];
        if (!sage_is_whole(copy, i) && !sage_is_real(copy, i))
            Py_INCREF(copy->slots[i].object);
    }
    return (PyObject *)copy;
}

/* What `target` holds under `key` from now on, where it had `old`: a new reference. */
static PyObject *joined(const sage_folding *by, PyObject *old, PyObject *added, bool before)
{
    if (!by->accumulator)
        return sage_joined(by->steps[0].operation, before ? added : old, before ? old : added);
    PyObject *both = copied(by, old);
    if (both && !merge_accumulators(by, both, added, before))
        Py_CLEAR(both);
    return both;
}

static bool merge_one(const sage_folding *by, PyObject *target, PyObject *key, PyObject *value, bool before)
{
    PyObject *old = PyDict_GetItemWithError(target, key);
    if (!old)
        return !PyErr_Occurred() && PyDict_SetItem(target, key, value) == 0;
    /* Nobody else has it: it may change. Others may be part of several windows. */
    bool is_own = by->accumulator && Py_REFCNT(old) == 1;
    Py_INCREF(old);
    bool done;
    if (is_own)
        done = merge_accumulators(by, old, value, before);
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
    if (!sage_read_folding(module, args[3], &by))
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
