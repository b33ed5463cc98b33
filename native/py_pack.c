/* Rows of Python values to one block of typed columns (rows_format.h).
 *
 * While columns are scanned no Python code runs: only exact built-in types are touched, and nothing is allocated that
 * the garbage collector looks after. So borrowed references stay good. What has to be pickled (by user code) is kept
 * with references of its own, and pickled when the scan is over. */
#include "py_module.h"

#include "buffer.h"
#include "py_text.h"
#include "rows_format.h"

typedef PyObject *const *values_t;

/* Values waiting to be pickled. */
typedef struct {
    PyObject **values;
    Py_ssize_t count;
} pending;

typedef struct {
    sage_buffer out;
    pending *pickles;
    size_t pickle_count;
    size_t pickle_capacity;
    int depth;
} packer;

/* UNFIT: not of one type; nothing was written. FAILED: an exception is set. */
typedef enum { WRITTEN, UNFIT, FAILED } outcome;

static outcome write_node(packer *to, values_t values, Py_ssize_t count);

static outcome no_memory(void)
{
    PyErr_NoMemory();
    return FAILED;
}

static bool write_byte(packer *to, uint8_t byte)
{
    return sage_buffer_append(&to->out, &byte, 1);
}

static bool write_u32(packer *to, uint32_t number)
{
    return sage_buffer_append(&to->out, &number, sizeof number);
}

static bool write_filler(packer *to, Py_ssize_t count)
{
    size_t bytes = sage_bits((size_t)count);
    uint8_t *room = sage_buffer_room(&to->out, bytes + 1);
    if (!room)
        return false;
    memset(room, 0, bytes);
    to->out.length += bytes;
    return true;
}

/* ---- values without structure ---- */

static outcome write_none(packer *to, values_t values, Py_ssize_t count)
{
    for (Py_ssize_t i = 0; i < count; i++)
        if (values[i] != Py_None)
            return UNFIT;
    return write_byte(to, SAGE_NODE_NONE) && write_filler(to, count) ? WRITTEN : no_memory();
}

static outcome write_bools(packer *to, values_t values, Py_ssize_t count)
{
    uint8_t *room = sage_buffer_room(&to->out, (size_t)count + 1);
    if (!room)
        return no_memory();
    *room++ = SAGE_NODE_BOOL;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (!PyBool_Check(values[i]))
            return UNFIT;
        room[i] = values[i] == Py_True;
    }
    to->out.length += (size_t)count + 1;
    return WRITTEN;
}

/* Numbers lie where they were written as int64; narrower ones end up before where the next is read. */
#define NARROW(type)                                                                                                   \
    for (Py_ssize_t i = 0; i < count; i++) {                                                                           \
        int64_t wide;                                                                                                  \
        memcpy(&wide, numbers + (size_t)i * 8, 8);                                                                     \
        type narrow = (type)wide;                                                                                      \
        memcpy(numbers + (size_t)i * sizeof narrow, &narrow, sizeof narrow);                                           \
    }

/* Returns the width in bytes, given all bits in which any number differs from its sign. */
static size_t narrow(uint8_t *numbers, Py_ssize_t count, uint64_t used_bits)
{
    if (used_bits < UINT64_C(1) << 7) {
        NARROW(int8_t)
        return 1;
    }
    if (used_bits < UINT64_C(1) << 15) {
        NARROW(int16_t)
        return 2;
    }
    if (used_bits < UINT64_C(1) << 31) {
        NARROW(int32_t)
        return 4;
    }
    return 8;
}

