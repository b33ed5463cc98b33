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

bool sage_read_folding(PyObject *module, PyObject *steps, sage_folding *into)
{
    bool single = PyTuple_CheckExact(steps);
    into->accumulator = single ? NULL : ((sage_module_state *)PyModule_GetState(module))->accumulator_type;
    if (!single && !PyList_CheckExact(steps)) {
        PyErr_SetString(PyExc_TypeError, "steps are a list or a tuple");
        return false;
    }
    into->count = PySequence_Fast_GET_SIZE(steps);
    if (into->count < 1 || into->count > SAGE_MOST_STEPS || (single && into->count != 1)) {
        PyErr_Format(PyExc_ValueError, "expected 1 to %d steps, found %zd", SAGE_MOST_STEPS, into->count);
        return false;
    }
    for (Py_ssize_t i = 0; i < into->count; i++)
        if (!read_step(PySequence_Fast_GET_ITEM(steps, i), &into->steps[i]))
            return false;
    return true;
}

AccumulatorObject *sage_accumulator_of(const sage_folding *by, PyObject *object)
{
    if (Py_IS_TYPE(object, by->accumulator) && ((AccumulatorObject *)object)->count == by->count)
        return (AccumulatorObject *)object;
    PyErr_Format(PyExc_TypeError, "expected an accumulator of %zd values, found %s", by->count,
                 Py_TYPE(object)->tp_name);
    return NULL;
}

/* What a step makes of the first record. */
static inline PyObject *begun(const sage_step *by, PyObject *record)
{
    return by->operation == SAGE_COUNT ? PyLong_FromLong(1) : sage_selected(record, &by->value);
}

PyObject *sage_joined(long operation, PyObject *first, PyObject *second)
{
    if (operation == SAGE_SUM || operation == SAGE_COUNT)
        return PyNumber_Add(first, second);
    int replaces = PyObject_RichCompareBool(second, first, operation == SAGE_MIN ? Py_LT : Py_GT);
    return replaces < 0 ? NULL : Py_NewRef(replaces ? second : first);
}

PyObject *sage_added(const sage_step *by, PyObject *old, PyObject *record)
{
    PyObject *value = begun(by, record);
    PyObject *both = value ? sage_joined(by->operation, old, value) : NULL;
    Py_XDECREF(value);
    return both;
}

PyObject *sage_first_accumulator(const sage_folding *by, PyObject *record)
{
    if (!by->accumulator)
        return begun(&by->steps[0], record);
    AccumulatorObject *made = sage_new_accumulator(by->accumulator, by->count);
    for (Py_ssize_t i = 0; made && i < by->count; i++) {
        PyObject *value = begun(&by->steps[i], record);
        if (value)
            sage_set_slot(made, i, value);
        else
            Py_CLEAR(made);
    }
    return (PyObject *)made;
}

/* Adds `value` to a slot without an object for the sum, or says false. */
static inline bool add_number(long operation, AccumulatorObject *to, Py_ssize_t i, PyObject *value)
{
    sage_slot number;
    if (PyFloat_CheckExact(value)) {
        number.real = PyFloat_AS_DOUBLE(value);
        return sage_join_slots(operation, to, i, false, number);
    }
    int overflow = 1;
    if (PyLong_CheckExact(value))
        number.whole = PyLong_AsLongLongAndOverflow(value, &overflow);
    return !overflow && sage_join_slots(operation, to, i, true, number);
}

static bool add_to_slot(const sage_step *by, AccumulatorObject *to, Py_ssize_t i, PyObject *record)
{
    if (by->operation == SAGE_COUNT && sage_join_slots(SAGE_COUNT, to, i, true, (sage_slot){.whole = 1}))
        return true;
    PyObject *value = begun(by, record);
    bool done = value && add_number(by->operation, to, i, value);
    if (value && !done) {
        PyObject *old = sage_slot_value(to, i);
        PyObject *both = old ? sage_joined(by->operation, old, value) : NULL;
        Py_XDECREF(old);
        if (both)
            sage_set_slot(to, i, both);
        done = both != NULL;
    }
    Py_XDECREF(value);
    return done;
}

/* What an accumulator holds at some moment. */
typedef struct {
    uint16_t wholes, reals, objects;
    sage_slot slots[SAGE_MOST_STEPS];
} sage_values;

static inline void look(const AccumulatorObject *at, sage_values *into)
{
    into->wholes = at->wholes;
    into->reals = at->reals;
    into->objects = (uint16_t)(((1u << at->count) - 1) & ~(unsigned)(at->wholes | at->reals));
    memcpy(into->slots, at->slots, (size_t)at->count * sizeof(sage_slot));
}

static inline void own(const sage_values *values)
{
    for (Py_ssize_t i = 0; values->objects >> i; i++)
        if (values->objects >> i & 1)
            Py_INCREF(values->slots[i].object);
}

static inline void disown(const sage_values *values)
{
    for (Py_ssize_t i = 0; values->objects >> i; i++)
        if (values->objects >> i & 1)
            Py_DECREF(values->slots[i].object);
}

/* `to` takes over what is owned by `values`. */
static void put_back(AccumulatorObject *to, const sage_values *values)
{
    sage_values now;
    look(to, &now);
    to->wholes = values->wholes;
    to->reals = values->reals;
    memcpy(to->slots, values->slots, (size_t)to->count * sizeof(sage_slot));
    disown(&now); /* last: it may run any code */
}

bool sage_add_to_accumulator(const sage_folding *by, PyObject *accumulator, PyObject *record)
{
    AccumulatorObject *to = sage_accumulator_of(by, accumulator);
    if (!to)
        return false;
    sage_values before;
    look(to, &before);
    own(&before);
    for (Py_ssize_t i = 0; i < by->count; i++)
        if (!add_to_slot(&by->steps[i], to, i, record)) {
            put_back(to, &before);
            return false;
        }
    disown(&before);
    return true;
}
