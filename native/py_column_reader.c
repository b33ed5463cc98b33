#include "py_module.h"

#include "columns_channel.h"

typedef struct {
    PyObject_HEAD
    RingReaderObject *ring;
    sage_shape shape;
    bool has_shape;
    sage_intake intake;
    bool is_whole;
    struct ArrowArray array; /* what was made last, where nobody moved it away */
} ColumnReaderObject;

static PyObject *reader_new(PyTypeObject *type, PyObject *args, PyObject *named)
{
    static char *names[] = {"ring", NULL};
    PyObject *ring;
    if (!PyArg_ParseTupleAndKeywords(args, named, "O!:ColumnReader", names, sage_state_of(type)->ring_reader_type, &ring))
        return NULL;
    ColumnReaderObject *self = (ColumnReaderObject *)type->tp_alloc(type, 0);
    if (self)
        self->ring = (RingReaderObject *)Py_NewRef(ring);
    return (PyObject *)self;
}

static void drop_array(ColumnReaderObject *self)
{
    if (self->array.release)
        self->array.release(&self->array);
}

static void reader_dealloc(PyObject *object)
{
    ColumnReaderObject *self = (ColumnReaderObject *)object;
    drop_array(self);
    sage_intake_give_up(&self->intake);
    sage_shape_free(&self->shape);
    Py_XDECREF(self->ring);
    sage_free_object(object);
}

static PyObject *reader_take(PyObject *object, PyObject *unused)
{
    ColumnReaderObject *self = (ColumnReaderObject *)object;
    RingReaderObject *ring = self->ring;
    sage_status status;
    if (ring->ring.next == 0)
        return PyErr_Format(PyExc_RuntimeError, "no record is held: peek() first");
    if (self->is_whole)
        sage_intake_give_up(&self->intake);
    self->is_whole = false;
    sage_mapping *mapping = ring->segment->segment.mapping;
    if (ring->record.length < RELEASE_GIL_BYTES) {
        status = sage_intake_take(&self->intake, &ring->record, &ring->arena, mapping);
    } else {
        ring->exports++; /* so that no other thread gives the record back */
        Py_BEGIN_ALLOW_THREADS
        status = sage_intake_take(&self->intake, &ring->record, &ring->arena, mapping);
        Py_END_ALLOW_THREADS
        ring->exports--;
    }
    self->is_whole = status == SAGE_OK;
    if (status == SAGE_OK || status == SAGE_EMPTY)
        return PyBool_FromLong(self->is_whole);
    return sage_raise(status, "ColumnReader.take");
}

static PyObject *reader_schema(PyObject *object, void *unused)
{
    ColumnReaderObject *self = (ColumnReaderObject *)object;
    if (!self->is_whole)
        return PyErr_Format(PyExc_RuntimeError, "no whole batch was taken");
    const sage_columns_header *header = (const sage_columns_header *)(const void *)self->intake.bytes;
    if (header->schema_bytes == 0)
        Py_RETURN_NONE;
    return PyBytes_FromStringAndSize((const char *)self->intake.bytes + header->schema_at,
                                     (Py_ssize_t)header->schema_bytes);
}

static PyObject *reader_learn(PyObject *object, PyObject *capsule)
{
    ColumnReaderObject *self = (ColumnReaderObject *)object;
    struct ArrowSchema *schema = PyCapsule_GetPointer(capsule, "arrow_schema");
    if (!schema)
        return NULL;
    sage_shape_free(&self->shape);
    sage_status status = sage_shape_make(&self->shape, schema);
    self->has_shape = status == SAGE_OK;
    if (status != SAGE_OK)
        return sage_raise(status, "ColumnReader.learn");
    Py_RETURN_NONE;
}

static PyObject *reader_array(PyObject *object, PyObject *unused)
{
    ColumnReaderObject *self = (ColumnReaderObject *)object;
    if (!self->is_whole || !self->has_shape)
        return PyErr_Format(PyExc_RuntimeError, "no whole batch was taken, or no schema learnt");
    drop_array(self);
    sage_status status = sage_intake_move(&self->intake, &self->shape, &self->array);
    if (status != SAGE_OK)
        return sage_raise(status, "ColumnReader.array");
    self->is_whole = false;
    return PyLong_FromVoidPtr(&self->array);
}

static PyMethodDef methods[] = {
    {"take", reader_take, METH_NOARGS, "Take in the record that the ring's peek returned; True when a batch is whole."},
    {"learn", reader_learn, METH_O, "The schema from this batch on."},
    {"array", reader_array, METH_NOARGS, "Where to import the batch from."},
    {0},
};

static PyGetSetDef attributes[] = {
    {"schema", reader_schema, NULL, "What the batch tells of a new schema, or None.", NULL},
    {0},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Reads record batches from a ring."},
    {Py_tp_new, reader_new},
    {Py_tp_dealloc, reader_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, attributes},
    {0, NULL},
};

PyType_Spec sage_column_reader_spec = {
    .name = "sage_local._native.ColumnReader",
    .basicsize = sizeof(ColumnReaderObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};