static outcome write_ints(packer *to, values_t values, Py_ssize_t count)
{
    uint8_t *node = sage_buffer_room(&to->out, (size_t)count * 8 + 1);
    uint64_t used_bits = 0;
    if (!node)
        return no_memory();
    for (Py_ssize_t i = 0; i < count; i++) {
        int overflow;
        if (!PyLong_CheckExact(values[i]))
            return UNFIT;
        int64_t number = PyLong_AsLongLongAndOverflow(values[i], &overflow);
        if (overflow)
            return UNFIT;
        used_bits |= (uint64_t)(number ^ (number >> 63));
        memcpy(node + 1 + (size_t)i * 8, &number, 8);
    }
    size_t width = narrow(node + 1, count, used_bits);
    node[0] = width == 1 ? SAGE_NODE_INT8 : width == 2 ? SAGE_NODE_INT16 : width == 4 ? SAGE_NODE_INT32 : SAGE_NODE_INT64;
    to->out.length += 1 + (size_t)count * width;
    return WRITTEN;
}

static outcome write_floats(packer *to, values_t values, Py_ssize_t count)
{
    uint8_t *room = sage_buffer_room(&to->out, (size_t)count * 8 + 1);
    if (!room)
        return no_memory();
    *room++ = SAGE_NODE_FLOAT;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (!PyFloat_CheckExact(values[i]))
            return UNFIT;
        double number = PyFloat_AS_DOUBLE(values[i]);
        memcpy(room + (size_t)i * 8, &number, 8);
    }
    to->out.length += (size_t)count * 8 + 1;
    return WRITTEN;
}

/* ---- values with a length ---- */

static void put_length(uint8_t *lengths, uint8_t width, Py_ssize_t i, size_t length)
{
    uint8_t length8 = (uint8_t)length;
    uint16_t length16 = (uint16_t)length;
    uint32_t length32 = (uint32_t)length;
    if (width == 1)
        lengths[i] = length8;
    else if (width == 2)
        memcpy(lengths + (size_t)i * 2, &length16, 2);
    else
        memcpy(lengths + (size_t)i * 4, &length32, 4);
}

/* Type, width and room for the lengths; where those start in the buffer is left in *lengths. */
static bool start_lengths(packer *to, uint8_t type, Py_ssize_t count, size_t longest, uint8_t *width, size_t *lengths)
{
    *width = longest <= UINT8_MAX ? 1 : longest <= UINT16_MAX ? 2 : 4;
    size_t bytes = (size_t)count * *width;
    if (!write_byte(to, type) || !write_byte(to, *width) || !sage_buffer_room(&to->out, bytes))
        return false;
    *lengths = to->out.length;
    to->out.length += bytes;
    return true;
}

static outcome write_ascii(packer *to, values_t values, Py_ssize_t count, size_t longest, size_t total)
{
    uint8_t width;
    size_t lengths;
    if (!start_lengths(to, SAGE_NODE_ASCII, count, longest, &width, &lengths) || !sage_buffer_room(&to->out, total))
        return no_memory();
    for (Py_ssize_t i = 0; i < count; i++) {
        size_t length = (size_t)PyUnicode_GET_LENGTH(values[i]);
        put_length(to->out.bytes + lengths, width, i, length);
        memcpy(to->out.bytes + to->out.length, PyUnicode_DATA(values[i]), length);
        to->out.length += length;
    }
    return WRITTEN;
}

static outcome write_utf8(packer *to, values_t values, Py_ssize_t count, size_t longest)
{
    uint8_t width;
    size_t lengths, node = to->out.length;
    /* In UTF-8 a code point takes at most four bytes. */
    if (!start_lengths(to, SAGE_NODE_UTF8, count, longest * 4, &width, &lengths))
        return no_memory();
    for (Py_ssize_t i = 0; i < count; i++) {
        size_t start = to->out.length;
        sage_text_result result = sage_append_text(&to->out, values[i], false);
        if (result == SAGE_TEXT_NO_MEMORY)
            return no_memory();
        if (result == SAGE_TEXT_SURROGATE) {
            to->out.length = node;
            return UNFIT;
        }
        put_length(to->out.bytes + lengths, width, i, to->out.length - start);
    }
    return WRITTEN;
}

