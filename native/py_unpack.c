/* A block written by py_pack.c back to rows. Nothing in a block is trusted: every length is checked before use.
 *
 * Each decoder fills slots that are NULL at first with new references. When one fails, what it filled stays, and whoever
 * owns the slots releases it. */
#include "py_module.h"
#include "rows_format.h"

typedef struct {
    const uint8_t *start;
    const uint8_t *at; /* next node */
    const uint8_t *nodes_end;
    const uint8_t *pickle; /* next pickle */
    const uint8_t *end;
    PyObject *view; /* of the whole block */
    PyObject *unpickle;
    int depth;
    bool in_cycles; /* whether the values read since this was cleared could be part of a reference cycle */
} unpacker;

static bool read_node(unpacker *from, Py_ssize_t count, PyObject **slots);

static bool malformed(const unpacker *from, const char *what)
{
    if (!PyErr_Occurred())
        PyErr_Format(PyExc_ValueError, "malformed row block: %s at byte %zd of %zd", what,
                     (Py_ssize_t)(from->at - from->start), (Py_ssize_t)(from->end - from->start));
    return false;
}

/* The next `count` items of `size` bytes, or NULL with an exception set. */
static const uint8_t *take(unpacker *from, size_t count, size_t size)
{
    size_t left = (size_t)(from->nodes_end - from->at);
    if (size != 0 && count > left / size) {
        malformed(from, "it ends too early");
        return NULL;
    }
    const uint8_t *taken = from->at;
    from->at += count * size;
    return taken;
}

static bool take_u32(unpacker *from, uint32_t *number)
{
    const uint8_t *bytes = take(from, 1, sizeof *number);
    if (bytes)
        memcpy(number, bytes, sizeof *number);
    return bytes != NULL;
}

static bool take_filler(unpacker *from, Py_ssize_t count)
{
    return take(from, sage_bits((size_t)count), 1) != NULL;
}

/* ---- values without structure ---- */

static bool read_none(unpacker *from, Py_ssize_t count, PyObject **slots)
{
    if (!take_filler(from, count))
        return false;
    for (Py_ssize_t i = 0; i < count; i++)
        slots[i] = Py_NewRef(Py_None);
    return true;
}

static bool read_bools(unpacker *from, Py_ssize_t count, PyObject **slots)
{
    const uint8_t *bytes = take(from, (size_t)count, 1);
    if (!bytes)
        return false;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (bytes[i] > 1)
            return malformed(from, "a bool is neither 0 nor 1");
        slots[i] = Py_NewRef(bytes[i] ? Py_True : Py_False);
    }
    return true;
}

#define READ_INTS(type)                                                                                                \
    {                                                                                                                  \
        const uint8_t *numbers = take(from, (size_t)count, sizeof(type));                                              \
        if (!numbers)                                                                                                  \
            return false;                                                                                              \
        for (Py_ssize_t i = 0; i < count; i++) {                                                                       \
            type number;                                                                                               \
            memcpy(&number, numbers + (size_t)i * sizeof number, sizeof number);                                       \
            if (!(slots[i] = PyLong_FromLongLong(number)))                                                             \
                return false;                                                                                          \
        }                                                                                                              \
        return true;                                                                                                   \
    }

static bool read_int8(unpacker *from, Py_ssize_t count, PyObject **slots) READ_INTS(int8_t)
static bool read_int16(unpacker *from, Py_ssize_t count, PyObject **slots) READ_INTS(int16_t)
static bool read_int32(unpacker *from, Py_ssize_t count, PyObject **slots) READ_INTS(int32_t)
static bool read_int64(unpacker *from, Py_ssize_t count, PyObject **slots) READ_INTS(int64_t)

static bool read_floats(unpacker *from, Py_ssize_t count, PyObject **slots)
{
    const uint8_t *numbers = take(from, (size_t)count, 8);
    if (!numbers)
        return false;
    for (Py_ssize_t i = 0; i < count; i++) {
        double number;
        memcpy(&number, numbers + (size_t)i * 8, 8);
        if (!(slots[i] = PyFloat_FromDouble(number)))
            return false;
    }
    return true;
}

/* ---- values with a length ---- */

static PyObject *new_ascii(const uint8_t *bytes, size_t length)
{
    if (length < 2) /* the interpreter's own one-letter strings */
        return PyUnicode_FromStringAndSize((const char *)bytes, (Py_ssize_t)length);
    PyObject *text = PyUnicode_New((Py_ssize_t)length, 127);
    if (text)
        memcpy(PyUnicode_DATA(text), bytes, length);
    return text;
}

