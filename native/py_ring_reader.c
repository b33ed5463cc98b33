#include "py_module.h"

#include "columns_channel.h"

static PyObject *reader_new(PyTypeObject *type, PyObject *args, PyObject *named)
{
    sage_ring_place place;
    if (!sage_parse_ring_place(type, args, named, "RingReader", &place))
        return NULL;
    RingReaderObject *self = (RingReaderObject *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    self->segment = (SegmentObject *)Py_NewRef(place.segment);
    sage_status status = sage_ring_open_reader(&self->ring, place.ring, place.capacity);
    if (status == SAGE_OK && place.arena)
        status = sage_columns_open_arena(&self->arena, place.arena, place.arena_capacity, &self->ring);
    if (status == SAGE_OK)
        return (PyObject *)self;
    Py_DECREF(self);
    return sage_raise(status, "RingReader");
}

static void reader_dealloc(PyObject *self)
{
    Py_XDECREF(((RingReaderObject *)self)->segment);
    sage_free_object(self);
}

/* The record at hand. Read-only: what is read may be looked at by others as well. */
static int reader_getbuffer(PyObject *self, Py_buffer *view, int flags)
{
    RingReaderObject *reader = (RingReaderObject *)self;
    if (reader->ring.next == 0) {
        PyErr_SetString(PyExc_BufferError, "no record is held: peek() first");
        view->obj = NULL;
        return -1;
    }
    int failed = PyBuffer_FillInfo(view, self, (void *)(uintptr_t)reader->record.payload,
                                   (Py_ssize_t)reader->record.length, 1, flags);
    if (!failed)
        reader->exports++;
    return failed;
}

static void reader_releasebuffer(PyObject *self, Py_buffer *view)
{
    ((RingReaderObject *)self)->exports--;
}

static PyObject *reader_peek(PyObject *self, PyObject *unused)
{
    RingReaderObject *reader = (RingReaderObject *)self;
    sage_status status = sage_ring_peek(&reader->ring, &reader->record);
    if (status == SAGE_EMPTY)
        Py_RETURN_NONE;
    if (status != SAGE_OK)
        return sage_raise(status, "RingReader.peek");
    PyObject *view = PyMemoryView_FromObject(self);
    if (!view)
        return NULL;
    return Py_BuildValue("(IIN)", reader->record.kind, reader->record.flags, view);
}

static PyObject *reader_release(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    RingReaderObject *reader = (RingReaderObject *)self;
    if (count > 1)
        return PyErr_Format(PyExc_TypeError, "expected release(now_ns=0)");
    long long now_ns = count ? PyLong_AsLongLong(args[0]) : 0;
    if (now_ns == -1 && PyErr_Occurred())
        return NULL;
    if (reader->exports > 0)
        return PyErr_Format(PyExc_BufferError, "%zd view(s) of the record are still in use", reader->exports);
    sage_ring_release(&reader->ring, (uint64_t)now_ns);
    return PyBool_FromLong(sage_ring_is_awaited(&reader->ring));
}

static PyObject *reader_ready(PyObject *self, void *unused)
{
    return PyBool_FromLong(sage_ring_is_ready(&((RingReaderObject *)self)->ring));
}

static PyMethodDef methods[] = {
    {"peek", reader_peek, METH_NOARGS, "(kind, flags, payload) of the next record in place, or None."},
    {"release", (PyCFunction)(void (*)(void))reader_release, METH_FASTCALL,
     "Give the record returned by peek back to the writer; True when it waits for that."},
    {0},
};

static PyGetSetDef attributes[] = {
    {"ready", reader_ready, NULL, "Whether a record is there.", NULL},
    {0},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Consumer side of a ring in a segment."},
    {Py_tp_new, reader_new},
    {Py_tp_dealloc, reader_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, attributes},
    {Py_bf_getbuffer, reader_getbuffer},
    {Py_bf_releasebuffer, reader_releasebuffer},
    {0, NULL},
};

PyType_Spec sage_ring_reader_spec = {
    .name = "sage_local._native.RingReader",
    .basicsize = sizeof(RingReaderObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};