static outcome write_strs(packer *to, values_t values, Py_ssize_t count)
{
    size_t longest = 0, total = 0;
    bool ascii = true;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (!PyUnicode_CheckExact(values[i]))
            return UNFIT;
        size_t length = (size_t)PyUnicode_GET_LENGTH(values[i]);
        longest = length > longest ? length : longest;
        total += length;
        ascii &= PyUnicode_IS_COMPACT_ASCII(values[i]);
    }
    if (longest > UINT32_MAX / 4)
        return UNFIT;
    return ascii ? write_ascii(to, values, count, longest, total) : write_utf8(to, values, count, longest);
}

static outcome write_bytes(packer *to, values_t values, Py_ssize_t count)
{
    size_t longest = 0, total = 0, lengths;
    uint8_t width;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (!PyBytes_CheckExact(values[i]))
            return UNFIT;
        size_t length = (size_t)PyBytes_GET_SIZE(values[i]);
        longest = length > longest ? length : longest;
        total += length;
    }
    if (longest > UINT32_MAX)
        return UNFIT;
    if (!start_lengths(to, SAGE_NODE_BYTES, count, longest, &width, &lengths) || !sage_buffer_room(&to->out, total))
        return no_memory();
    for (Py_ssize_t i = 0; i < count; i++) {
        size_t length = (size_t)PyBytes_GET_SIZE(values[i]);
        put_length(to->out.bytes + lengths, width, i, length);
        memcpy(to->out.bytes + to->out.length, PyBytes_AS_STRING(values[i]), length);
        to->out.length += length;
    }
    return WRITTEN;
}

/* ---- values with items ---- */

static outcome write_items(packer *to, PyObject **items, Py_ssize_t arity, Py_ssize_t count)
{
    outcome result = WRITTEN;
    to->depth++;
    for (Py_ssize_t item = 0; result == WRITTEN && item < arity; item++)
        result = write_node(to, items + item * count, count);
    to->depth--;
    return result;
}

static bool gather_tuples(values_t values, Py_ssize_t count, Py_ssize_t arity, PyObject **items)
{
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *tuple = values[i];
        if (!PyTuple_CheckExact(tuple) || PyTuple_GET_SIZE(tuple) != arity)
            return false;
        for (Py_ssize_t item = 0; item < arity; item++)
            items[item * count + i] = PyTuple_GET_ITEM(tuple, item);
    }
    return true;
}

static outcome write_tuples(packer *to, values_t values, Py_ssize_t count)
{
    Py_ssize_t arity = PyTuple_GET_SIZE(values[0]);
    if (arity > SAGE_ROWS_MAX_ARITY)
        return UNFIT;
    PyObject **items = PyMem_New(PyObject *, arity * count + 1);
    if (!items)
        return no_memory();
    outcome result = UNFIT;
    if (gather_tuples(values, count, arity, items)) {
        bool started = write_byte(to, SAGE_NODE_TUPLE) && write_u32(to, (uint32_t)arity) && write_filler(to, count);
        result = started ? write_items(to, items, arity, count) : no_memory();
    }
    PyMem_Free(items);
    return result;
}

/* The keys of the first dict are what the others must have, in this order. False unless all are exact str. */
static bool first_keys(PyObject *dict, PyObject **keys)
{
    Py_ssize_t position = 0, field = 0;
    PyObject *key, *value;
    while (PyDict_Next(dict, &position, &key, &value)) {
        if (!PyUnicode_CheckExact(key))
            return false;
        keys[field++] = key;
    }
    return true;
}

static inline bool is_same_key(PyObject *key, PyObject *expected)
{
    if (key == expected)
        return true;
    return PyUnicode_CheckExact(key) && PyUnicode_Compare(key, expected) == 0;
}

static bool gather_dict(PyObject *dict, PyObject *const *keys, Py_ssize_t size, PyObject **items, Py_ssize_t stride)
{
    Py_ssize_t position = 0, field = 0;
    PyObject *key, *value;
    if (!PyDict_CheckExact(dict) || PyDict_GET_SIZE(dict) != size)
        return false;
    while (PyDict_Next(dict, &position, &key, &value)) {
        if (!is_same_key(key, keys[field]))
            return false;
        items[field * stride] = value;
        field++;
    }
    return true;
}

