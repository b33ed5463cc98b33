/* Looking at many rings at once, and spinning on them before parking. */
#ifndef SAGE_WAIT_H
#define SAGE_WAIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ring.h"

typedef struct {
    sage_ring_reader **readers;
    size_t reader_count;
    sage_ring_writer **writers;
    size_t writer_count;
} sage_wait_set;

/* Any reader has a record, or something was released to a writer that awaits it (see sage_ring_was_released). */
bool sage_wait_ready(const sage_wait_set *set);

/* Look again and again, with a pause in between (for about a microsecond), or giving the core away (for longer). */
bool sage_wait_pausing(const sage_wait_set *set, uint64_t budget_ns);
bool sage_wait_yielding(const sage_wait_set *set, uint64_t budget_ns);

#endif
