#include "py_module.h"

#include <math.h>

typedef struct {
    PyObject_HEAD
    SegmentObject *segment; /* keeps the mapping alive */
    sage_doorbell_line *line;
    int eventfd;
} DoorbellObject;

static PyObject *doorbell_new(PyTypeObject *type, PyObject *args, PyObject *named)
{
    static char *names[] = {"segment", "offset", "eventfd", NULL};
    PyObject *segment;
    Py_ssize_t offset;
    int eventfd = -1;
    if (!PyArg_ParseTupleAndKeywords(args, named, "O!n|i:Doorbell", names, sage_state_of(type)->segment_type, &segment,
                                     &offset, &eventfd))
        return NULL;
    void *line = sage_place((SegmentObject *)segment, (unsigned long long)offset, sizeof(sage_doorbell_line),
                            "Doorbell");
    if (!line)
        return NULL;
    DoorbellObject *self = (DoorbellObject *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    self->segment = (SegmentObject *)Py_NewRef(segment);
    self->line = line;
    self->eventfd = eventfd;
    return (PyObject *)self;
}

static void doorbell_dealloc(PyObject *self)
{
    Py_XDECREF(((DoorbellObject *)self)->segment);
    sage_free_object(self);
}

static PyObject *doorbell_arm(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    if (count > 1)
        return PyErr_Format(PyExc_TypeError, "expected arm(word=1)");
    long word = count ? PyLong_AsLong(args[0]) : SAGE_PARKED_ON_FUTEX;
    if (word == -1 && PyErr_Occurred())
        return NULL;
    if (word != SAGE_PARKED_ON_FUTEX && word != SAGE_PARKED_ON_EVENTFD)
        return PyErr_Format(PyExc_ValueError, "word must be 1 (futex) or 2 (eventfd), found %ld", word);
    if (word == SAGE_PARKED_ON_EVENTFD && ((DoorbellObject *)self)->eventfd < 0)
        return sage_raise(SAGE_NO_EVENTFD, "Doorbell.arm");
    sage_doorbell_arm(((DoorbellObject *)self)->line, (uint32_t)word);
    Py_RETURN_NONE;
}

static PyObject *doorbell_disarm(PyObject *self, PyObject *unused)
{
    sage_doorbell_disarm(((DoorbellObject *)self)->line);
    Py_RETURN_NONE;
}

/* Nanoseconds, -1 for ever. A century is for ever: it would not fit an int64 of nanoseconds much longer. */
static int64_t to_ns(double timeout_s)
{
    if (timeout_s > 3e9)
        return -1;
    return timeout_s > 0 ? (int64_t)(timeout_s * 1e9) : 0;
}

static PyObject *doorbell_wait(PyObject *self, PyObject *timeout)
{
    double timeout_s = PyFloat_AsDouble(timeout);
    if (timeout_s == -1.0 && PyErr_Occurred())
        return NULL;
    if (isnan(timeout_s))
        return PyErr_Format(PyExc_ValueError, "timeout_s must be a number, found nan");
    sage_status status;
    Py_BEGIN_ALLOW_THREADS
    status = sage_doorbell_wait(((DoorbellObject *)self)->line, to_ns(timeout_s));
    Py_END_ALLOW_THREADS
    if (PyErr_CheckSignals() < 0)
        return NULL;
    if (status == SAGE_SYSTEM)
        return sage_raise(status, "Doorbell.wait");
    return PyBool_FromLong(status != SAGE_TIMEOUT);
}

static PyObject *doorbell_notify(PyObject *self, PyObject *unused)
{
    DoorbellObject *doorbell = (DoorbellObject *)self;
    bool sent;
    sage_status status = sage_doorbell_notify(doorbell->line, doorbell->eventfd, &sent);
    return status == SAGE_OK ? PyBool_FromLong(sent) : sage_raise(status, "Doorbell.notify");
}

static PyObject *doorbell_wake(PyObject *self, PyObject *unused)
{
    DoorbellObject *doorbell = (DoorbellObject *)self;
    sage_status status = sage_doorbell_wake(doorbell->line, doorbell->eventfd);
    if (status != SAGE_OK)
        return sage_raise(status, "Doorbell.wake");
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"arm", (PyCFunction)(void (*)(void))doorbell_arm, METH_FASTCALL, "Waiter: announce parking; look again after it."},
    {"disarm", doorbell_disarm, METH_NOARGS, "Waiter: not parking after all."},
    {"wait", doorbell_wait, METH_O, "Waiter: sleep until rung (True) or the timeout in seconds (False)."},
    {"notify", doorbell_notify, METH_NOARGS, "Notifier: wake a parked waiter; True when a wake was sent."},
    {"wake", doorbell_wake, METH_NOARGS, "Wake unconditionally: after any death."},
    {0},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "One futex word: 0 awake, 1 parked, 2 parked on the eventfd."},
    {Py_tp_new, doorbell_new},
    {Py_tp_dealloc, doorbell_dealloc},
    {Py_tp_methods, methods},
    {0, NULL},
};

PyType_Spec sage_doorbell_spec = {
    .name = "sage_local._native.Doorbell",
    .basicsize = sizeof(DoorbellObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};
