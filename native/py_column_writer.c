#include "py_module.h"

#include "columns_channel.h"

typedef struct {
    PyObject_HEAD
    RingWriterObject *ring;
    PyObject *schema; /* bytes that the next batch tells the reader, or NULL */
    sage_shape shape; /* of no children before `learn` */
    bool has_shape;
    sage_columns_plan plan;
    struct ArrowArray array; /* the batch at hand; released: none */
    bool is_planned;
    uint64_t written;
} ColumnWriterObject;

static PyObject *writer_new(PyTypeObject *type, PyObject *args, PyObject *named)
{
    static char *names[] = {"ring", NULL};
    PyObject *ring;
    if (!PyArg_ParseTupleAndKeywords(args, named, "O!:ColumnWriter", names, sage_state_of(type)->ring_writer_type, &ring))
        return NULL;
    ColumnWriterObject *self = (ColumnWriterObject *)type->tp_alloc(type, 0);
    if (self)
        self->ring = (RingWriterObject *)Py_NewRef(ring);
    return (PyObject *)self;
}

static void drop_batch(ColumnWriterObject *self)
{
    if (self->array.release)
        self->array.release(&self->array);
    self->is_planned = false;
}

static void writer_dealloc(PyObject *object)
{
    ColumnWriterObject *self = (ColumnWriterObject *)object;
    drop_batch(self);
    sage_columns_plan_free(&self->plan);
    sage_shape_free(&self->shape);
    Py_XDECREF(self->schema);
    Py_XDECREF(self->ring);
    sage_free_object(object);
}

static PyObject *writer_learn(PyObject *object, PyObject *const *args, Py_ssize_t count)
{
    ColumnWriterObject *self = (ColumnWriterObject *)object;
    if (count != 2 || !PyBytes_Check(args[1]))
        return PyErr_Format(PyExc_TypeError, "expected learn(schema capsule, bytes)");
    if (self->array.release)
        return PyErr_Format(PyExc_RuntimeError, "a batch is being written");
    struct ArrowSchema *schema = PyCapsule_GetPointer(args[0], "arrow_schema");
    if (!schema)
        return NULL;
    sage_shape_free(&self->shape);
    sage_status status = sage_shape_make(&self->shape, schema);
    self->has_shape = status == SAGE_OK;
    if (status != SAGE_OK)
        return sage_raise(status, "ColumnWriter.learn");
    Py_XSETREF(self->schema, Py_NewRef(args[1]));
    Py_RETURN_NONE;
}

static PyObject *writer_array(PyObject *object, void *unused)
{
    ColumnWriterObject *self = (ColumnWriterObject *)object;
    if (self->array.release)
        return PyErr_Format(PyExc_RuntimeError, "a batch is being written");
    return PyLong_FromVoidPtr(&self->array);
}

static sage_status plan(ColumnWriterObject *self)
{
    uint64_t bytes = self->schema ? (uint64_t)PyBytes_GET_SIZE(self->schema) : 0;
    const uint8_t *schema = self->schema ? (const uint8_t *)PyBytes_AS_STRING(self->schema) : NULL;
    self->written = 0;
    return sage_columns_plan_make(&self->plan, &self->shape, &self->array, schema, bytes);
}

static sage_status send(ColumnWriterObject *self, uint32_t flags)
{
    sage_status status;
    if (self->plan.bytes - self->written < RELEASE_GIL_BYTES)
        return sage_columns_send(&self->plan, &self->ring->ring, &self->ring->arena, flags, &self->written);
    self->ring->busy = true;
    Py_BEGIN_ALLOW_THREADS
    status = sage_columns_send(&self->plan, &self->ring->ring, &self->ring->arena, flags, &self->written);
    Py_END_ALLOW_THREADS
    self->ring->busy = false;
    return status;
}

static PyObject *writer_write(PyObject *object, PyObject *number)
{
    ColumnWriterObject *self = (ColumnWriterObject *)object;
    unsigned long flags = PyLong_AsUnsignedLong(number);
    if (flags == (unsigned long)-1 && PyErr_Occurred())
        return NULL;
    if (self->ring->busy)
        return PyErr_Format(PyExc_RuntimeError, "another thread is writing to this ring: it has a single producer");
    if (!self->array.release || !self->has_shape)
        return PyErr_Format(PyExc_RuntimeError, "no batch was exported, or no schema learnt");
    sage_status status = self->is_planned ? SAGE_OK : plan(self);
    self->is_planned = status == SAGE_OK;
    if (status == SAGE_OK)
        status = send(self, (uint32_t)flags);
    if (status == SAGE_FULL)
        Py_RETURN_FALSE;
    drop_batch(self);
    if (status != SAGE_OK)
        return sage_raise(status, "ColumnWriter.write");
    Py_CLEAR(self->schema);
    Py_RETURN_TRUE;
}

static PyMethodDef methods[] = {
    {"learn", (PyCFunction)(void (*)(void))writer_learn, METH_FASTCALL, "The schema from the next batch on."},
    {"write", writer_write, METH_O, "Write what was exported, or what is left of it; False when it waits for room."},
    {0},
};

static PyGetSetDef attributes[] = {
    {"array", writer_array, NULL, "Where to export the next batch to.", NULL},
    {0},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Writes record batches to a ring."},
    {Py_tp_new, writer_new},
    {Py_tp_dealloc, writer_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, attributes},
    {0, NULL},
};

PyType_Spec sage_column_writer_spec = {
    .name = "sage_local._native.ColumnWriter",
    .basicsize = sizeof(ColumnWriterObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};
