#include "py_accumulator.h"

AccumulatorObject *sage_new_accumulator(PyTypeObject *type, Py_ssize_t count)
{
    AccumulatorObject *self = PyObject_Malloc(offsetof(AccumulatorObject, slots) + (size_t)count * sizeof(sage_slot));
    if (!self)
        return (AccumulatorObject *)PyErr_NoMemory();
    PyObject_Init((PyObject *)self, type);
    self->count = (uint16_t)count;
    self->wholes = (uint16_t)((1u << count) - 1);
    self->reals = 0;
    memset(self->slots, 0, (size_t)count * sizeof(sage_slot));
    return self;
}

PyObject *sage_slot_value(const AccumulatorObject *self, Py_ssize_t i)
{
    if (sage_is_whole(self, i))
        return PyLong_FromLongLong(self->slots[i].whole);
    return sage_is_real(self, i) ? PyFloat_FromDouble(self->slots[i].real) : Py_NewRef(self->slots[i].object);
}

/* Whether `value` is an int within int64; a subclass is not, nor is a bool: the type of a value survives. */
static bool read_whole(PyObject *value, int64_t *into)
{
    int overflow = 1;
    if (PyLong_CheckExact(value))
        *into = PyLong_AsLongLongAndOverflow(value, &overflow);
    return !overflow;
}

void sage_set_slot(AccumulatorObject *self, Py_ssize_t i, PyObject *value)
{
    uint16_t bit = (uint16_t)(1u << i);
    PyObject *old = (self->wholes | self->reals) & bit ? NULL : self->slots[i].object;
    sage_slot *slot = &self->slots[i];
    bool is_whole = read_whole(value, &slot->whole), is_real = PyFloat_CheckExact(value);
    if (is_real)
        slot->real = PyFloat_AS_DOUBLE(value);
    self->wholes = (uint16_t)(is_whole ? self->wholes | bit : self->wholes & ~bit);
    self->reals = (uint16_t)(is_real ? self->reals | bit : self->reals & ~bit);
    if (is_whole || is_real)
        Py_DECREF(value);
    else
        slot->object = value;
    Py_XDECREF(old);
}

static PyObject *accumulator_new(PyTypeObject *type, PyObject *args, PyObject *named)
{
    static char *names[] = {"values", NULL};
    PyObject *given;
    if (!PyArg_ParseTupleAndKeywords(args, named, "O:Accumulator", names, &given))
        return NULL;
    PyObject *values = PySequence_Tuple(given);
    if (!values)
        return NULL;
    Py_ssize_t count = PyTuple_GET_SIZE(values);
    AccumulatorObject *self = NULL;
    if (count < 1 || count > SAGE_MOST_STEPS)
        PyErr_Format(PyExc_ValueError, "expected 1 to %d values, found %zd", SAGE_MOST_STEPS, count);
    else
        self = sage_new_accumulator(type, count);
    for (Py_ssize_t i = 0; self && i < count; i++)
        sage_set_slot(self, i, Py_NewRef(PyTuple_GET_ITEM(values, i)));
    Py_DECREF(values);
    return (PyObject *)self;
}

void sage_clear_slots(AccumulatorObject *self)
{
    Py_ssize_t count = self->count;
    self->count = 0;
    for (Py_ssize_t i = 0; i < count; i++)
        if (!sage_is_whole(self, i) && !sage_is_real(self, i))
            Py_DECREF(self->slots[i].object);
}

static void accumulator_dealloc(PyObject *object)
{
    sage_clear_slots((AccumulatorObject *)object);
    sage_free_object(object);
}

static Py_ssize_t accumulator_length(PyObject *self)
{
    return ((AccumulatorObject *)self)->count;
}

static bool has_slot(const AccumulatorObject *self, Py_ssize_t i)
{
    if (i >= 0 && i < self->count)
        return true;
    PyErr_Format(PyExc_IndexError, "the accumulator has %d values, found index %zd", self->count, i);
    return false;
}

static PyObject *accumulator_item(PyObject *object, Py_ssize_t i)
{
    AccumulatorObject *self = (AccumulatorObject *)object;
    return has_slot(self, i) ? sage_slot_value(self, i) : NULL;
}

static int accumulator_set_item(PyObject *object, Py_ssize_t i, PyObject *value)
{
    AccumulatorObject *self = (AccumulatorObject *)object;
    if (!has_slot(self, i))
        return -1;
    if (!value) {
        PyErr_SetString(PyExc_TypeError, "a value of an accumulator can not be deleted");
        return -1;
    }
    sage_set_slot(self, i, Py_NewRef(value));
    return 0;
}

static PyObject *accumulator_reduce(PyObject *self, PyObject *unused)
{
    PyObject *values = PySequence_Tuple(self);
    return values ? Py_BuildValue("O(N)", Py_TYPE(self), values) : NULL;
}

static PyObject *accumulator_compare(PyObject *self, PyObject *other, int operation)
{
    if ((operation != Py_EQ && operation != Py_NE) || Py_TYPE(other) != Py_TYPE(self))
        Py_RETURN_NOTIMPLEMENTED;
    PyObject *first = PySequence_Tuple(self), *second = first ? PySequence_Tuple(other) : NULL;
    PyObject *result = second ? PyObject_RichCompare(first, second, operation) : NULL;
    Py_XDECREF(second);
    Py_XDECREF(first);
    return result;
}

static PyObject *accumulator_repr(PyObject *self)
{
    PyObject *values = PySequence_Tuple(self);
    PyObject *text = values ? PyUnicode_FromFormat("Accumulator(%R)", values) : NULL;
    Py_XDECREF(values);
    return text;
}

static PyMethodDef methods[] = {
    {"__reduce__", accumulator_reduce, METH_NOARGS, "For pickle."},
    {0},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "A value for each of some steps."},
    {Py_tp_new, accumulator_new},
    {Py_tp_dealloc, accumulator_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_richcompare, accumulator_compare},
    {Py_tp_repr, accumulator_repr},
    {Py_sq_length, accumulator_length},
    {Py_sq_item, accumulator_item},
    {Py_sq_ass_item, accumulator_set_item},
    {0, NULL},
};

PyType_Spec sage_accumulator_spec = {
    .name = "sage_local._native.Accumulator",
    .basicsize = sizeof(AccumulatorObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};
