#include "py_module.h"

static PyObject *writer_new(PyTypeObject *type, PyObject *args, PyObject *named)
{
    sage_ring_place place;
    if (!sage_parse_ring_place(type, args, named, "RingWriter", &place))
        return NULL;
    RingWriterObject *self = (RingWriterObject *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    self->segment = (SegmentObject *)Py_NewRef(place.segment);
    sage_status status = sage_ring_open_writer(&self->ring, place.ring, place.capacity);
    if (status == SAGE_OK && place.arena)
        status = sage_arena_open_writer(&self->arena, place.arena, place.arena_capacity, self->ring.generation);
    if (status == SAGE_OK)
        return (PyObject *)self;
    Py_DECREF(self);
    return sage_raise(status, "RingWriter");
}

static void writer_dealloc(PyObject *self)
{
    Py_XDECREF(((RingWriterObject *)self)->segment);
    sage_free_object(self);
}

static void copy(RingWriterObject *self, uint8_t *to, const uint8_t *from, size_t length)
{
    if (length < RELEASE_GIL_BYTES) {
        memcpy(to, from, length);
        return;
    }
    self->busy = true;
    Py_BEGIN_ALLOW_THREADS
    memcpy(to, from, length);
    Py_END_ALLOW_THREADS
    self->busy = false;
}

static PyObject *write_record(RingWriterObject *self, uint32_t kind, uint32_t flags, const uint8_t *bytes,
                              Py_ssize_t length)
{
    uint8_t *payload;
    if (self->busy)
        return PyErr_Format(PyExc_RuntimeError, "another thread is writing to this ring: it has a single producer");
    sage_status status = sage_ring_reserve(&self->ring, (uint64_t)length, &payload);
    if (status == SAGE_FULL)
        Py_RETURN_FALSE;
    if (status == SAGE_TOO_LARGE)
        return PyErr_Format(PyExc_ValueError, "a record of %zd bytes can never fit: max_record is %llu", length,
                            (unsigned long long)self->ring.max_record);
    if (status != SAGE_OK)
        return sage_raise(status, "RingWriter.try_write");
    copy(self, payload, bytes, (size_t)length);
    sage_ring_publish(&self->ring, kind, flags, (uint64_t)length);
    Py_RETURN_TRUE;
}

static bool to_u32(PyObject *number, uint32_t max, const char *what, uint32_t *result)
{
    long long value = PyLong_AsLongLong(number);
    if (value == -1 && PyErr_Occurred())
        return false;
    if (value < 0 || value > (long long)max) {
        PyErr_Format(PyExc_ValueError, "%s must be between 0 and %lu, found %lld", what, (unsigned long)max, value);
        return false;
    }
    *result = (uint32_t)value;
    return true;
}

static PyObject *writer_try_write(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    uint32_t kind, flags;
    Py_buffer view;
    if (count < 3 || count > 5)
        return PyErr_Format(PyExc_TypeError, "expected try_write(kind, flags, payload, start=0, stop=-1)");
    if (!to_u32(args[0], SAGE_KIND_MAX, "kind", &kind) || !to_u32(args[1], UINT32_MAX, "flags", &flags))
        return NULL;
    Py_ssize_t start = count > 3 ? PyLong_AsSsize_t(args[3]) : 0;
    if (start == -1 && PyErr_Occurred())
        return NULL;
    Py_ssize_t stop = count > 4 ? PyLong_AsSsize_t(args[4]) : -1;
    if (stop == -1 && PyErr_Occurred())
        return NULL;
    if (PyObject_GetBuffer(args[2], &view, PyBUF_SIMPLE) < 0)
        return NULL;
    PyObject *result;
    if (stop == -1)
        stop = view.len;
    if (start < 0 || stop < start || stop > view.len)
        result = PyErr_Format(PyExc_ValueError, "[%zd:%zd] does not lie inside a payload of %zd bytes", start, stop,
                              view.len);
    else
        result = write_record((RingWriterObject *)self, kind, flags, (const uint8_t *)view.buf + start, stop - start);
    PyBuffer_Release(&view);
    return result;
}

static PyObject *writer_max_record(PyObject *self, void *unused)
{
    return PyLong_FromUnsignedLongLong(((RingWriterObject *)self)->ring.max_record);
}

static PyObject *writer_written(PyObject *self, void *unused)
{
    return PyLong_FromUnsignedLongLong(((RingWriterObject *)self)->ring.written);
}

static PyObject *writer_in_flight(PyObject *self, void *unused)
{
    return PyLong_FromUnsignedLongLong(sage_ring_in_flight(&((RingWriterObject *)self)->ring));
}

static PyObject *writer_in_flight_bytes(PyObject *self, void *unused)
{
    return PyLong_FromUnsignedLongLong(sage_ring_in_flight_bytes(&((RingWriterObject *)self)->ring));
}

static PyObject *writer_released(PyObject *self, void *unused)
{
    return PyLong_FromUnsignedLongLong(sage_ring_released(&((RingWriterObject *)self)->ring));
}

static PyObject *writer_released_ns(PyObject *self, void *unused)
{
    return PyLong_FromUnsignedLongLong(sage_ring_released_ns(&((RingWriterObject *)self)->ring));
}

static PyObject *writer_await_release(PyObject *self, PyObject *awaits)
{
    int truth = PyObject_IsTrue(awaits);
    if (truth < 0)
        return NULL;
    sage_ring_writer *ring = &((RingWriterObject *)self)->ring;
    bool awaited = ring->awaits_release;
    sage_ring_await_release(ring, truth);
    /* The end of a ring that was emptied awaits nothing: nobody would answer. */
    return PyBool_FromLong(!awaited && ring->awaits_release);
}

static PyMethodDef methods[] = {
    {"await_release", writer_await_release, METH_O, "Whether we wait for a release; True when we begin to."},
    {"try_write", (PyCFunction)(void (*)(void))writer_try_write, METH_FASTCALL,
     "Copy payload[start:stop] in and publish it as one record; False when there is no room now."},
    {0},
};

static PyGetSetDef attributes[] = {
    {"max_record", writer_max_record, NULL, "Largest payload of one record.", NULL},
    {"written", writer_written, NULL, "Records ever written.", NULL},
    {"released", writer_released, NULL, "Records ever released by the reader.", NULL},
    {"released_ns", writer_released_ns, NULL, "When the last of them was, by the reader's clock.", NULL},
    {"in_flight", writer_in_flight, NULL, "Records written and not yet released.", NULL},
    {"in_flight_bytes", writer_in_flight_bytes, NULL, "Bytes written and not yet released.", NULL},
    {0},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Producer side of a ring in a segment."},
    {Py_tp_new, writer_new},
    {Py_tp_dealloc, writer_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, attributes},
    {0, NULL},
};

PyType_Spec sage_ring_writer_spec = {
    .name = "sage_local._native.RingWriter",
    .basicsize = sizeof(RingWriterObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};