static PyObject *new_utf8(const uint8_t *bytes, size_t length)
{
    return PyUnicode_DecodeUTF8((const char *)bytes, (Py_ssize_t)length, "strict");
}

static PyObject *new_bytes(const uint8_t *bytes, size_t length)
{
    return PyBytes_FromStringAndSize((const char *)bytes, (Py_ssize_t)length);
}

static inline size_t length_at(const uint8_t *lengths, uint8_t width, Py_ssize_t i)
{
    uint16_t length16;
    uint32_t length32;
    if (width == 1)
        return lengths[i];
    if (width == 2) {
        memcpy(&length16, lengths + (size_t)i * 2, 2);
        return length16;
    }
    memcpy(&length32, lengths + (size_t)i * 4, 4);
    return length32;
}

/* Width and lengths; *total is their sum. */
static const uint8_t *take_lengths(unpacker *from, Py_ssize_t count, uint8_t *width, size_t *total)
{
    const uint8_t *at = take(from, 1, 1);
    if (!at)
        return NULL;
    *width = *at;
    if (*width != 1 && *width != 2 && *width != 4) {
        malformed(from, "lengths are neither 1, 2 nor 4 bytes wide");
        return NULL;
    }
    const uint8_t *lengths = take(from, (size_t)count, *width);
    *total = 0;
    for (Py_ssize_t i = 0; lengths && i < count; i++)
        *total += length_at(lengths, *width, i);
    return lengths;
}

static inline bool read_lengthy(unpacker *from, Py_ssize_t count, PyObject **slots, bool ascii,
                                PyObject *(*make)(const uint8_t *, size_t))
{
    uint8_t width, seen = 0;
    size_t total;
    const uint8_t *lengths = take_lengths(from, count, &width, &total);
    const uint8_t *bytes = lengths ? take(from, total, 1) : NULL;
    if (!bytes)
        return false;
    for (size_t i = 0; ascii && i < total; i++)
        seen |= bytes[i];
    if (seen & 0x80)
        return malformed(from, "a byte is not ASCII");
    for (Py_ssize_t i = 0; i < count; i++) {
        size_t length = length_at(lengths, width, i);
        if (!(slots[i] = make(bytes, length)))
            return false;
        bytes += length;
    }
    return true;
}

static bool read_ascii(unpacker *from, Py_ssize_t count, PyObject **slots)
{
    return read_lengthy(from, count, slots, true, new_ascii);
}

static bool read_utf8(unpacker *from, Py_ssize_t count, PyObject **slots)
{
    return read_lengthy(from, count, slots, false, new_utf8);
}

static bool read_bytes(unpacker *from, Py_ssize_t count, PyObject **slots)
{
    return read_lengthy(from, count, slots, false, new_bytes);
}

/* ---- values with items ---- */

static PyObject **new_slots(const unpacker *from, size_t rows, size_t columns)
{
    /* Each column of items takes at least a bit per row (rows_format.h). */
    if (columns != 0 && sage_bits(rows) > (size_t)(from->nodes_end - from->at) / columns) {
        malformed(from, "it has fewer bytes than items");
        return NULL;
    }
    PyObject **slots = PyMem_Calloc(rows * columns + 1, sizeof *slots);
    if (!slots)
        PyErr_NoMemory();
    return slots;
}

static void free_slots(PyObject **slots, size_t count)
{
    for (size_t i = 0; i < count; i++)
        Py_XDECREF(slots[i]);
    PyMem_Free(slots);
}

static bool read_items(unpacker *from, size_t arity, Py_ssize_t count, PyObject **items)
{
    bool done = true;
    from->depth++;
    for (size_t item = 0; done && item < arity; item++)
        done = read_node(from, count, items + item * (size_t)count);
    from->depth--;
    return done;
}

static bool take_arity(unpacker *from, Py_ssize_t count, uint32_t *arity)
{
    if (!take_u32(from, arity) || !take_filler(from, count))
        return false;
    return *arity <= SAGE_ROWS_MAX_ARITY || malformed(from, "too many items");
}

/* The collector stops looking at a tuple of plain values when it first comes by. `untracked` saves it that visit, which
 * costs more than everything else about the tuple. */
static bool build_tuples(PyObject **items, size_t arity, Py_ssize_t count, PyObject **slots, bool untracked)
{
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *tuple = PyTuple_New((Py_ssize_t)arity);
        if (!tuple)
            return false;
        for (size_t item = 0; item < arity; item++) {
            PyObject **place = &items[item * (size_t)count + (size_t)i];
            PyTuple_SET_ITEM(tuple, (Py_ssize_t)item, *place);
            *place = NULL;
        }
        if (untracked)
            PyObject_GC_UnTrack(tuple);
        slots[i] = tuple;
    }
    return true;
}

