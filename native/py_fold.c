#include "py_steps.h"

/* Folds records into accumulators by key: the inner loops of windows and of reduce.
 *
 * The records come by an iterator, so that whoever holds it knows which one was at hand when something raised. All that
 * is called here (hashes, comparisons, additions, attributes) may be the user's code and change anything, so every
 * object in use is owned. */

/* What a step makes of the first record. */
static inline PyObject *begun(const sage_step *by, PyObject *record)
{
    return by->operation == SAGE_COUNT ? PyLong_FromLong(1) : sage_selected(record, &by->value);
}

/* What it makes of a further one. */
static inline PyObject *added(const sage_step *by, PyObject *old, PyObject *record)
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

static PyObject *first_accumulator(const sage_folding *by, PyObject *record)
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

/* Adds to an accumulator that is a list. */
static bool add_to_list(const sage_folding *by, PyObject *list, PyObject *record)
{
    for (Py_ssize_t i = 0; i < by->count; i++) {
        if (!sage_has_place(list, i))
            return false;
        PyObject *old = Py_NewRef(PyList_GET_ITEM(list, i));
        PyObject *value = added(&by->steps[i], old, record);
        Py_DECREF(old);
        if (!value || PyList_SetItem(list, i, value) < 0)
            return false;
    }
    return true;
}

static bool fold_one(PyObject *space, PyObject *key, PyObject *record, const sage_folding *by)
{
    PyObject *old = Py_XNewRef(PyDict_GetItemWithError(space, key));
    if (!old && PyErr_Occurred())
        return false;
    bool done;
    if (old && !by->single)
        done = add_to_list(by, old, record);
    else {
        PyObject *value = old ? added(&by->steps[0], old, record) : first_accumulator(by, record);
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
    if (!sage_read_selection(args[3], &key_selector) || !sage_read_folding(args[4], &by))
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

PyObject *sage_py_reduce(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    if (!expect(count == 5 && PyDict_CheckExact(args[0]) && PyList_CheckExact(args[1]) && PyIter_Check(args[2]) &&
                    (args[4] == Py_None || PyList_CheckExact(args[4])),
                "reduce(state: dict, keys: list, records: iterator, function, updates: list | None)"))
        return NULL;
    sage_selector none = {SAGE_WHOLE, NULL, -1};
    PyObject *record;
    for (Py_ssize_t i = 0; (record = PyIter_Next(args[2])); i++) {
        PyObject *key = key_of(args[1], i, record, &none);
        PyObject *value = key ? reduced(args[0], key, record, args[3]) : NULL;
        bool done = value && (args[4] == Py_None || PyList_Append(args[4], value) == 0);
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

/* Slots of a session, as in runtime/operators/windows/sessions.py. */
enum { START, END, ACCUMULATOR, SESSION_SLOTS = 4 };

/* Puts a record into its key's latest session; 0 when it does not belong there, -1 with an exception set. */
static int add_to_session(PyObject *session, PyObject *record, long long time, long long gap, const sage_folding *by)
{
    if (!PyList_CheckExact(session) || PyList_GET_SIZE(session) != SESSION_SLOTS) {
        PyErr_SetString(PyExc_TypeError, "a session is not what it was made as");
        return -1;
    }
    int start_overflows, end_overflows;
    long long start = PyLong_AsLongLongAndOverflow(PyList_GET_ITEM(session, START), &start_overflows);
    long long end = PyLong_AsLongLongAndOverflow(PyList_GET_ITEM(session, END), &end_overflows);
    if ((start == -1 || end == -1) && PyErr_Occurred())
        return -1;
    /* The last sessions of time end after it. */
    long long own_end;
    if (start_overflows || end_overflows || __builtin_add_overflow(time, gap, &own_end) || time > end || time < start)
        return 0;
    PyObject *accumulator = Py_NewRef(PyList_GET_ITEM(session, ACCUMULATOR));
    bool done;
    if (by->single) {
        PyObject *value = added(&by->steps[0], accumulator, record);
        done = value && PyList_SetItem(session, ACCUMULATOR, value) == 0;
    }
    else
        done = add_to_list(by, accumulator, record);
    Py_DECREF(accumulator);
    if (done && own_end > end) {
        PyObject *later = PyLong_FromLongLong(own_end);
        done = later && PyList_SetItem(session, END, later) == 0;
    }
    return done ? 1 : -1;
}

PyObject *sage_py_fold_sessions(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    if (!expect(count == 7 && PyDict_CheckExact(args[0]) && PyList_CheckExact(args[1]) && PyIter_Check(args[2]) &&
                    PyList_CheckExact(args[3]),
                "fold_sessions(sessions: dict, keys: list, records: iterator, times: list, gap: int, steps, other)"))
        return NULL;
    sage_folding by;
    long long gap = PyLong_AsLongLong(args[4]);
    if ((gap == -1 && PyErr_Occurred()) || !sage_read_folding(args[5], &by))
        return NULL;
    sage_selector none = {SAGE_WHOLE, NULL, -1};
    PyObject *record;
    for (Py_ssize_t i = 0; (record = PyIter_Next(args[2])); i++) {
        PyObject *key = key_of(args[1], i, record, &none);
        PyObject *stamp = i < PyList_GET_SIZE(args[3]) ? Py_NewRef(PyList_GET_ITEM(args[3], i)) : NULL;
        PyObject *session = key && stamp ? Py_XNewRef(PyDict_GetItemWithError(args[0], key)) : NULL;
        int done = -1;
        if (key && !stamp)
            PyErr_SetString(PyExc_ValueError, "there are fewer times than records");
        else if (key && !PyErr_Occurred()) {
            long long time = PyLong_AsLongLong(stamp);
            done = time == -1 && PyErr_Occurred() ? -1 : session ? add_to_session(session, record, time, gap, &by) : 0;
        }
        if (done == 0) {
            PyObject *result = PyObject_CallFunctionObjArgs(args[6], key, record, stamp, NULL);
            done = result ? 1 : -1;
            Py_XDECREF(result);
        }
        Py_XDECREF(session);
        Py_XDECREF(stamp);
        Py_XDECREF(key);
        Py_DECREF(record);
        if (done < 0)
            return NULL;
    }
    if (PyErr_Occurred())
        return NULL;
    Py_RETURN_NONE;
}
