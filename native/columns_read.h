/* A record batch that lies in memory as columns_format.h has it, as an Arrow array: nothing is copied. */
#ifndef SAGE_COLUMNS_READ_H
#define SAGE_COLUMNS_READ_H

#include "columns_format.h"
#include "columns_shape.h"

/* Who keeps the bytes. `release` is called once, when the last array over them is gone: from any thread, and perhaps in a
 * process that was forked meanwhile. */
typedef struct {
    void (*release)(void *of);
    void *of;
} sage_owner;

/* The header at `bytes`: SAGE_OK, or SAGE_CORRUPT where no batch of at most `length` bytes begins there. */
sage_status sage_columns_check(const uint8_t *bytes, uint64_t length);

/* The batch at `bytes`, which was checked and is of `shape`. On SAGE_OK `array` owns the bytes; otherwise (SAGE_CORRUPT,
 * SAGE_NO_MEMORY) they are still the caller's. No buffer reaches out of the bytes, and every array has as many values as
 * those that point into it by position need; what offsets and views lead to is not looked at. */
sage_status sage_columns_read(const sage_shape *shape, const uint8_t *bytes, sage_owner owner,
                              struct ArrowArray *array);

#endif
