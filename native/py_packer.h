/* What the files of pack_rows share (rows_format.h has the format).
 *
 * While columns are scanned no Python code runs: only exact built-in types are touched, and nothing is allocated that
 * the garbage collector looks after. So borrowed references stay good. What has to be pickled (by user code) is kept
 * with references of its own, and pickled when the scan is over. */
#ifndef SAGE_PY_PACKER_H
#define SAGE_PY_PACKER_H

#include "py_module.h"

#include "buffer.h"
#include "rows_format.h"

typedef PyObject *const *sage_values;

/* Values waiting to be pickled. */
typedef struct {
    PyObject **values;
    Py_ssize_t count;
} sage_pending;

typedef struct {
    sage_buffer out;
    sage_pending *pickles;
    size_t pickle_count;
    size_t pickle_capacity;
    PyTypeObject *accumulator;
    int depth;
} sage_packer;

/* UNFIT: not of one type; nothing was written. FAILED: an exception is set. */
typedef enum { SAGE_WRITTEN, SAGE_UNFIT, SAGE_FAILED } sage_outcome;

/* A node for values of any kind, at least one; never UNFIT. */
sage_outcome sage_write_node(sage_packer *to, sage_values values, Py_ssize_t count);

/* A node for values of one kind, which the first one is of. */
sage_outcome sage_write_none(sage_packer *to, sage_values values, Py_ssize_t count);
sage_outcome sage_write_bools(sage_packer *to, sage_values values, Py_ssize_t count);
sage_outcome sage_write_ints(sage_packer *to, sage_values values, Py_ssize_t count);
sage_outcome sage_write_floats(sage_packer *to, sage_values values, Py_ssize_t count);
sage_outcome sage_write_strs(sage_packer *to, sage_values values, Py_ssize_t count);
sage_outcome sage_write_bytes(sage_packer *to, sage_values values, Py_ssize_t count);
sage_outcome sage_write_tuples(sage_packer *to, sage_values values, Py_ssize_t count);
sage_outcome sage_write_dicts(sage_packer *to, sage_values values, Py_ssize_t count);
sage_outcome sage_write_accumulators(sage_packer *to, sage_values values, Py_ssize_t count);

static inline sage_outcome sage_no_memory(void)
{
    PyErr_NoMemory();
    return SAGE_FAILED;
}

static inline bool sage_write_tag(sage_packer *to, uint8_t byte)
{
    return sage_buffer_append(&to->out, &byte, 1);
}

static inline bool sage_write_u32(sage_packer *to, uint32_t number)
{
    return sage_buffer_append(&to->out, &number, sizeof number);
}

static inline bool sage_write_filler(sage_packer *to, Py_ssize_t count)
{
    size_t bytes = sage_bits((size_t)count);
    uint8_t *room = sage_buffer_room(&to->out, bytes + 1);
    if (!room)
        return false;
    memset(room, 0, bytes);
    to->out.length += bytes;
    return true;
}

#endif