static bool read_tuples(unpacker *from, Py_ssize_t count, PyObject **slots)
{
    uint32_t arity;
    if (!take_arity(from, count, &arity))
        return false;
    PyObject **items = new_slots(from, (size_t)count, arity);
    if (!items)
        return false;
    bool outer = from->in_cycles;
    from->in_cycles = false;
    bool done = read_items(from, arity, count, items) &&
                build_tuples(items, arity, count, slots, arity > 0 && !from->in_cycles);
    from->in_cycles |= outer;
    free_slots(items, (size_t)arity * (size_t)count);
    return done;
}

static bool read_key(unpacker *from, PyObject **key)
{
    uint32_t length;
    if (!take_u32(from, &length))
        return false;
    const uint8_t *bytes = take(from, length, 1);
    if (!bytes || !(*key = new_utf8(bytes, length)))
        return false;
    PyUnicode_InternInPlace(key);
    return true;
}

/* Keys in order, all different. */
static PyObject **read_keys(unpacker *from, size_t size)
{
    PyObject **keys = PyMem_Calloc(size + 1, sizeof *keys);
    PyObject *seen = keys ? PySet_New(NULL) : NULL;
    if (!keys)
        PyErr_NoMemory();
    bool done = seen != NULL;
    for (size_t field = 0; done && field < size; field++)
        done = read_key(from, &keys[field]) && PySet_Add(seen, keys[field]) == 0;
    if (done && PySet_GET_SIZE(seen) != (Py_ssize_t)size)
        done = malformed(from, "a key comes twice");
    Py_XDECREF(seen);
    if (done)
        return keys;
    if (keys)
        free_slots(keys, size);
    return NULL;
}

/* A dict with all the keys. To copy it and set its values is cheaper than to fill an empty one, the more so the more
 * keys there are. */
static PyObject *new_template(PyObject **keys, size_t size)
{
    PyObject *dict = PyDict_New();
    for (size_t field = 0; dict && field < size; field++)
        if (PyDict_SetItem(dict, keys[field], Py_None) < 0)
            Py_CLEAR(dict);
    return dict;
}

static bool build_dicts(PyObject *template, PyObject **keys, PyObject **items, size_t size, Py_ssize_t count,
                        PyObject **slots)
{
    for (Py_ssize_t i = 0; i < count; i++) {
        if (!(slots[i] = PyDict_Copy(template)))
            return false;
        for (size_t field = 0; field < size; field++)
            if (PyDict_SetItem(slots[i], keys[field], items[field * (size_t)count + (size_t)i]) < 0)
                return false;
    }
    return true;
}

static bool read_dicts(unpacker *from, Py_ssize_t count, PyObject **slots)
{
    uint32_t size;
    from->in_cycles = true;
    if (!take_arity(from, count, &size))
        return false;
    PyObject **keys = read_keys(from, size);
    if (!keys)
        return false;
    PyObject *template = new_template(keys, size);
    PyObject **items = template ? new_slots(from, (size_t)count, size) : NULL;
    bool done = items && read_items(from, size, count, items) && build_dicts(template, keys, items, size, count, slots);
    if (items)
        free_slots(items, (size_t)size * (size_t)count);
    Py_XDECREF(template);
    free_slots(keys, size);
    return done;
}

/* ---- everything else ---- */

static bool is_set(const uint8_t *bitmap, Py_ssize_t i)
{
    return bitmap[i / 8] >> (i % 8) & 1;
}

static bool read_nullable(unpacker *from, Py_ssize_t count, PyObject **slots)
{
    const uint8_t *bitmap = take(from, sage_bits((size_t)count), 1);
    Py_ssize_t present = 0;
    if (!bitmap)
        return false;
    for (Py_ssize_t i = 0; i < count; i++)
        present += is_set(bitmap, i);
    PyObject **kept = new_slots(from, (size_t)present, 1);
    if (!kept)
        return false;
    from->depth++;
    bool done = read_node(from, present, kept);
    from->depth--;
    for (Py_ssize_t i = 0, next = 0; done && i < count; i++) {
        if (!is_set(bitmap, i)) {
            slots[i] = Py_NewRef(Py_None);
            continue;
        }
        slots[i] = kept[next];
        kept[next++] = NULL;
    }
    free_slots(kept, (size_t)present);
    return done;
}

