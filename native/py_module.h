/* What the Python half shares: the module's state, and one prototype per type. Comes first in every py_*.c: Python.h
 * decides which system interfaces the standard headers show. */
#ifndef SAGE_PY_MODULE_H
#define SAGE_PY_MODULE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "arena.h"
#include "doorbell.h"
#include "ring.h"
#include "segment.h"
#include "status.h"
#include "wait.h"

/* From here on a copy is longer than the ~1 us for which the GIL may be kept. */
#define RELEASE_GIL_BYTES (32 * 1024)

typedef struct {
    PyTypeObject *segment_type;
    PyTypeObject *doorbell_type;
    PyTypeObject *ring_writer_type;
    PyTypeObject *ring_reader_type;
    PyTypeObject *column_writer_type;
    PyTypeObject *column_reader_type;
    PyTypeObject *wait_set_type;
    PyTypeObject *cursor_type;
    PyTypeObject *state_cell_type;
    PyTypeObject *accumulator_type;
    PyTypeObject *pane_stacks_type;
} sage_module_state;

typedef struct {
    PyObject_HEAD
    sage_segment segment;
} SegmentObject;

typedef struct {
    PyObject_HEAD
    SegmentObject *segment; /* keeps the mapping alive */
    sage_ring_writer ring;
    sage_arena_writer arena;
    bool busy; /* a copy runs without the GIL */
} RingWriterObject;

typedef struct {
    PyObject_HEAD
    SegmentObject *segment; /* keeps the mapping alive */
    sage_ring_reader ring;
    sage_arena_reader arena;
    sage_record record; /* what peek returned */
    Py_ssize_t exports; /* views of it */
} RingReaderObject;

extern PyType_Spec sage_segment_spec;
extern PyType_Spec sage_doorbell_spec;
extern PyType_Spec sage_ring_writer_spec;
extern PyType_Spec sage_ring_reader_spec;
extern PyType_Spec sage_column_writer_spec;
extern PyType_Spec sage_column_reader_spec;
extern PyType_Spec sage_wait_set_spec;
extern PyType_Spec sage_cursor_spec;
extern PyType_Spec sage_state_cell_spec;
extern PyType_Spec sage_accumulator_spec;
extern PyType_Spec sage_pane_stacks_spec;

/* The state, from the type of one of our objects. */
static inline sage_module_state *sage_state_of(PyTypeObject *type)
{
    return PyType_GetModuleState(type);
}

/* The same from a subclass in Python; NULL with an exception set. */
sage_module_state *sage_state_of_subtype(PyTypeObject *type);

/* Frees an object of one of our types (heap types are owned by their instances). */
static inline void sage_free_object(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    type->tp_free(self);
    Py_DECREF(type);
}

/* Raises what `status` stands for; always returns NULL. `where` says what was being done. */
PyObject *sage_raise(sage_status status, const char *where);

/* Resolves `length` bytes at `offset` for a structure living in a segment; NULL with an exception set. */
void *sage_place(SegmentObject *segment, unsigned long long offset, unsigned long long length, const char *what);

/* Where a ring and the arena right behind it lie in their segment. */
typedef struct {
    void *ring;
    void *arena; /* NULL: none was asked for */
    uint64_t capacity;
    uint64_t arena_capacity;
    PyObject *segment; /* borrowed */
} sage_ring_place;

/* From the arguments (segment, offset, capacity, arena=0) of either end; false with an exception set. */
bool sage_parse_ring_place(PyTypeObject *type, PyObject *args, PyObject *named, const char *what,
                           sage_ring_place *place);

/* Module-level functions, one file each. */
PyObject *sage_py_hash64(PyObject *module, PyObject *bytes);
PyObject *sage_py_key_bytes(PyObject *module, PyObject *const *args, Py_ssize_t count);
PyObject *sage_py_key_groups(PyObject *module, PyObject *const *args, Py_ssize_t count);
PyObject *sage_py_partition(PyObject *module, PyObject *const *args, Py_ssize_t count);
PyObject *sage_py_pack_rows(PyObject *module, PyObject *const *args, Py_ssize_t count);
PyObject *sage_py_unpack_rows(PyObject *module, PyObject *const *args, Py_ssize_t count);
PyObject *sage_py_select(PyObject *module, PyObject *const *args, Py_ssize_t count);
PyObject *sage_py_bounds(PyObject *module, PyObject *values);
PyObject *sage_py_fold(PyObject *module, PyObject *const *args, Py_ssize_t count);
PyObject *sage_py_fold_sessions(PyObject *module, PyObject *args);
PyObject *sage_py_look_at_sessions(PyObject *module, PyObject *args);
PyObject *sage_py_merge(PyObject *module, PyObject *const *args, Py_ssize_t count);
PyObject *sage_py_results(PyObject *module, PyObject *const *args, Py_ssize_t count);
PyObject *sage_py_reduce(PyObject *module, PyObject *const *args, Py_ssize_t count);
PyObject *sage_py_is_immutable(PyObject *module, PyObject *value);
PyObject *sage_py_apart(PyObject *module, PyObject *value);

#endif