static outcome write_keys(packer *to, PyObject *const *keys, Py_ssize_t size)
{
    for (Py_ssize_t field = 0; field < size; field++) {
        size_t start = to->out.length;
        if (!write_u32(to, 0))
            return no_memory();
        sage_text_result result = sage_append_text(&to->out, keys[field], false);
        if (result != SAGE_TEXT_DONE)
            return result == SAGE_TEXT_SURROGATE ? UNFIT : no_memory();
        size_t length = to->out.length - start - 4;
        if (length > UINT32_MAX)
            return UNFIT;
        uint32_t length32 = (uint32_t)length;
        memcpy(to->out.bytes + start, &length32, 4);
    }
    return WRITTEN;
}

static outcome write_gathered_dicts(packer *to, PyObject *const *keys, Py_ssize_t size, PyObject **items,
                                    Py_ssize_t count)
{
    size_t node = to->out.length;
    if (!write_byte(to, SAGE_NODE_DICT) || !write_u32(to, (uint32_t)size) || !write_filler(to, count))
        return no_memory();
    outcome result = write_keys(to, keys, size);
    if (result == WRITTEN)
        return write_items(to, items, size, count);
    to->out.length = node;
    return result;
}

static outcome write_dicts(packer *to, values_t values, Py_ssize_t count)
{
    Py_ssize_t size = PyDict_GET_SIZE(values[0]);
    if (size > SAGE_ROWS_MAX_ARITY)
        return UNFIT;
    PyObject **keys = PyMem_New(PyObject *, size + size * count + 1);
    if (!keys)
        return no_memory();
    PyObject **items = keys + size;
    bool uniform = first_keys(values[0], keys);
    for (Py_ssize_t i = 0; uniform && i < count; i++)
        uniform = gather_dict(values[i], keys, size, items + i, count);
    outcome result = uniform ? write_gathered_dicts(to, keys, size, items, count) : UNFIT;
    PyMem_Free(keys);
    return result;
}

/* ---- everything else ---- */

/* UNFIT unless the values are of one type but for some None. */
static outcome write_nullable(packer *to, values_t values, Py_ssize_t count)
{
    PyTypeObject *type = NULL;
    Py_ssize_t present = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (values[i] == Py_None)
            continue;
        if (type && Py_TYPE(values[i]) != type)
            return UNFIT;
        type = Py_TYPE(values[i]);
        present++;
    }
    if (present == count || present == 0)
        return UNFIT;
    PyObject **kept = PyMem_New(PyObject *, present);
    if (!kept || !write_byte(to, SAGE_NODE_NULLABLE) || !write_filler(to, count)) {
        PyMem_Free(kept);
        return no_memory();
    }
    uint8_t *bitmap = to->out.bytes + to->out.length - sage_bits((size_t)count);
    for (Py_ssize_t i = 0, next = 0; i < count; i++) {
        if (values[i] == Py_None)
            continue;
        bitmap[i / 8] |= (uint8_t)(1u << (i % 8));
        kept[next++] = values[i];
    }
    to->depth++;
    outcome result = write_node(to, kept, present);
    to->depth--;
    PyMem_Free(kept);
    return result;
}

static pending *new_pending(packer *to)
{
    if (to->pickle_count == to->pickle_capacity) {
        size_t capacity = to->pickle_capacity ? to->pickle_capacity * 2 : 4;
        pending *pickles = PyMem_Realloc(to->pickles, capacity * sizeof *pickles);
        if (!pickles)
            return NULL;
        to->pickles = pickles;
        to->pickle_capacity = capacity;
    }
    return &to->pickles[to->pickle_count];
}

