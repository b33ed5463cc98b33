/* A ring of variable-length records in shared memory: one writer, one reader, no lock.
 *
 * Positions count bytes for ever (2^64 are never used up); a position modulo the capacity is an offset in the data.
 * A record never wraps: what does not fit before the end is preceded by a skip record, published together with it.
 *
 * What may be seen late: the writer keeps the last head it read, so it may think the ring fuller than it is, and then
 * reads again before it gives up. The reader keeps the last tail it read, and reads again when it has taken all
 * records up to there; it may miss one which is being published: the doorbell's fences see to that one. Neither can see
 * more than was published. Reading the other's position only when need be keeps its line in its own core: with a fast
 * peer that is most of the time.
 *
 * A writer that sleeps until the reader has released something says so first, so that the reader of a slow stream does not
 * wake a writer at every record for nothing. Writer: say so · arm the doorbell (full fence) · look again · sleep. Reader:
 * release · full fence · if it is awaited: ring. With a full fence on either side at least one sees the other's store.
 *
 * Either side may die between any two instructions. Only the store of `tail` (or `head`) takes effect; a half-written
 * record behind it does not exist.
 *
 * A ring outlives what it is used for: sage_ring_reset empties it for the next pair of ends, and counts. An end of an
 * earlier generation is stale: it writes and reads nothing any more, and gives nothing back. */
#ifndef SAGE_RING_H
#define SAGE_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "layout.h"
#include "status.h"

typedef struct {
    sage_ring_header *header;
    uint8_t *data;
    uint64_t capacity;
    uint64_t generation; /* of the ring when we were opened */
    uint64_t max_record; /* largest payload of one record */
    uint64_t tail;       /* only we move it */
    uint64_t written;
    uint64_t seen_head; /* cached: where the reader was when we last looked */
    uint64_t seen_released; /* as of when we last asked, or last found no room */
    bool awaits_release;    /* as the header has it */
} sage_ring_writer;

typedef struct {
    sage_ring_header *header;
    const uint8_t *data;
    uint64_t capacity;
    uint64_t generation; /* of the ring when we were opened */
    uint64_t head; /* only we move it */
    uint64_t released;
    uint64_t seen_tail; /* cached: where the writer was when we last looked */
    uint64_t next;      /* where the head goes when the record last peeked at is released; 0: none is held */
} sage_ring_reader;

typedef struct {
    uint32_t kind;
    uint32_t flags;
    const uint8_t *payload;
    uint64_t length;
} sage_record;

/* Bytes of a ring in its segment. SAGE_BAD_CAPACITY unless a power of two of at least SAGE_RING_MIN_CAPACITY. */
sage_status sage_ring_bytes(uint64_t capacity, uint64_t *bytes);

/* Open either end at `memory` (a cache line). Whoever comes first writes the identity; SAGE_NOT_OURS when it is there
 * and differs. An end goes on where an earlier owner of it stopped. */
sage_status sage_ring_open_writer(sage_ring_writer *writer, void *memory, uint64_t capacity);
sage_status sage_ring_open_reader(sage_ring_reader *reader, void *memory, uint64_t capacity);

/* Empty the ring and begin its next generation: whatever is in it, half of it included, is gone. SAGE_NOT_OURS where
 * another ring is. Called while nobody is at either end: both are dead, or have let go and said so. */
sage_status sage_ring_reset(void *memory, uint64_t capacity);

/* Reserve space for a payload: SAGE_OK and where to write it, SAGE_FULL, SAGE_TOO_LARGE or SAGE_STALE. Nothing is
 * visible to the reader before sage_ring_publish; reserving again forgets the reservation before. */
sage_status sage_ring_reserve(sage_ring_writer *writer, uint64_t length, uint8_t **payload);

/* Make the reserved record visible. `length` as reserved; kind at most SAGE_KIND_MAX. */
void sage_ring_publish(sage_ring_writer *writer, uint32_t kind, uint32_t flags, uint64_t length);

/* How many records the reader has released, and whether that is out of date: since this was called, or since a reservation
 * found no room, it has released more. */
uint64_t sage_ring_released(sage_ring_writer *writer);
bool sage_ring_was_released(const sage_ring_writer *writer);

/* When the reader last did so, or shortly later: perhaps it has released more since the number was asked for. */
uint64_t sage_ring_released_ns(const sage_ring_writer *writer);

/* Whether we wait for a release. To be said before the doorbell is armed; whoever says so behind that looks again. */
void sage_ring_await_release(sage_ring_writer *writer, bool awaits);

uint64_t sage_ring_in_flight(const sage_ring_writer *writer);
uint64_t sage_ring_in_flight_bytes(const sage_ring_writer *writer);

bool sage_ring_is_ready(const sage_ring_reader *reader);

/* The next record, in place: SAGE_OK, SAGE_EMPTY, or SAGE_CORRUPT. The same one until it is released. */
sage_status sage_ring_peek(sage_ring_reader *reader, sage_record *record);

/* Give the record last peeked at back to the writer, at `now_ns`; nothing happens when none is held. */
void sage_ring_release(sage_ring_reader *reader, uint64_t now_ns);

/* After releasing: whether the writer waits for that, so that its doorbell has to be rung. */
bool sage_ring_is_awaited(const sage_ring_reader *reader);

#endif
