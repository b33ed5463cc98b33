/* Columns of tuples, dicts and accumulators. */
#include "py_unpacker.h"

#include "py_accumulator.h"

static bool read_items(sage_unpacker *from, size_t arity, Py_ssize_t count, PyObject **items)
{
    bool done = true;
    from->depth++;
    for (size_t item = 0; done && item < arity; item++)
        done = sage_read_node(from, count, items + item * (size_t)count);
    from->depth--;
    return done;
}

static bool take_arity(sage_unpacker *from, Py_ssize_t count, uint32_t *arity)
{
    if (!sage_take_u32(from, arity) || !sage_take_filler(from, count))
        return false;
    return *arity <= SAGE_ROWS_MAX_ARITY || sage_malformed(from, "too many items");
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

bool sage_read_tuples(sage_unpacker *from, Py_ssize_t count, PyObject **slots)
{
    uint32_t arity;
    if (!take_arity(from, count, &arity))
        return false;
    PyObject **items = sage_new_slots(from, (size_t)count, arity);
    if (!items)
        return false;
    bool outer = from->in_cycles;
    from->in_cycles = false;
    bool done = read_items(from, arity, count, items) &&
                build_tuples(items, arity, count, slots, arity > 0 && !from->in_cycles);
    from->in_cycles |= outer;
    sage_free_slots(items, (size_t)arity * (size_t)count);
    return done;
}

static bool build_accumulators(const sage_unpacker *from, PyObject **items, size_t arity, Py_ssize_t count,
                               PyObject **slots)
{
    for (Py_ssize_t i = 0; i < count; i++) {
        AccumulatorObject *made = sage_new_accumulator(from->accumulator, (Py_ssize_t)arity);
        if (!made)
            return false;
        slots[i] = (PyObject *)made;
        for (size_t item = 0; item < arity; item++) {
            PyObject **place = &items[item * (size_t)count + (size_t)i];
            sage_set_slot(made, (Py_ssize_t)item, *place);
            *place = NULL;
        }
    }
    return true;
}

bool sage_read_accumulators(sage_unpacker *from, Py_ssize_t count, PyObject **slots)
{
    uint32_t arity;
    if (!take_arity(from, count, &arity))
        return false;
    if (arity < 1 || arity > SAGE_MOST_STEPS)
        return sage_malformed(from, "an accumulator of no or too many values");
    PyObject **items = sage_new_slots(from, (size_t)count, arity);
    bool done = items && read_items(from, arity, count, items) && build_accumulators(from, items, arity, count, slots);
    if (items)
        sage_free_slots(items, (size_t)arity * (size_t)count);
    return done;
}

static bool read_key(sage_unpacker *from, PyObject **key)
{
    uint32_t length;
    if (!sage_take_u32(from, &length))
        return false;
    const uint8_t *bytes = sage_take(from, length, 1);
    if (!bytes || !(*key = sage_new_utf8(bytes, length)))
        return false;
    PyUnicode_InternInPlace(key);
    return true;
}

/* Keys in order, all different. */
static PyObject **read_keys(sage_unpacker *from, size_t size)
{
    PyObject **keys = PyMem_Calloc(size + 1, sizeof *keys);
    PyObject *seen = keys ? PySet_New(NULL) : NULL;
    if (!keys)
        PyErr_NoMemory();
    bool done = seen != NULL;
    for (size_t field = 0; done && field < size; field++)
        done = read_key(from, &keys[field]) && PySet_Add(seen, keys[field]) == 0;
    if (done && PySet_GET_SIZE(seen) != (Py_ssize_t)size)
        done = sage_malformed(from, "a key comes twice");
    Py_XDECREF(seen);
    if (done)
        return keys;
    if (keys)
        sage_free_slots(keys, size);
    return NULL;
}

/* The first dict. To copy it and set what differs is cheaper than to fill an empty one, the more so the more keys there
 * are: columns such as a status or a flag have many a value that is the same object. */
static PyObject *new_template(PyObject **keys, PyObject **items, size_t size, Py_ssize_t count)
{
    PyObject *dict = PyDict_New();
    for (size_t field = 0; dict && field < size; field++)
        if (PyDict_SetItem(dict, keys[field], items[field * (size_t)count]) < 0)
            Py_CLEAR(dict);
    return dict;
}

static bool build_dicts(PyObject *template, PyObject **keys, PyObject **items, size_t size, Py_ssize_t count,
                        PyObject **slots)
{
    for (Py_ssize_t i = 0; i < count; i++) {
        if (!(slots[i] = PyDict_Copy(template)))
            return false;
        for (size_t field = 0; field < size; field++) {
            PyObject **column = items + field * (size_t)count;
            if (column[i] != column[0] && PyDict_SetItem(slots[i], keys[field], column[i]) < 0)
                return false;
        }
    }
    return true;
}

bool sage_read_dicts(sage_unpacker *from, Py_ssize_t count, PyObject **slots)
{
    uint32_t size;
    from->in_cycles = true;
    if (!take_arity(from, count, &size))
        return false;
    PyObject **keys = read_keys(from, size);
    if (!keys)
        return false;
    PyObject **items = sage_new_slots(from, (size_t)count, size);
    bool done = items && read_items(from, size, count, items);
    if (done && count > 0) {
        PyObject *template = new_template(keys, items, size, count);
        done = template && build_dicts(template, keys, items, size, count, slots);
        Py_XDECREF(template);
    }
    if (items)
        sage_free_slots(items, (size_t)size * (size_t)count);
    sage_free_slots(keys, size);
    return done;
}
