/* Record batches through a ring and the arena beside it, if there is one: written where they are read.
 *
 * A batch lies in the arena, is a record of the ring, or where it is larger than a record of the ring may be, several.
 * What is read in the arena is read in place, on lease; what came by the ring was copied out of it. */
#ifndef SAGE_COLUMNS_CHANNEL_H
#define SAGE_COLUMNS_CHANNEL_H

#include "arena.h"
#include "columns_plan.h"
#include "columns_read.h"
#include "ring.h"
#include "segment.h"

enum {
    SAGE_KIND_COLUMNS = 6,
    SAGE_KIND_COLUMNS_IN_ARENA = 7, /* the payload is a ticket */
    SAGE_FLAG_CONTINUED = 1,        /* more records of this batch follow */
};

/* Below, a copy costs less than a lease. */
#define SAGE_WORTH_A_LEASE_BYTES 4096

/* Write on from byte *written of the planned batch: SAGE_OK once it is out, SAGE_FULL where room has to be waited for. The
 * last record carries `flags`. */
sage_status sage_columns_send(sage_columns_plan *plan, sage_ring_writer *ring, sage_arena_writer *arena, uint32_t flags,
                              uint64_t *written);

/* Open the reader's end of the arena beside `ring`; see sage_arena_open_reader. */
sage_status sage_columns_open_arena(sage_arena_reader *arena, void *memory, uint64_t capacity,
                                    const sage_ring_reader *ring);

/* What came of a batch, zeroed to begin with. */
typedef struct {
    const uint8_t *bytes;
    uint64_t filled; /* 0: none of the next batch is there */
    sage_owner owner;
} sage_intake;

/* Take in a record of either kind. SAGE_OK: the batch is whole; SAGE_EMPTY: more of it is to come; SAGE_CORRUPT;
 * SAGE_NO_MEMORY. The batch before must have been moved out (sage_intake_move) or given up. */
sage_status sage_intake_take(sage_intake *intake, const sage_record *record, const sage_arena_reader *arena,
                             sage_mapping *mapping);

/* The whole batch as an array that owns it; see sage_columns_read. */
sage_status sage_intake_move(sage_intake *intake, const sage_shape *shape, struct ArrowArray *array);

/* Harmless on an empty intake. */
void sage_intake_give_up(sage_intake *intake);

#endif
