#include "py_steps.h"

/* The sessions of keys: lists of start, end, accumulator, and the key's other sessions or None. Beside them a queue: at
 * what time each key has to be looked at, and the keys of each slot of time. What does not go by the commonest ways is
 * left to runtime/operators/windows/sessions.py. */

enum { START, END, ACCUMULATOR, OTHERS, PLACES };

typedef struct {
    PyObject *queued;  /* dict of key: time */
    PyObject *keys_of; /* dict of slot: list of keys */
    long long slot_ms;
    PyObject *put; /* put(key, slot), for a slot that is not there yet */
} session_queue;

static bool read_queue(PyObject *from, session_queue *into)
{
    if (!PyTuple_Check(from)) {
        PyErr_SetString(PyExc_TypeError, "a queue is (queued, keys_of, slot_ms, put)");
        return false;
    }
    if (!PyArg_ParseTuple(from, "O!O!LO", &PyDict_Type, &into->queued, &PyDict_Type, &into->keys_of, &into->slot_ms,
                          &into->put))
        return false;
    if (into->slot_ms < 1)
        PyErr_SetString(PyExc_ValueError, "a slot is at least a millisecond");
    return into->slot_ms >= 1;
}

static long long slot_of(const session_queue *queue, long long time)
{
    long long slot = time / queue->slot_ms;
    return time % queue->slot_ms < 0 ? slot - 1 : slot;
}

static bool put(const session_queue *queue, PyObject *key, long long time)
{
    PyObject *slot = PyLong_FromLongLong(slot_of(queue, time));
    if (!slot)
        return false;
    PyObject *keys = Py_XNewRef(PyDict_GetItemWithError(queue->keys_of, slot));
    bool done = false;
    if (keys)
        done = PyList_Append(keys, key) == 0;
    else if (!PyErr_Occurred()) {
        PyObject *result = PyObject_CallFunctionObjArgs(queue->put, key, slot, NULL);
        done = result != NULL;
        Py_XDECREF(result);
    }
    Py_XDECREF(keys);
    Py_DECREF(slot);
    return done;
}

/* Looks at `key` at `time`, whatever was said before. */
static bool requeue(const session_queue *queue, PyObject *key, long long time)
{
    PyObject *at = PyLong_FromLongLong(time);
    bool done = at && PyDict_SetItem(queue->queued, key, at) == 0 && put(queue, key, time);
    Py_XDECREF(at);
    return done;
}

static bool is_session(PyObject *session)
{
    if (PyList_CheckExact(session) && PyList_GET_SIZE(session) == PLACES)
        return true;
    PyErr_SetString(PyExc_TypeError, "a session is not what it was made as");
    return false;
}

/* Whether the time is within int64: 1, 0, or -1 with an exception set. The last sessions of time end after it. */
static int read_time(PyObject *from, long long *into)
{
    if (!PyLong_Check(from)) {
        PyErr_Format(PyExc_TypeError, "a time is an int, found %s", Py_TYPE(from)->tp_name);
        return -1;
    }
    int overflow;
    *into = PyLong_AsLongLongAndOverflow(from, &overflow);
    return *into == -1 && PyErr_Occurred() ? -1 : !overflow;
}

/* Puts a record into its key's latest session; 0 when it does not belong there, -1 with an exception set. */
static int add_to_session(PyObject *session, PyObject *record, long long time, long long gap, const sage_folding *by)
{
    if (!is_session(session))
        return -1;
    long long start, end, own_end;
    int known = read_time(PyList_GET_ITEM(session, START), &start);
    if (known > 0)
        known = read_time(PyList_GET_ITEM(session, END), &end);
    if (known <= 0 || __builtin_add_overflow(time, gap, &own_end) || time > end || time < start)
        return known < 0 ? -1 : 0;
    PyObject *accumulator = Py_NewRef(PyList_GET_ITEM(session, ACCUMULATOR));
    bool done;
    if (!by->accumulator) {
        PyObject *value = sage_added(&by->steps[0], accumulator, record);
        done = value && PyList_SetItem(session, ACCUMULATOR, value) == 0;
    }
    else
        done = sage_add_to_accumulator(by, accumulator, record);
    Py_DECREF(accumulator);
    if (done && own_end > end) {
        PyObject *later = PyLong_FromLongLong(own_end);
        done = later && PyList_SetItem(session, END, later) == 0;
    }
    return done ? 1 : -1;
}

/* A new reference; the accumulator is stolen. */
static PyObject *new_session(long long start, long long end, PyObject *accumulator)
{
    PyObject *session = PyList_New(PLACES);
    if (!session) {
        Py_DECREF(accumulator);
        return NULL;
    }
    PyList_SET_ITEM(session, START, PyLong_FromLongLong(start));
    PyList_SET_ITEM(session, END, PyLong_FromLongLong(end));
    PyList_SET_ITEM(session, ACCUMULATOR, accumulator);
    PyList_SET_ITEM(session, OTHERS, Py_NewRef(Py_None));
    if (!PyList_GET_ITEM(session, START) || !PyList_GET_ITEM(session, END))
        Py_CLEAR(session);
    return session;
}

/* Makes the first session of a key; 0 when it would be over already, -1 with an exception set. */
static int begin_session(PyObject *sessions, PyObject *key, PyObject *record, long long time, long long gap,
                         long long over_up_to, const session_queue *queue, const sage_folding *by)
{
    long long end;
    if (__builtin_add_overflow(time, gap, &end) || end - 1 <= over_up_to)
        return 0;
    PyObject *accumulator = sage_first_accumulator(by, record);
    PyObject *session = accumulator ? new_session(time, end, accumulator) : NULL;
    bool done = session && PyDict_SetItem(sessions, key, session) == 0 && requeue(queue, key, end - 1);
    Py_XDECREF(session);
    return done ? 1 : -1;
}

