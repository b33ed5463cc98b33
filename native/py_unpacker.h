/* What the files of unpack_rows share (rows_format.h has the format).
 *
 * Nothing in a block is trusted: every length is checked before use. Each reader of a node fills `count` slots, NULL at
 * first, with new references. When one fails, what it filled stays, and whoever owns the slots releases it. */
#ifndef SAGE_PY_UNPACKER_H
#define SAGE_PY_UNPACKER_H

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
    PyTypeObject *accumulator;
    int depth;
    bool in_cycles; /* whether the values read since this was cleared could be part of a reference cycle */
} sage_unpacker;

/* Raises ValueError, unless something has been raised; always returns false. */
bool sage_malformed(const sage_unpacker *from, const char *what);

/* The next `count` items of `size` bytes, or NULL with an exception set. */
const uint8_t *sage_take(sage_unpacker *from, size_t count, size_t size);

/* Slots for `columns` columns of `rows` items, to be freed with all they hold; NULL with an exception set. */
PyObject **sage_new_slots(const sage_unpacker *from, size_t rows, size_t columns);
void sage_free_slots(PyObject **slots, size_t count);

PyObject *sage_new_utf8(const uint8_t *bytes, size_t length);

/* The next node, of any type. */
bool sage_read_node(sage_unpacker *from, Py_ssize_t count, PyObject **slots);

/* The rest of a node whose type has been read. */
bool sage_read_none(sage_unpacker *from, Py_ssize_t count, PyObject **slots);
bool sage_read_bools(sage_unpacker *from, Py_ssize_t count, PyObject **slots);
bool sage_read_int8(sage_unpacker *from, Py_ssize_t count, PyObject **slots);
bool sage_read_int16(sage_unpacker *from, Py_ssize_t count, PyObject **slots);
bool sage_read_int32(sage_unpacker *from, Py_ssize_t count, PyObject **slots);
bool sage_read_int64(sage_unpacker *from, Py_ssize_t count, PyObject **slots);
bool sage_read_floats(sage_unpacker *from, Py_ssize_t count, PyObject **slots);
bool sage_read_ascii(sage_unpacker *from, Py_ssize_t count, PyObject **slots);
bool sage_read_utf8(sage_unpacker *from, Py_ssize_t count, PyObject **slots);
bool sage_read_bytes(sage_unpacker *from, Py_ssize_t count, PyObject **slots);
bool sage_read_tuples(sage_unpacker *from, Py_ssize_t count, PyObject **slots);
bool sage_read_dicts(sage_unpacker *from, Py_ssize_t count, PyObject **slots);
bool sage_read_accumulators(sage_unpacker *from, Py_ssize_t count, PyObject **slots);

static inline bool sage_take_u32(sage_unpacker *from, uint32_t *number)
{
    const uint8_t *bytes = sage_take(from, 1, sizeof *number);
    if (bytes)
        memcpy(number, bytes, sizeof *number);
    return bytes != NULL;
}

static inline bool sage_take_filler(sage_unpacker *from, Py_ssize_t count)
{
    return sage_take(from, sage_bits((size_t)count), 1) != NULL;
}

#endif