static PyObject *next_pickle(unpacker *from)
{
    uint64_t length;
    size_t left = (size_t)(from->end - from->pickle);
    if (left < sizeof length) {
        malformed(from, "a pickle is missing");
        return NULL;
    }
    memcpy(&length, from->pickle, sizeof length);
    if (length > left - sizeof length) {
        malformed(from, "a pickle ends too early");
        return NULL;
    }
    Py_ssize_t start = from->pickle - from->start + (Py_ssize_t)sizeof length;
    from->pickle += sizeof length + length;
    return PySequence_GetSlice(from->view, start, start + (Py_ssize_t)length);
}

static bool read_pickle(unpacker *from, Py_ssize_t count, PyObject **slots)
{
    from->in_cycles = true;
    if (!take_filler(from, count))
        return false;
    PyObject *bytes = next_pickle(from);
    PyObject *list = bytes ? PyObject_CallOneArg(from->unpickle, bytes) : NULL;
    Py_XDECREF(bytes);
    if (!list)
        return false;
    bool done = PyList_CheckExact(list) && PyList_GET_SIZE(list) == count;
    if (!done)
        malformed(from, "a pickle is not a list with an item for each row");
    for (Py_ssize_t i = 0; done && i < count; i++)
        slots[i] = Py_NewRef(PyList_GET_ITEM(list, i));
    Py_DECREF(list);
    return done;
}

static bool read_node(unpacker *from, Py_ssize_t count, PyObject **slots)
{
    if (from->depth > SAGE_ROWS_MAX_DEPTH + 1)
        return malformed(from, "it is nested too deeply");
    const uint8_t *type = take(from, 1, 1);
    if (!type)
        return false;
    switch (*type) {
    case SAGE_NODE_NONE:
        return read_none(from, count, slots);
    case SAGE_NODE_PICKLE:
        return read_pickle(from, count, slots);
    case SAGE_NODE_BOOL:
        return read_bools(from, count, slots);
    case SAGE_NODE_INT8:
        return read_int8(from, count, slots);
    case SAGE_NODE_INT16:
        return read_int16(from, count, slots);
    case SAGE_NODE_INT32:
        return read_int32(from, count, slots);
    case SAGE_NODE_INT64:
        return read_int64(from, count, slots);
    case SAGE_NODE_FLOAT:
        return read_floats(from, count, slots);
    case SAGE_NODE_ASCII:
        return read_ascii(from, count, slots);
    case SAGE_NODE_UTF8:
        return read_utf8(from, count, slots);
    case SAGE_NODE_BYTES:
        return read_bytes(from, count, slots);
    case SAGE_NODE_TUPLE:
        return read_tuples(from, count, slots);
    case SAGE_NODE_DICT:
        return read_dicts(from, count, slots);
    case SAGE_NODE_NULLABLE:
        return read_nullable(from, count, slots);
    default:
        return malformed(from, "an unknown type of column");
    }
}

/* ---- the block ---- */

static PyObject *read_same(unpacker *from, PyObject *columns, Py_ssize_t column, Py_ssize_t rows)
{
    uint16_t earlier;
    const uint8_t *bytes = take(from, 1, sizeof earlier);
    if (!bytes)
        return NULL;
    memcpy(&earlier, bytes, sizeof earlier);
    if (earlier >= column || PyTuple_GET_ITEM(columns, earlier) == Py_None) {
        malformed(from, "a column like one that is not there");
        return NULL;
    }
    return PyList_GetSlice(PyTuple_GET_ITEM(columns, earlier), 0, rows);
}

static PyObject *read_column(unpacker *from, PyObject *columns, Py_ssize_t column, Py_ssize_t rows)
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
        malformed(from, "it has fewer bytes than rows");
        return NULL;
    }
    PyObject *list = PyList_New(rows);
    if (list && !read_node(from, rows, ((PyListObject *)list)->ob_item))
        Py_CLEAR(list);
    return list;
}

static bool open_block(unpacker *from, const Py_buffer *block, sage_rows_header *header)
{
    size_t length = (size_t)block->len;
    from->start = from->at = block->buf;
    from->nodes_end = from->end = from->start + length;
    if (length < sizeof *header)
        return malformed(from, "it is shorter than its header");
    memcpy(header, from->start, sizeof *header);
    if (header->magic != SAGE_ROWS_MAGIC || header->version != SAGE_ROWS_VERSION)
        return malformed(from, "magic or version is not ours");
    if (header->pickles < sizeof *header || header->pickles > length)
        return malformed(from, "the pickles lie outside of it");
    if (header->rows > length * 8)
        return malformed(from, "it has fewer bytes than rows");
    from->at += sizeof *header;
    from->nodes_end = from->pickle = from->start + header->pickles;
    return true;
}

static PyObject *read_columns(unpacker *from, const sage_rows_header *header)
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
        malformed(from, "bytes are left over");
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
    unpacker from = {.unpickle = args[1]};
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