typedef struct {
    PyObject *sessions, *keys, *times, *other;
    long long gap, over_up_to;
    sage_folding by;
    session_queue queue;
} session_fold;

static bool fold_one(const session_fold *into, Py_ssize_t index, PyObject *record)
{
    if (index >= PyList_GET_SIZE(into->keys) || index >= PyList_GET_SIZE(into->times)) {
        PyErr_SetString(PyExc_ValueError, "there are fewer keys or times than records");
        return false;
    }
    PyObject *key = Py_NewRef(PyList_GET_ITEM(into->keys, index));
    PyObject *stamp = Py_NewRef(PyList_GET_ITEM(into->times, index));
    PyObject *session = Py_XNewRef(PyDict_GetItemWithError(into->sessions, key));
    long long time;
    int done = PyErr_Occurred() ? -1 : read_time(stamp, &time);
    if (done > 0)
        done = session ? add_to_session(session, record, time, into->gap, &into->by)
                       : begin_session(into->sessions, key, record, time, into->gap, into->over_up_to, &into->queue,
                                       &into->by);
    if (done == 0) {
        PyObject *result = PyObject_CallFunctionObjArgs(into->other, key, record, stamp, NULL);
        done = result ? 1 : -1;
        Py_XDECREF(result);
    }
    Py_XDECREF(session);
    Py_DECREF(stamp);
    Py_DECREF(key);
    return done > 0;
}

PyObject *sage_py_fold_sessions(PyObject *module, PyObject *args)
{
    session_fold into;
    PyObject *records, *queue, *steps;
    if (!PyArg_ParseTuple(args, "O!O!OO!LLOOO", &PyDict_Type, &into.sessions, &PyList_Type, &into.keys, &records,
                          &PyList_Type, &into.times, &into.gap, &into.over_up_to, &queue, &steps, &into.other) ||
        !read_queue(queue, &into.queue) || !sage_read_folding(module, steps, &into.by))
        return NULL;
    if (!PyIter_Check(records))
        return PyErr_Format(PyExc_TypeError, "records are an iterator");
    PyObject *record;
    for (Py_ssize_t i = 0; (record = PyIter_Next(records)); i++) {
        bool done = fold_one(&into, i, record);
        Py_DECREF(record);
        if (!done)
            return NULL;
    }
    if (PyErr_Occurred())
        return NULL;
    Py_RETURN_NONE;
}

typedef struct {
    PyObject *sessions, *ended, *unclear, *to_come;
    session_queue queue;
    long long slot, time;
} session_look;

/* Takes the session out, which is over, and notes it. */
static bool end_session(const session_look *look, PyObject *key, PyObject *session)
{
    PyObject *ended = PyTuple_Pack(4, PyList_GET_ITEM(session, END), key, PyList_GET_ITEM(session, ACCUMULATOR),
                                   PyList_GET_ITEM(session, START));
    bool done = ended && PyList_Append(look->ended, ended) == 0 && PyDict_DelItem(look->queue.queued, key) == 0 &&
                PyObject_DelItem(look->sessions, key) == 0;
    Py_XDECREF(ended);
    return done;
}

static bool look_at_session(const session_look *look, PyObject *key, PyObject *session)
{
    long long end;
    if (!is_session(session))
        return false;
    int known = read_time(PyList_GET_ITEM(session, END), &end);
    if (known < 0)
        return false;
    if (!known || PyList_GET_ITEM(session, OTHERS) != Py_None)
        return PyList_Append(look->unclear, key) == 0;
    return end - 1 > look->time ? requeue(&look->queue, key, end - 1) : end_session(look, key, session);
}

static bool look_at_key(const session_look *look, PyObject *key)
{
    PyObject *queued = PyDict_GetItemWithError(look->queue.queued, key);
    if (!queued)
        return !PyErr_Occurred();
    long long at;
    int known = read_time(queued, &at);
    if (known < 0)
        return false;
    if (!known)
        return PyList_Append(look->unclear, key) == 0;
    if (slot_of(&look->queue, at) != look->slot)
        return true; /* it was queued again for an earlier time */
    if (at > look->time)
        return PyList_Append(look->to_come, key) == 0;
    PyObject *session = PyObject_GetItem(look->sessions, key);
    bool done = session && look_at_session(look, key, session);
    Py_XDECREF(session);
    return done;
}

PyObject *sage_py_look_at_sessions(PyObject *module, PyObject *args)
{
    session_look look;
    PyObject *keys, *queue;
    if (!PyArg_ParseTuple(args, "OO!OLL", &look.sessions, &PyList_Type, &keys, &queue, &look.slot, &look.time) ||
        !read_queue(queue, &look.queue))
        return NULL;
    PyObject *result = Py_BuildValue("(NNN)", PyList_New(0), PyList_New(0), PyList_New(0));
    if (!result)
        return NULL;
    look.ended = PyTuple_GET_ITEM(result, 0);
    look.unclear = PyTuple_GET_ITEM(result, 1);
    look.to_come = PyTuple_GET_ITEM(result, 2);
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(keys); i++) {
        PyObject *key = Py_NewRef(PyList_GET_ITEM(keys, i));
        bool done = look_at_key(&look, key);
        Py_DECREF(key);
        if (!done) {
            Py_DECREF(result);
            return NULL;
        }
    }
    return result;
}