static outcome write_pickle(packer *to, values_t values, Py_ssize_t count)
{
    pending *place = new_pending(to);
    PyObject **kept = place ? PyMem_New(PyObject *, count) : NULL;
    if (!kept)
        return no_memory();
    for (Py_ssize_t i = 0; i < count; i++)
        kept[i] = Py_NewRef(values[i]);
    *place = (pending){kept, count};
    to->pickle_count++;
    return write_byte(to, SAGE_NODE_PICKLE) && write_filler(to, count) ? WRITTEN : no_memory();
}

static outcome write_typed(packer *to, values_t values, Py_ssize_t count)
{
    PyObject *first = values[0];
    if (to->depth > SAGE_ROWS_MAX_DEPTH)
        return UNFIT;
    if (PyUnicode_CheckExact(first))
        return write_strs(to, values, count);
    if (PyLong_CheckExact(first))
        return write_ints(to, values, count);
    if (PyTuple_CheckExact(first))
        return write_tuples(to, values, count);
    if (PyDict_CheckExact(first))
        return write_dicts(to, values, count);
    if (PyFloat_CheckExact(first))
        return write_floats(to, values, count);
    if (first == Py_None)
        return write_none(to, values, count);
    if (PyBool_Check(first))
        return write_bools(to, values, count);
    if (PyBytes_CheckExact(first))
        return write_bytes(to, values, count);
    return UNFIT;
}

static outcome write_node(packer *to, values_t values, Py_ssize_t count)
{
    if (count == 0)
        return write_byte(to, SAGE_NODE_NONE) ? WRITTEN : no_memory();
    outcome result = write_typed(to, values, count);
    if (result == UNFIT && to->depth <= SAGE_ROWS_MAX_DEPTH)
        result = write_nullable(to, values, count);
    return result == UNFIT ? write_pickle(to, values, count) : result;
}

/* ---- the block ---- */

static bool check_columns(PyObject *columns, Py_ssize_t *rows)
{
    *rows = -1;
    if (!PyTuple_Check(columns) || PyTuple_GET_SIZE(columns) > UINT16_MAX) {
        PyErr_SetString(PyExc_TypeError, "columns must be a tuple of lists");
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

static outcome write_column(packer *to, PyObject *columns, Py_ssize_t column, Py_ssize_t rows)
{
    PyObject *list = PyTuple_GET_ITEM(columns, column);
    if (list == Py_None)
        return write_byte(to, SAGE_NODE_ABSENT) ? WRITTEN : no_memory();
    Py_ssize_t same = rows ? find_same(columns, column, rows) : -1;
    if (same < 0)
        return write_node(to, ((PyListObject *)list)->ob_item, rows);
    uint16_t earlier = (uint16_t)same;
    bool done = write_byte(to, SAGE_NODE_SAME) && sage_buffer_append(&to->out, &earlier, sizeof earlier);
    return done ? WRITTEN : no_memory();
}

static bool write_columns(packer *to, PyObject *columns, Py_ssize_t rows)
{
    sage_rows_header header = {
        .magic = SAGE_ROWS_MAGIC,
        .version = SAGE_ROWS_VERSION,
        .columns = (uint16_t)PyTuple_GET_SIZE(columns),
        .rows = (uint64_t)rows,
    };
    if (!sage_buffer_append(&to->out, &header, sizeof header))
        return no_memory() != FAILED;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(columns); i++)
        if (write_column(to, columns, i, rows) != WRITTEN)
            return false;
    uint64_t pickles = to->out.length;
    memcpy(to->out.bytes + offsetof(sage_rows_header, pickles), &pickles, sizeof pickles);
    return true;
}

/* Moves the waiting values into a list. */
static PyObject *take_list(pending *from)
{
    PyObject *list = PyList_New(from->count);
    if (!list)
        return NULL;
    for (Py_ssize_t i = 0; i < from->count; i++)
        PyList_SET_ITEM(list, i, from->values[i]);
    from->count = 0;
    return list;
}

static bool append_pickle(packer *to, pending *from, PyObject *pickle)
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

static void free_packer(packer *from)
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
    packer to = {0};
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
