#include "py_module.h"

PyObject *sage_raise(sage_status status, const char *where)
{
    switch (status) {
    case SAGE_SYSTEM:
        return PyErr_SetFromErrno(PyExc_OSError);
    case SAGE_NO_MEMORY:
        return PyErr_NoMemory();
    case SAGE_TOO_LARGE:
        return PyErr_Format(PyExc_ValueError, "%s: larger than max_record, so it can never fit", where);
    case SAGE_OUT_OF_RANGE:
        return PyErr_Format(PyExc_ValueError, "%s: does not lie inside the segment", where);
    case SAGE_MISALIGNED:
        return PyErr_Format(PyExc_ValueError, "%s: offset is not a multiple of %d", where, SAGE_CACHE_LINE);
    case SAGE_BAD_CAPACITY:
        return PyErr_Format(PyExc_ValueError, "%s: capacity must be a power of two of at least %d bytes", where,
                            SAGE_RING_MIN_CAPACITY);
    case SAGE_NOT_OURS:
        return PyErr_Format(PyExc_ValueError, "%s: magic, version or size is not what this build writes", where);
    case SAGE_NOT_SEALED:
        return PyErr_Format(PyExc_ValueError, "%s: the file is not sealed against shrinking", where);
    case SAGE_CORRUPT:
        return PyErr_Format(PyExc_ValueError, "%s: what lies in shared memory is not what a peer writes", where);
    case SAGE_STALE:
        return PyErr_Format(PyExc_ValueError, "%s: this end is stale: the ring was reset for another pair of ends", where);
    case SAGE_UNSUPPORTED:
        return PyErr_Format(PyExc_TypeError, "%s: a column is of a type that this version does not know", where);
    case SAGE_NO_EVENTFD:
        return PyErr_Format(PyExc_RuntimeError, "%s: the peer waits on an eventfd, and this side was given none",
                            where);
    case SAGE_OK:
    case SAGE_FULL:
    case SAGE_EMPTY:
    case SAGE_TIMEOUT:
    case SAGE_INTERRUPTED:
        break;
    }
    return PyErr_Format(PyExc_SystemError, "%s: status %d is not a failure", where, (int)status);
}

void *sage_place(SegmentObject *segment, unsigned long long offset, unsigned long long length, const char *what)
{
    sage_status status = sage_segment_check(&segment->segment, offset, length);
    if (status != SAGE_OK)
        return sage_raise(status, what);
    return segment->segment.base + offset;
}

bool sage_parse_ring_place(PyTypeObject *type, PyObject *args, PyObject *named, const char *what, sage_ring_place *place)
{
    static char *names[] = {"segment", "offset", "capacity", "arena", NULL};
    Py_ssize_t offset, capacity, arena = 0;
    uint64_t ring_bytes, arena_bytes = 0;
    if (!PyArg_ParseTupleAndKeywords(args, named, "O!nn|n", names, sage_state_of(type)->segment_type, &place->segment,
                                     &offset, &capacity, &arena))
        return false;
    sage_status status = sage_ring_bytes((uint64_t)capacity, &ring_bytes);
    if (status == SAGE_OK && arena)
        status = sage_arena_bytes((uint64_t)arena, &arena_bytes);
    if (status != SAGE_OK)
        return sage_raise(status, what);
    SegmentObject *segment = (SegmentObject *)place->segment;
    place->ring = sage_place(segment, (unsigned long long)offset, ring_bytes + arena_bytes, what);
    place->arena = arena ? (uint8_t *)place->ring + ring_bytes : NULL;
    place->capacity = (uint64_t)capacity;
    place->arena_capacity = (uint64_t)arena;
    return place->ring;
}
