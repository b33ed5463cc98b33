/* Rows of Python values to one block of typed columns: which column becomes what, and the block. */
#include "py_packer.h"

/* SAGE_UNFIT unless the values are of one type but for some None. */
static sage_outcome write_nullable(sage_packer *to, sage_values values, Py_ssize_t count)
{
    PyTypeObject *type = NULL;
    Py_ssize_t present = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (values[i] == Py_None)
            continue;
        if (type && Py_TYPE(values[i]) != type)
            return SAGE_UNFIT;
        type = Py_TYPE(values[i]);
        present++;
    }
    if (present == count || present == 0)
        return SAGE_UNFIT;
    PyObject **kept = PyMem_New(PyObject *, present);
    if (!kept || !sage_write_tag(to, SAGE_NODE_NULLABLE) || !sage_write_filler(to, count)) {
        PyMem_Free(kept);
        return sage_no_memory();
    }
    uint8_t *bitmap = to->out.bytes + to->out.length - sage_bits((size_t)count);
    for (Py_ssize_t i = 0, next = 0; i < count; i++) {
        if (values[i] == Py_None)
            continue;
        bitmap[i / 8] |= (uint8_t)(1u << (i % 8));
        kept[next++] = values[i];
    }
    to->depth++;
    sage_outcome result = sage_write_node(to, kept, present);
    to->depth--;
    PyMem_Free(kept);
    return result;
}

static sage_pending *new_pending(sage_packer *to)
{
    if (to->pickle_count == to->pickle_capacity) {
        size_t capacity = to->pickle_capacity ? to->pickle_capacity * 2 : 4;
        sage_pending *pickles = PyMem_Realloc(to->pickles, capacity * sizeof *pickles);
        if (!pickles)
            return NULL;
        to->pickles = pickles;
        to->pickle_capacity = capacity;
    }
    return &to->pickles[to->pickle_count];
}

static sage_outcome write_pickle(sage_packer *to, sage_values values, Py_ssize_t count)
{
    sage_pending *place = new_pending(to);
    PyObject **kept = place ? PyMem_New(PyObject *, count) : NULL;
    if (!kept)
        return sage_no_memory();
    for (Py_ssize_t i = 0; i < count; i++)
        kept[i] = Py_NewRef(values[i]);
    *place = (sage_pending){kept, count};
    to->pickle_count++;
    return sage_write_tag(to, SAGE_NODE_PICKLE) && sage_write_filler(to, count) ? SAGE_WRITTEN : sage_no_memory();
}

static sage_outcome write_typed(sage_packer *to, sage_values values, Py_ssize_t count)
{
    PyObject *first = values[0];
    if (to->depth > SAGE_ROWS_MAX_DEPTH)
        return SAGE_UNFIT;
    if (PyUnicode_CheckExact(first))
        return sage_write_strs(to, values, count);
    if (PyLong_CheckExact(first))
        return sage_write_ints(to, values, count);
    if (PyTuple_CheckExact(first))
        return sage_write_tuples(to, values, count);
    if (PyDict_CheckExact(first))
        return sage_write_dicts(to, values, count);
    if (PyFloat_CheckExact(first))
        return sage_write_floats(to, values, count);
    if (first == Py_None)
        return sage_write_none(to, values, count);
    if (PyBool_Check(first))
        return sage_write_bools(to, values, count);
    if (PyBytes_CheckExact(first))
        return sage_write_bytes(to, values, count);
    if (Py_IS_TYPE(first, to->accumulator))
        return sage_write_accumulators(to, values, count);
    return SAGE_UNFIT;
}

sage_outcome sage_write_node(sage_packer *to, sage_values values, Py_ssize_t count)
{
    if (count == 0)
        return sage_write_tag(to, SAGE_NODE_NONE) ? SAGE_WRITTEN : sage_no_memory();
    sage_outcome result = write_typed(to, values, count);
    if (result == SAGE_UNFIT && to->depth <= SAGE_ROWS_MAX_DEPTH)
        result = write_nullable(to, values, count);
    return result == SAGE_UNFIT ? write_pickle(to, values, count) : result;
}

static bool check_columns(PyObject *columns, Py_ssize_t *rows)
{
    *rows = -1;
    if (!PyTuple_Check(columns) || PyTuple_GET_SIZE(columns) > SAGE_ROWS_MAX_COLUMNS) {
        PyErr_Format(PyExc_TypeError, "columns must be a tuple of at most %d lists", SAGE_ROWS_MAX_COLUMNS);
        return false;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(columns); i++) {
        PyObject *column = PyTuple_GET_ITEM(columns, i);
        if (column == Py_None)
            continue;
        if (!PyList_Check(column)) {
            PyErr_Format(PyExc_TypeError, "column %zd must be a list or None, found %s", i, Py_TYPE(column)->tp_name);
            return false;
        }
        if (*rows >= 0 && PyList_GET_SIZE(column) != *rows) {
            PyErr_Format(PyExc_ValueError, "column %zd has %zd rows, those before it %zd", i, PyList_GET_SIZE(column),
                         *rows);
            return false;
        }
        *rows = PyList_GET_SIZE(column);
    }
    *rows = *rows < 0 ? 0 : *rows;
    return true;
}

