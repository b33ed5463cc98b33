#include "py_module.h"

static SegmentObject *new_object(PyTypeObject *type)
{
    SegmentObject *self = (SegmentObject *)type->tp_alloc(type, 0);
    if (self)
        self->segment.fd = -1;
    return self;
}

static PyObject *segment_create(PyObject *type, PyTypeObject *defining, PyObject *const *args, Py_ssize_t count,
                                PyObject *names)
{
    static const char *const expected = "create(name: str, size: int, *, numa_node: int = -1)";
    Py_ssize_t named = names ? PyTuple_GET_SIZE(names) : 0;
    if (count != 2 || named > 1 ||
        (named == 1 && PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, 0), "numa_node") != 0))
        return PyErr_Format(PyExc_TypeError, "expected %s", expected);
    const char *name = PyUnicode_AsUTF8(args[0]);
    Py_ssize_t size = name ? PyLong_AsSsize_t(args[1]) : -1;
    long numa_node = named && !PyErr_Occurred() ? PyLong_AsLong(args[2]) : -1;
    if (PyErr_Occurred())
        return NULL;
    if (size <= 0)
        return PyErr_Format(PyExc_ValueError, "size must be positive, found %zd", size);
    SegmentObject *self = new_object(defining);
    if (!self)
        return NULL;
    sage_status status;
    Py_BEGIN_ALLOW_THREADS
    status = sage_segment_create(&self->segment, name, (size_t)size, (int)numa_node);
    Py_END_ALLOW_THREADS
    if (status == SAGE_OK)
        return (PyObject *)self;
    sage_raise(status, "Segment.create");
    Py_DECREF(self);
    return NULL;
}

static PyObject *segment_attach(PyObject *type, PyTypeObject *defining, PyObject *const *args, Py_ssize_t count,
                                PyObject *names)
{
    if (count != 1 || names)
        return PyErr_Format(PyExc_TypeError, "expected attach(fd: int)");
    long fd = PyLong_AsLong(args[0]);
    if (fd == -1 && PyErr_Occurred())
        return NULL;
    SegmentObject *self = new_object(defining);
    if (!self)
        return NULL;
    sage_status status = sage_segment_attach(&self->segment, (int)fd);
    if (status == SAGE_OK)
        return (PyObject *)self;
    sage_raise(status, "Segment.attach");
    Py_DECREF(self);
    return NULL;
}

static void segment_dealloc(PyObject *self)
{
    sage_segment_close(&((SegmentObject *)self)->segment);
    sage_free_object(self);
}

static int segment_getbuffer(PyObject *self, Py_buffer *view, int flags)
{
    sage_segment *segment = &((SegmentObject *)self)->segment;
    return PyBuffer_FillInfo(view, self, segment->base, (Py_ssize_t)segment->size, 0, flags);
}

static PyObject *segment_view(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    if (count != 2)
        return PyErr_Format(PyExc_TypeError, "expected view(offset, length)");
    Py_ssize_t offset = PyLong_AsSsize_t(args[0]);
    Py_ssize_t length = PyErr_Occurred() ? -1 : PyLong_AsSsize_t(args[1]);
    if (PyErr_Occurred())
        return NULL;
    Py_ssize_t size = (Py_ssize_t)((SegmentObject *)self)->segment.size;
    if (offset < 0 || length < 0 || offset > size || length > size - offset)
        return PyErr_Format(PyExc_ValueError, "view of %zd bytes at %zd does not lie inside a segment of %zd", length,
                            offset, size);
    PyObject *whole = PyMemoryView_FromObject(self);
    PyObject *part = whole ? PySequence_GetSlice(whole, offset, offset + length) : NULL;
    Py_XDECREF(whole);
    return part;
}

static PyObject *segment_reset_ring(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    uint64_t bytes;
    if (count != 2)
        return PyErr_Format(PyExc_TypeError, "expected reset_ring(offset, capacity)");
    Py_ssize_t offset = PyLong_AsSsize_t(args[0]);
    Py_ssize_t capacity = PyErr_Occurred() ? -1 : PyLong_AsSsize_t(args[1]);
    if (PyErr_Occurred())
        return NULL;
    sage_status status = sage_ring_bytes((uint64_t)capacity, &bytes);
    if (status != SAGE_OK)
        return sage_raise(status, "Segment.reset_ring");
    void *memory = sage_place((SegmentObject *)self, (unsigned long long)offset, bytes, "Segment.reset_ring");
    if (!memory)
        return NULL;
    status = sage_ring_reset(memory, (uint64_t)capacity);
    if (status != SAGE_OK)
        return sage_raise(status, "Segment.reset_ring");
    Py_RETURN_NONE;
}

static PyObject *segment_fd(PyObject *self, void *unused)
{
    return PyLong_FromLong(((SegmentObject *)self)->segment.fd);
}

static PyObject *segment_size(PyObject *self, void *unused)
{
    return PyLong_FromSize_t(((SegmentObject *)self)->segment.size);
}

static PyObject *segment_mbind_errno(PyObject *self, void *unused)
{
    return PyLong_FromLong(((SegmentObject *)self)->segment.mbind_errno);
}

static PyMethodDef methods[] = {
    {"create", (PyCFunction)(void (*)(void))segment_create,
     METH_CLASS | METH_METHOD | METH_FASTCALL | METH_KEYWORDS, "New zeroed segment."},
    {"attach", (PyCFunction)(void (*)(void))segment_attach,
     METH_CLASS | METH_METHOD | METH_FASTCALL | METH_KEYWORDS, "Map an existing segment."},
    {"view", (PyCFunction)(void (*)(void))segment_view, METH_FASTCALL, "Writable bytes of the segment."},
    {"reset_ring", (PyCFunction)(void (*)(void))segment_reset_ring, METH_FASTCALL,
     "Empty the ring at an offset for another pair of ends."},
    {0},
};

static PyGetSetDef attributes[] = {
    {"fd", segment_fd, NULL, "The memfd; owned by this object.", NULL},
    {"size", segment_size, NULL, "Usable bytes.", NULL},
    {"mbind_errno", segment_mbind_errno, NULL, "0 when bound to the node asked for, or none was asked for.", NULL},
    {0},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "A memfd mapped shared into this process."},
    {Py_tp_dealloc, segment_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, attributes},
    {Py_bf_getbuffer, segment_getbuffer},
    {0, NULL},
};

PyType_Spec sage_segment_spec = {
    .name = "sage_local._native.Segment",
    .basicsize = sizeof(SegmentObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = slots,
};
