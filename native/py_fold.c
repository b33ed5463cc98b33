#include "py_apart.h"
#include "py_steps.h"

/* Folds records into accumulators by key: the inner loops of windows and of reduce.
 *
 * The records come by an iterator, so that whoever holds it knows which one was at hand when something raised. All that
 * is called here (hashes, comparisons, additions, attributes) may be the user's code and change anything, so every
 * object in use is owned. */

static bool fold_one(PyObject *space, PyObject *key, PyObject *record, const sage_folding *by)
{
    PyObject *old = Py_XNewRef(PyDict_GetItemWithError(space, key));
    if (!old && PyErr_Occurred())
        return false;
    bool done;
    if (old && by->accumulator)
        done = sage_add_to_accumulator(by, old, record);
    else {
        PyObject *value = old ? sage_added(&by->steps[0], old, record) : sage_first_accumulator(by, record);
        done = value && PyDict_SetItem(space, key, value) == 0;
        Py_XDECREF(value);
    }
    Py_XDECREF(old);
    return done;
}

/* The key of the record at `index`: from `keys`, or where there are none, selected. */
static inline PyObject *key_of(PyObject *keys, Py_ssize_t index, PyObject *record, const sage_selector *by)
{
    if (keys == Py_None)
        return sage_selected(record, by);
    if (index < PyList_GET_SIZE(keys))
        return Py_NewRef(PyList_GET_ITEM(keys, index));
    PyErr_SetString(PyExc_ValueError, "there are fewer keys than records");
    return NULL;
}

static bool expect(bool right, const char *what)
{
    if (!right)
        PyErr_SetString(PyExc_TypeError, what);
    return right;
}

PyObject *sage_py_fold(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    if (!expect(count == 5 && PyDict_CheckExact(args[0]) && (args[1] == Py_None || PyList_CheckExact(args[1])) &&
                    PyIter_Check(args[2]),
                "fold(space: dict, keys: list | None, records: iterator, key: (how, what), steps)"))
        return NULL;
    sage_folding by;
    sage_selector key_selector;
    if (!sage_read_selection(args[3], &key_selector) || !sage_read_folding(module, args[4], &by))
        return NULL;
    PyObject *record;
    for (Py_ssize_t i = 0; (record = PyIter_Next(args[2])); i++) {
        PyObject *key = key_of(args[1], i, record, &key_selector);
        bool done = key && fold_one(args[0], key, record, &by);
        Py_XDECREF(key);
        Py_DECREF(record);
        if (!done)
            return NULL;
    }
    if (PyErr_Occurred())
        return NULL;
    Py_RETURN_NONE;
}

/* The value of `key` after `record`; kept in `state`. A new reference. */
static PyObject *reduced(PyObject *state, PyObject *key, PyObject *record, PyObject *function)
{
    PyObject *old = Py_XNewRef(PyDict_GetItemWithError(state, key));
    if (!old && PyErr_Occurred())
        return NULL;
    PyObject *value;
    if (old) {
        PyObject *stack[] = {NULL, old, record};
        value = PyObject_Vectorcall(function, stack + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    }
    else
        value = Py_NewRef(record);
    Py_XDECREF(old);
    if (value && PyDict_SetItem(state, key, value) < 0)
        Py_CLEAR(value);
    return value;
}

/* The value stays in the state, and with `copies` the function may change it in place with the next record. */
static bool append_update(PyObject *updates, PyObject *value, bool copies)
{
    PyObject *update = copies ? sage_apart(value) : Py_NewRef(value);
    bool done = update && PyList_Append(updates, update) == 0;
    Py_XDECREF(update);
    return done;
}

PyObject *sage_py_reduce(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    if (!expect(count == 6 && PyDict_CheckExact(args[0]) && PyList_CheckExact(args[1]) && PyIter_Check(args[2]) &&
                    (args[4] == Py_None || PyList_CheckExact(args[4])) && PyBool_Check(args[5]),
                "reduce(state: dict, keys: list, records: iterator, function, updates: list | None, copies: bool)"))
        return NULL;
    sage_selector none = {SAGE_WHOLE, NULL, -1};
    PyObject *record;
    for (Py_ssize_t i = 0; (record = PyIter_Next(args[2])); i++) {
        PyObject *key = key_of(args[1], i, record, &none);
        PyObject *value = key ? reduced(args[0], key, record, args[3]) : NULL;
        bool done = value && (args[4] == Py_None || append_update(args[4], value, args[5] == Py_True));
        Py_XDECREF(value);
        Py_XDECREF(key);
        Py_DECREF(record);
        if (!done)
            return NULL;
    }
    if (PyErr_Occurred())
        return NULL;
    Py_RETURN_NONE;
}