/* The number of an earlier column with the same objects, or -1. */
static Py_ssize_t find_same(PyObject *columns, Py_ssize_t column, Py_ssize_t rows)
{
    PyObject *list = PyTuple_GET_ITEM(columns, column);
    for (Py_ssize_t earlier = 0; earlier < column; earlier++) {
        PyObject *other = PyTuple_GET_ITEM(columns, earlier);
        if (other == Py_None)
            continue;
        if (other == list || memcmp(((PyListObject *)other)->ob_item, ((PyListObject *)list)->ob_item,
                                    (size_t)rows * sizeof(PyObject *)) == 0)
            return earlier;
    }
    return -1;
}

static sage_outcome write_column(sage_packer *to, PyObject *columns, Py_ssize_t column, Py_ssize_t rows)
{
    PyObject *list = PyTuple_GET_ITEM(columns, column);
    if (list == Py_None)
        return sage_write_tag(to, SAGE_NODE_ABSENT) ? SAGE_WRITTEN : sage_no_memory();
    Py_ssize_t same = rows ? find_same(columns, column, rows) : -1;
    if (same < 0)
        return sage_write_node(to, ((PyListObject *)list)->ob_item, rows);
    uint16_t earlier = (uint16_t)same;
    bool done = sage_write_tag(to, SAGE_NODE_SAME) && sage_buffer_append(&to->out, &earlier, sizeof earlier);
    return done ? SAGE_WRITTEN : sage_no_memory();
}

static bool write_columns(sage_packer *to, PyObject *columns, Py_ssize_t rows)
{
    sage_rows_header header = {
        .magic = SAGE_ROWS_MAGIC,
        .version = SAGE_ROWS_VERSION,
        .columns = (uint16_t)PyTuple_GET_SIZE(columns),
        .rows = (uint64_t)rows,
    };
    if (!sage_buffer_append(&to->out, &header, sizeof header))
        return sage_no_memory() != SAGE_FAILED;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(columns); i++)
        if (write_column(to, columns, i, rows) != SAGE_WRITTEN)
            return false;
    uint64_t pickles = to->out.length;
    memcpy(to->out.bytes + offsetof(sage_rows_header, pickles), &pickles, sizeof pickles);
    return true;
}

/* Moves the waiting values into a list. */
static PyObject *take_list(sage_pending *from)
{
    PyObject *list = PyList_New(from->count);
    if (!list)
        return NULL;
    for (Py_ssize_t i = 0; i < from->count; i++)
        PyList_SET_ITEM(list, i, from->values[i]);
    from->count = 0;
    return list;
}

static bool append_pickle(sage_packer *to, sage_pending *from, PyObject *pickle)
{
    PyObject *list = take_list(from);
    PyObject *bytes = list ? PyObject_CallOneArg(pickle, list) : NULL;
    Py_XDECREF(list);
    if (!bytes)
        return false;
    bool done = false;
    if (!PyBytes_Check(bytes)) {
        PyErr_Format(PyExc_TypeError, "pickle() must return bytes, found %s", Py_TYPE(bytes)->tp_name);
    }
    else {
        uint64_t length = (uint64_t)PyBytes_GET_SIZE(bytes);
        done = sage_buffer_append(&to->out, &length, sizeof length) &&
               sage_buffer_append(&to->out, PyBytes_AS_STRING(bytes), (size_t)length);
        if (!done)
            PyErr_NoMemory();
    }
    Py_DECREF(bytes);
    return done;
}

static void free_packer(sage_packer *from)
{
    for (size_t i = 0; i < from->pickle_count; i++) {
        for (Py_ssize_t j = 0; j < from->pickles[i].count; j++)
            Py_DECREF(from->pickles[i].values[j]);
        PyMem_Free(from->pickles[i].values);
    }
    PyMem_Free(from->pickles);
    sage_buffer_free(&from->out);
}

PyObject *sage_py_pack_rows(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    Py_ssize_t rows;
    sage_packer to = {.accumulator = ((sage_module_state *)PyModule_GetState(module))->accumulator_type};
    if (count != 2)
        return PyErr_Format(PyExc_TypeError, "expected pack_rows(columns, pickle)");
    if (!check_columns(args[0], &rows))
        return NULL;
    bool done = write_columns(&to, args[0], rows);
    for (size_t i = 0; done && i < to.pickle_count; i++)
        done = append_pickle(&to, &to.pickles[i], args[1]);
    PyObject *block = NULL;
    if (done)
        block = PyBytes_FromStringAndSize((const char *)to.out.bytes, (Py_ssize_t)to.out.length);
    free_packer(&to);
    return block;
}
