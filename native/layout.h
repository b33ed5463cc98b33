/* Everything that lies in shared memory, byte by byte. Offsets, never pointers: each process maps at its own address. */
#ifndef SAGE_LAYOUT_H
#define SAGE_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include "atomics.h"

#include "status.h"

#define SAGE_CACHE_LINE 64

/* Rings and arenas have a power of two of data bytes behind their header. */
static inline sage_status sage_sized(uint64_t capacity, uint64_t least, uint64_t header_bytes, uint64_t *bytes)
{
    if (capacity < least || (capacity & (capacity - 1)) != 0 || capacity > (uint64_t)1 << 62)
        return SAGE_BAD_CAPACITY;
    *bytes = header_bytes + capacity;
    return SAGE_OK;
}

/* Magic, version and capacity in one word, so that it is there whole or not at all: whoever comes first writes it, and
 * all others have to find the same. */
static inline sage_status sage_identify(sage_atomic_u64 *identity, uint64_t magic, uint64_t version, uint64_t capacity)
{
    uint64_t own = magic << 32 | version << 8 | (uint64_t)__builtin_ctzll(capacity);
    uint64_t found = sage_compare_exchange(identity, 0, own);
    return found == 0 || found == own ? SAGE_OK : SAGE_NOT_OURS;
}

/* One page ahead of the user's bytes, so that offset 0 belongs to the user and bulk data stays page-aligned. */
#define SAGE_SEGMENT_HEADER_BYTES 4096
#define SAGE_SEGMENT_MAGIC UINT64_C(0x53414745534547ff) /* "SAGESEG", then a byte no text has */
#define SAGE_SEGMENT_VERSION 1

typedef struct {
    uint64_t magic; /* written last by the creator, before the descriptor leaves its process */
    uint32_t version;
    uint32_t header_bytes;
    uint64_t size; /* the user's bytes */
    int64_t owner_pid;
    uint8_t reserved[SAGE_SEGMENT_HEADER_BYTES - 32];
} sage_segment_header;

_Static_assert(sizeof(sage_segment_header) == SAGE_SEGMENT_HEADER_BYTES, "segment header is one page");

/* The word is the parked flag itself (see doorbell.h). It has a line of its own: every notifier reads it at each
 * flush, and must not be disturbed by a neighbour's stores. */
typedef struct {
    sage_atomic_u32 word;
    uint8_t reserved[SAGE_CACHE_LINE - 4];
} sage_doorbell_line;

_Static_assert(sizeof(sage_doorbell_line) == SAGE_CACHE_LINE, "doorbell is one cache line");

#define SAGE_RING_MAGIC UINT64_C(0x53474e52) /* "SGNR" */
#define SAGE_RING_VERSION 2
#define SAGE_RING_MIN_CAPACITY 1024

/* Writer and reader each store into a line of their own: sharing one would send it back and forth between the cores at
 * every record. Two lines apart, not one, because the adjacent-line prefetcher fetches lines in pairs of 128 bytes. */
typedef struct {
    sage_atomic_u64 identity; /* magic, version and capacity in one word, so that it is there whole or not at all */
    /* How often the ring was emptied by sage_ring_reset. Read at every record, and hardly ever written. */
    sage_atomic_u64 generation;
    uint8_t reserved0[2 * SAGE_CACHE_LINE - 16];
    /* Stored by the writer. */
    sage_atomic_u64 tail;    /* bytes ever written; SYNC POINT ring-data */
    sage_atomic_u64 written; /* records ever written */
    sage_atomic_u64 awaits_release; /* whether the reader is to ring; SYNC POINT ring-awaited */
    uint8_t reserved1[2 * SAGE_CACHE_LINE - 24];
    /* Stored by the reader. */
    sage_atomic_u64 head;     /* bytes ever released; SYNC POINT ring-space */
    sage_atomic_u64 released; /* records ever released */
    sage_atomic_u64 released_ns; /* when the last of them was, by the reader's clock */
    uint8_t reserved2[2 * SAGE_CACHE_LINE - 24];
} sage_ring_header;

_Static_assert(offsetof(sage_ring_header, tail) == 128, "the writer's line");
_Static_assert(offsetof(sage_ring_header, head) == 256, "the reader's line");
_Static_assert(sizeof(sage_ring_header) == 384, "ring header");

/* Ahead of each payload. A whole line, so that payloads are aligned as Arrow wants its buffers. */
typedef struct {
    uint64_t length; /* of the payload; the record ends at the next multiple of a line */
    uint32_t kind;   /* the user's, or SAGE_KIND_SKIP */
    uint32_t flags;  /* the user's */
    uint8_t reserved[SAGE_CACHE_LINE - 16];
} sage_record_header;

_Static_assert(sizeof(sage_record_header) == SAGE_CACHE_LINE, "record header is one cache line");

#define SAGE_ARENA_MAGIC UINT64_C(0x53474e41) /* "SGNA" */
#define SAGE_ARENA_VERSION 1
#define SAGE_ARENA_GRANULES 64 /* the bits of a word */
#define SAGE_ARENA_MIN_CAPACITY (64 * SAGE_ARENA_GRANULES)

/* Of each granule a bit in every word. It is in use while `taken` and `given_back` differ, so that each word has one
 * writer, as in a ring; in use and not leased, it is on its way. */
typedef struct {
    sage_atomic_u64 identity;
    uint8_t reserved0[2 * SAGE_CACHE_LINE - 8];
    /* Flipped and stored by the writer of the ring. */
    sage_atomic_u64 taken;
    sage_atomic_u64 generation; /* of the ring, when it last had a new writer */
    uint8_t reserved1[2 * SAGE_CACHE_LINE - 16];
    /* Flipped and stored in the reader's process, by any thread. */
    sage_atomic_u64 given_back; /* SYNC POINT arena-space */
    sage_atomic_u64 leased;
    sage_atomic_u64 reader; /* the process id of the latest one */
    uint8_t reserved2[2 * SAGE_CACHE_LINE - 24];
} sage_arena_header;

_Static_assert(offsetof(sage_arena_header, taken) == 128, "the writer's line");
_Static_assert(offsetof(sage_arena_header, given_back) == 256, "the reader's line");
_Static_assert(sizeof(sage_arena_header) == 384, "arena header");

/* The payload of a ring record that stands for one in the arena. */
typedef struct {
    uint64_t first; /* granule */
    uint64_t bytes;
} sage_arena_ticket;

_Static_assert(sizeof(sage_arena_ticket) == 16, "ticket");

#define SAGE_KIND_SKIP UINT32_MAX /* nothing here up to the end of the ring: the next record is at its start */
#define SAGE_KIND_MAX (SAGE_KIND_SKIP - 1)

#endif
