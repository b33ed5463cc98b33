/* A block written by py_pack.c back to rows: which node is what, and the block. */
#include "py_unpacker.h"

bool sage_malformed(const sage_unpacker *from, const char *what)
{
    if (!PyErr_Occurred())
        PyErr_Format(PyExc_ValueError, "malformed row block: %s at byte %zd of %zd", what,
                     (Py_ssize_t)(from->at - from->start), (Py_ssize_t)(from->end - from->start));
    return false;
}

const uint8_t *sage_take(sage_unpacker *from, size_t count, size_t size)
{
    size_t left = (size_t)(from->nodes_end - from->at);
    if (size != 0 && count > left / size) {
        sage_malformed(from, "it ends too early");
        return NULL;
    }
    const uint8_t *taken = from->at;
    from->at += count * size;
    return taken;
}

PyObject **sage_new_slots(const sage_unpacker *from, size_t rows, size_t columns)
{
    /* Each column of items takes at least a bit per row (rows_format.h). */
    if (columns != 0 && sage_bits(rows) > (size_t)(from->nodes_end - from->at) / columns) {
        sage_malformed(from, "it has fewer bytes than items");
        return NULL;
    }
    PyObject **slots = PyMem_Calloc(rows * columns + 1, sizeof *slots);
    if (!slots)
        PyErr_NoMemory();
    return slots;
}

void sage_free_slots(PyObject **slots, size_t count)
{
    for (size_t i = 0; i < count; i++)
        Py_XDECREF(slots[i]);
    PyMem_Free(slots);
}

static bool is_set(const uint8_t *bitmap, Py_ssize_t i)
{
    return bitmap[i / 8] >> (i % 8) & 1;
}

static bool read_nullable(sage_unpacker *from, Py_ssize_t count, PyObject **slots)
{
    const uint8_t *bitmap = sage_take(from, sage_bits((size_t)count), 1);
    Py_ssize_t present = 0;
    if (!bitmap)
        return false;
    for (Py_ssize_t i = 0; i < count; i++)
        present += is_set(bitmap, i);
    PyObject **kept = sage_new_slots(from, (size_t)present, 1);
    if (!kept)
        return false;
    from->depth++;
    bool done = sage_read_node(from, present, kept);
    from->depth--;
    for (Py_ssize_t i = 0, next = 0; done && i < count; i++) {
        if (!is_set(bitmap, i)) {
            slots[i] = Py_NewRef(Py_None);
            continue;
        }
        slots[i] = kept[next];
        kept[next++] = NULL;
    }
    sage_free_slots(kept, (size_t)present);
    return done;
}

static PyObject *next_pickle(sage_unpacker *from)
{
    uint64_t length;
    size_t left = (size_t)(from->end - from->pickle);
    if (left < sizeof length) {
        sage_malformed(from, "a pickle is missing");
        return NULL;
    }
    memcpy(&length, from->pickle, sizeof length);
    if (length > left - sizeof length) {
        sage_malformed(from, "a pickle ends too early");
        return NULL;
    }
    Py_ssize_t start = from->pickle - from->start + (Py_ssize_t)sizeof length;
    from->pickle += sizeof length + length;
    return PySequence_GetSlice(from->view, start, start + (Py_ssize_t)length);
}

static bool read_pickle(sage_unpacker *from, Py_ssize_t count, PyObject **slots)
{
    from->in_cycles = true;
    if (!sage_take_filler(from, count))
        return false;
    PyObject *bytes = next_pickle(from);
    PyObject *list = bytes ? PyObject_CallOneArg(from->unpickle, bytes) : NULL;
    Py_XDECREF(bytes);
    if (!list)
        return false;
    bool done = PyList_CheckExact(list) && PyList_GET_SIZE(list) == count;
    if (!done)
        sage_malformed(from, "a pickle is not a list with an item for each row");
    for (Py_ssize_t i = 0; done && i < count; i++)
        slots[i] = Py_NewRef(PyList_GET_ITEM(list, i));
    Py_DECREF(list);
    return done;
}

