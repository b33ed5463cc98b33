/* Columns of tuples, dicts and accumulators: a column for each item. */
#include "py_packer.h"

#include "py_accumulator.h"
#include "py_text.h"

static sage_outcome write_items(sage_packer *to, PyObject **items, Py_ssize_t arity, Py_ssize_t count)
{
    sage_outcome result = SAGE_WRITTEN;
    to->depth++;
    for (Py_ssize_t item = 0; result == SAGE_WRITTEN && item < arity; item++)
        result = sage_write_node(to, items + item * count, count);
    to->depth--;
    return result;
}

static bool gather_tuples(sage_values values, Py_ssize_t count, Py_ssize_t arity, PyObject **items)
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

static sage_outcome write_sequences(sage_packer *to, uint8_t tag, PyObject **items, Py_ssize_t arity, Py_ssize_t count)
{
    bool started = sage_write_tag(to, tag) && sage_write_u32(to, (uint32_t)arity) && sage_write_filler(to, count);
    return started ? write_items(to, items, arity, count) : sage_no_memory();
}

sage_outcome sage_write_tuples(sage_packer *to, sage_values values, Py_ssize_t count)
{
    Py_ssize_t arity = PyTuple_GET_SIZE(values[0]);
    if (arity > SAGE_ROWS_MAX_ARITY)
        return SAGE_UNFIT;
    PyObject **items = PyMem_New(PyObject *, arity * count + 1);
    if (!items)
        return sage_no_memory();
    sage_outcome result = SAGE_UNFIT;
    if (gather_tuples(values, count, arity, items))
        result = write_sequences(to, SAGE_NODE_TUPLE, items, arity, count);
    PyMem_Free(items);
    return result;
}

static bool are_accumulators(const sage_packer *to, sage_values values, Py_ssize_t count)
{
    for (Py_ssize_t i = 0; i < count; i++)
        if (!Py_IS_TYPE(values[i], to->accumulator) ||
            ((AccumulatorObject *)values[i])->count != ((AccumulatorObject *)values[0])->count)
            return false;
    return true;
}

/* New references, unlike the items of others: most of these values have no object yet. */
static bool make_items(sage_values values, Py_ssize_t count, Py_ssize_t arity, PyObject **items)
{
    for (Py_ssize_t i = 0; i < count; i++)
        for (Py_ssize_t item = 0; item < arity; item++)
            if (!(items[item * count + i] = sage_slot_value((AccumulatorObject *)values[i], item)))
                return false;
    return true;
}

sage_outcome sage_write_accumulators(sage_packer *to, sage_values values, Py_ssize_t count)
{
    if (!are_accumulators(to, values, count))
        return SAGE_UNFIT;
    Py_ssize_t arity = ((AccumulatorObject *)values[0])->count;
    PyObject **items = PyMem_Calloc((size_t)(arity * count), sizeof *items);
    if (!items)
        return sage_no_memory();
    sage_outcome result = SAGE_FAILED;
    if (make_items(values, count, arity, items))
        result = write_sequences(to, SAGE_NODE_ACCUMULATOR, items, arity, count);
    for (Py_ssize_t i = 0; i < arity * count; i++)
        Py_XDECREF(items[i]);
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

/* Keys from one program text are one object; those from JSON are new ones in every record. */
static inline bool is_same_key(PyObject *key, PyObject *expected)
{
    if (key == expected)
        return true;
    if (!PyUnicode_CheckExact(key))
        return false;
    if (!PyUnicode_IS_COMPACT_ASCII(key) || !PyUnicode_IS_COMPACT_ASCII(expected))
        return PyUnicode_Compare(key, expected) == 0;
    Py_ssize_t length = PyUnicode_GET_LENGTH(key);
    return length == PyUnicode_GET_LENGTH(expected) &&
           memcmp(PyUnicode_DATA(key), PyUnicode_DATA(expected), (size_t)length) == 0;
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

static sage_outcome write_keys(sage_packer *to, PyObject *const *keys, Py_ssize_t size)
{
    for (Py_ssize_t field = 0; field < size; field++) {
        size_t start = to->out.length;
        if (!sage_write_u32(to, 0))
            return sage_no_memory();
        sage_text_result result = sage_append_text(&to->out, keys[field], false);
        if (result != SAGE_TEXT_DONE)
            return result == SAGE_TEXT_SURROGATE ? SAGE_UNFIT : sage_no_memory();
        size_t length = to->out.length - start - 4;
        if (length > UINT32_MAX)
            return SAGE_UNFIT;
        uint32_t length32 = (uint32_t)length;
        memcpy(to->out.bytes + start, &length32, 4);
    }
    return SAGE_WRITTEN;
}

static sage_outcome write_gathered_dicts(sage_packer *to, PyObject *const *keys, Py_ssize_t size, PyObject **items,
                                    Py_ssize_t count)
{
    size_t node = to->out.length;
    if (!sage_write_tag(to, SAGE_NODE_DICT) || !sage_write_u32(to, (uint32_t)size) || !sage_write_filler(to, count))
        return sage_no_memory();
    sage_outcome result = write_keys(to, keys, size);
    if (result == SAGE_WRITTEN)
        return write_items(to, items, size, count);
    to->out.length = node;
    return result;
}

sage_outcome sage_write_dicts(sage_packer *to, sage_values values, Py_ssize_t count)
{
    Py_ssize_t size = PyDict_GET_SIZE(values[0]);
    if (size > SAGE_ROWS_MAX_ARITY)
        return SAGE_UNFIT;
    PyObject **keys = PyMem_New(PyObject *, size + size * count + 1);
    if (!keys)
        return sage_no_memory();
    PyObject **items = keys + size;
    bool uniform = first_keys(values[0], keys);
    for (Py_ssize_t i = 0; uniform && i < count; i++)
        uniform = gather_dict(values[i], keys, size, items + i, count);
    sage_outcome result = uniform ? write_gathered_dicts(to, keys, size, items, count) : SAGE_UNFIT;
    PyMem_Free(keys);
    return result;
}
