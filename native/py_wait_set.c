#include "py_module.h"

#include <math.h>

/* How long `pause` alone is worth it; beyond, the core is given away and the GIL with it (data plane, rule 4). */
#define PAUSE_NS 1000

typedef struct {
    PyObject_HEAD
    PyObject *readers; /* tuples, which keep the rings alive */
    PyObject *writers;
    sage_wait_set set;
    bool busy; /* spinning without the GIL */
} WaitSetObject;

static PyObject *tuple_of(PyObject *sequence, PyTypeObject *type)
{
    PyObject *tuple = PySequence_Tuple(sequence);
    for (Py_ssize_t i = 0; tuple && i < PyTuple_GET_SIZE(tuple); i++) {
        PyObject *item = PyTuple_GET_ITEM(tuple, i);
        if (!Py_IS_TYPE(item, type)) {
            PyErr_Format(PyExc_TypeError, "expected %s, found %s", type->tp_name, Py_TYPE(item)->tp_name);
            Py_CLEAR(tuple);
        }
    }
    return tuple;
}

static bool fill(WaitSetObject *self)
{
    size_t readers = (size_t)PyTuple_GET_SIZE(self->readers);
    size_t writers = (size_t)PyTuple_GET_SIZE(self->writers);
    self->set.readers = PyMem_Calloc(readers ? readers : 1, sizeof *self->set.readers);
    self->set.writers = PyMem_Calloc(writers ? writers : 1, sizeof *self->set.writers);
    if (!self->set.readers || !self->set.writers) {
        PyErr_NoMemory();
        return false;
    }
    self->set.reader_count = readers;
    self->set.writer_count = writers;
    for (size_t i = 0; i < readers; i++)
        self->set.readers[i] = &((RingReaderObject *)PyTuple_GET_ITEM(self->readers, (Py_ssize_t)i))->ring;
    for (size_t i = 0; i < writers; i++)
        self->set.writers[i] = &((RingWriterObject *)PyTuple_GET_ITEM(self->writers, (Py_ssize_t)i))->ring;
    return true;
}

static PyObject *wait_set_new(PyTypeObject *type, PyObject *args, PyObject *named)
{
    static char *names[] = {"readers", "writers", NULL};
    PyObject *readers, *writers;
    sage_module_state *state = sage_state_of(type);
    if (!PyArg_ParseTupleAndKeywords(args, named, "OO:WaitSet", names, &readers, &writers))
        return NULL;
    WaitSetObject *self = (WaitSetObject *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    self->readers = tuple_of(readers, state->ring_reader_type);
    self->writers = self->readers ? tuple_of(writers, state->ring_writer_type) : NULL;
    if (self->writers && fill(self))
        return (PyObject *)self;
    Py_DECREF(self);
    return NULL;
}

static void wait_set_dealloc(PyObject *self)
{
    WaitSetObject *wait_set = (WaitSetObject *)self;
    Py_XDECREF(wait_set->readers);
    Py_XDECREF(wait_set->writers);
    PyMem_Free(wait_set->set.readers);
    PyMem_Free(wait_set->set.writers);
    sage_free_object(self);
}

static PyObject *wait_set_ready(PyObject *self, PyObject *unused)
{
    return PyBool_FromLong(sage_wait_ready(&((WaitSetObject *)self)->set));
}

static PyObject *wait_set_spin(PyObject *self, PyObject *budget)
{
    WaitSetObject *wait_set = (WaitSetObject *)self;
    double budget_us = PyFloat_AsDouble(budget);
    if (budget_us == -1.0 && PyErr_Occurred())
        return NULL;
    if (!(budget_us >= 0 && budget_us <= 1e9))
        return PyErr_Format(PyExc_ValueError, "budget_us must be between 0 and 1e9, found %R", budget);
    if (wait_set->busy)
        return PyErr_Format(PyExc_RuntimeError, "another thread is spinning on this wait set");
    uint64_t budget_ns = (uint64_t)(budget_us * 1000);
    uint64_t pause_ns = budget_ns < PAUSE_NS ? budget_ns : PAUSE_NS;
    bool found = sage_wait_pausing(&wait_set->set, pause_ns);
    if (!found && budget_ns > pause_ns) {
        wait_set->busy = true;
        Py_BEGIN_ALLOW_THREADS
        found = sage_wait_yielding(&wait_set->set, budget_ns - pause_ns);
        Py_END_ALLOW_THREADS
        wait_set->busy = false;
    }
    return PyBool_FromLong(found);
}

static PyMethodDef methods[] = {
    {"ready", wait_set_ready, METH_NOARGS, "Any reader has a record, or a writer what it awaits."},
    {"spin", wait_set_spin, METH_O, "Look until ready() or the budget in microseconds is spent."},
    {0},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Rings looked at together."},
    {Py_tp_new, wait_set_new},
    {Py_tp_dealloc, wait_set_dealloc},
    {Py_tp_methods, methods},
    {0, NULL},
};

PyType_Spec sage_wait_set_spec = {
    .name = "sage_local._native.WaitSet",
    .basicsize = sizeof(WaitSetObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};