bool sage_read_node(sage_unpacker *from, Py_ssize_t count, PyObject **slots)
{
    if (from->depth > SAGE_ROWS_MAX_DEPTH + 1)
        return sage_malformed(from, "it is nested too deeply");
    const uint8_t *type = sage_take(from, 1, 1);
    if (!type)
        return false;
    switch (*type) {
    case SAGE_NODE_NONE:
        return sage_read_none(from, count, slots);
    case SAGE_NODE_PICKLE:
        return read_pickle(from, count, slots);
    case SAGE_NODE_BOOL:
        return sage_read_bools(from, count, slots);
    case SAGE_NODE_INT8:
        return sage_read_int8(from, count, slots);
    case SAGE_NODE_INT16:
        return sage_read_int16(from, count, slots);
    case SAGE_NODE_INT32:
        return sage_read_int32(from, count, slots);
    case SAGE_NODE_INT64:
        return sage_read_int64(from, count, slots);
    case SAGE_NODE_FLOAT:
        return sage_read_floats(from, count, slots);
    case SAGE_NODE_ASCII:
        return sage_read_ascii(from, count, slots);
    case SAGE_NODE_UTF8:
        return sage_read_utf8(from, count, slots);
    case SAGE_NODE_BYTES:
        return sage_read_bytes(from, count, slots);
    case SAGE_NODE_TUPLE:
        return sage_read_tuples(from, count, slots);
    case SAGE_NODE_DICT:
        return sage_read_dicts(from, count, slots);
    case SAGE_NODE_ACCUMULATOR:
        return sage_read_accumulators(from, count, slots);
    case SAGE_NODE_NULLABLE:
        return read_nullable(from, count, slots);
    default:
        return sage_malformed(from, "an unknown type of column");
    }
}

static PyObject *read_same(sage_unpacker *from, PyObject *columns, Py_ssize_t column, Py_ssize_t rows)
{
    uint16_t earlier;
    const uint8_t *bytes = sage_take(from, 1, sizeof earlier);
    if (!bytes)
        return NULL;
    memcpy(&earlier, bytes, sizeof earlier);
    if (earlier >= column || PyTuple_GET_ITEM(columns, earlier) == Py_None) {
        sage_malformed(from, "a column like one that is not there");
        return NULL;
    }
    return PyList_GetSlice(PyTuple_GET_ITEM(columns, earlier), 0, rows);
}

static PyObject *read_column(sage_unpacker *from, PyObject *columns, Py_ssize_t column, Py_ssize_t rows)
{
    if (from->at < from->nodes_end && *from->at == SAGE_NODE_ABSENT) {
        from->at++;
        return Py_NewRef(Py_None);
    }
    if (from->at < from->nodes_end && *from->at == SAGE_NODE_SAME) {
        from->at++;
        return read_same(from, columns, column, rows);
    }
    if (sage_bits((size_t)rows) > (size_t)(from->nodes_end - from->at)) {
        sage_malformed(from, "it has fewer bytes than rows");
        return NULL;
    }
    PyObject *list = PyList_New(rows);
    if (list && !sage_read_node(from, rows, ((PyListObject *)list)->ob_item))
        Py_CLEAR(list);
    return list;
}

static bool open_block(sage_unpacker *from, const Py_buffer *block, sage_rows_header *header)
{
    size_t length = (size_t)block->len;
    from->start = from->at = block->buf;
    from->nodes_end = from->end = from->start + length;
    if (length < sizeof *header)
        return sage_malformed(from, "it is shorter than its header");
    memcpy(header, from->start, sizeof *header);
    if (header->magic != SAGE_ROWS_MAGIC || header->version != SAGE_ROWS_VERSION)
        return sage_malformed(from, "magic or version is not ours");
    if (header->pickles < sizeof *header || header->pickles > length)
        return sage_malformed(from, "the pickles lie outside of it");
    if (header->columns > SAGE_ROWS_MAX_COLUMNS)
        return sage_malformed(from, "it has too many columns");
    if (header->rows > length * 8)
        return sage_malformed(from, "it has fewer bytes than rows");
    from->at += sizeof *header;
    from->nodes_end = from->pickle = from->start + header->pickles;
    return true;
}

static PyObject *read_columns(sage_unpacker *from, const sage_rows_header *header)
{
    PyObject *columns = PyTuple_New(header->columns);
    for (Py_ssize_t i = 0; columns && i < header->columns; i++) {
        PyObject *column = read_column(from, columns, i, (Py_ssize_t)header->rows);
        if (column)
            PyTuple_SET_ITEM(columns, i, column);
        else
            Py_CLEAR(columns);
    }
    if (columns && (from->at != from->nodes_end || from->pickle != from->end)) {
        sage_malformed(from, "bytes are left over");
        Py_CLEAR(columns);
    }
    return columns;
}

PyObject *sage_py_unpack_rows(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    Py_buffer block;
    sage_rows_header header;
    if (count != 2)
        return PyErr_Format(PyExc_TypeError, "expected unpack_rows(block, unpickle)");
    if (PyObject_GetBuffer(args[0], &block, PyBUF_SIMPLE) < 0)
        return NULL;
    sage_unpacker from = {
        .unpickle = args[1],
        .accumulator = ((sage_module_state *)PyModule_GetState(module))->accumulator_type,
    };
    PyObject *columns = NULL;
    if (open_block(&from, &block, &header)) {
        /* A view only where a pickle will be cut from it. */
        bool has_pickles = from.pickle != from.end;
        from.view = has_pickles ? PyMemoryView_FromObject(args[0]) : Py_NewRef(Py_None);
        columns = from.view ? read_columns(&from, &header) : NULL;
        Py_XDECREF(from.view);
    }
    PyBuffer_Release(&block);
    return columns;
}
