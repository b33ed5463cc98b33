/* Memory beside a ring for payloads which the reader keeps for as long as it likes, and gives back in any order.
 *
 * A ring moves on only when its oldest record is done with, so what somebody keeps must not lie in it. Here it lies by
 * itself: spans of the 64 granules that an arena has, each announced by a ticket in the ring. The writer never waits for
 * what is kept. It waits for records still on their way, as it does for a ring's room; where only what is kept stands in
 * the way, it sends the payload by the ring.
 *
 * An arena outlives what its ring is used for. A new writer of a ring that was reset finds what was on its way then, and
 * takes it back; a new reader in another process ends the leases of the one before, which is dead. Leases of a reader
 * that lives hold on beyond a reset, for as long as they are kept.
 *
 * What may be seen late: the writer may think a span in use that was just given back. It is told of every record that the
 * reader is done with, and looks again then. */
#ifndef SAGE_ARENA_H
#define SAGE_ARENA_H

#include <stdbool.h>
#include <stdint.h>

#include "layout.h"
#include "status.h"

typedef struct {
    uint64_t serial; /* of the ring record with its ticket */
    uint64_t mask;
} sage_span;

typedef struct {
    sage_arena_header *header; /* NULL: there is no arena */
    uint8_t *data;
    uint64_t granule;
    uint64_t taken;
    uint64_t next; /* the granule behind those taken last, round the end */
    uint64_t first_span; /* ever sent and not known to be released by the reader of the ring: [first_span, next_span) */
    uint64_t next_span;
    sage_span spans[SAGE_ARENA_GRANULES];
} sage_arena_writer;

typedef struct {
    sage_arena_header *header;
    const uint8_t *data;
    uint64_t granule;
} sage_arena_reader;

/* Bytes of an arena in its segment; SAGE_BAD_CAPACITY unless a power of two that 64 granules of cache lines fit into. */
sage_status sage_arena_bytes(uint64_t capacity, uint64_t *bytes);

/* Open either end at `memory` (a cache line), as with a ring. `generation` is that of the ring; `held` the ticket in its
 * oldest record, or NULL: where a reader before us has leased that span and died, it is leased again. */
sage_status sage_arena_open_writer(sage_arena_writer *writer, void *memory, uint64_t capacity, uint64_t generation);
sage_status sage_arena_open_reader(sage_arena_reader *reader, void *memory, uint64_t capacity,
                                   const sage_arena_ticket *held);

/* Room for `bytes`: SAGE_OK and where, SAGE_FULL when there will be some once records up to `written` are released
 * (`released` are), SAGE_TOO_LARGE when there may never be. */
sage_status sage_arena_reserve(sage_arena_writer *writer, uint64_t bytes, uint64_t released, uint64_t *first,
                               uint8_t **payload);

/* The reserved span leaves in ring record `serial`, which is published behind this. */
void sage_arena_take(sage_arena_writer *writer, uint64_t first, uint64_t bytes, uint64_t serial);

/* The span that a ticket stands for, on lease: SAGE_OK, or SAGE_CORRUPT where it is not on its way. */
sage_status sage_arena_lease(const sage_arena_reader *reader, const sage_arena_ticket *ticket, const uint8_t **payload,
                             uint64_t *mask);

/* Once for every lease. From any thread of the process that took it. */
void sage_arena_give_back(sage_arena_header *header, uint64_t mask);

#endif
