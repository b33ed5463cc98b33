/* What a core function returns. py_status.c turns the failures into exceptions; full and empty are not failures. */
#ifndef SAGE_STATUS_H
#define SAGE_STATUS_H

typedef enum {
    SAGE_OK = 0,
    SAGE_FULL,         /* no room now */
    SAGE_EMPTY,        /* nothing there now */
    SAGE_TIMEOUT,      /* the time was up */
    SAGE_INTERRUPTED,  /* a signal arrived */
    SAGE_SYSTEM,       /* a system call failed: errno says why */
    SAGE_TOO_LARGE,    /* could never fit */
    SAGE_OUT_OF_RANGE, /* does not lie inside the segment */
    SAGE_MISALIGNED,   /* not on a cache line */
    SAGE_BAD_CAPACITY, /* not a power of two, or too small */
    SAGE_NOT_OURS,     /* magic, version or size differ */
    SAGE_NOT_SEALED,   /* could shrink under us */
    SAGE_CORRUPT,      /* what lies in shared memory can not be a record */
    SAGE_STALE,        /* an end of an earlier generation of the ring */
    SAGE_NO_EVENTFD,   /* the waiter sits on an eventfd this side was not given */
    SAGE_UNSUPPORTED,  /* a kind of data that this code does not know */
    SAGE_NO_MEMORY,
} sage_status;

#endif
