/* A channel of columns: a ring and, where it is to have one, an arena, with both ends in this process. */
#ifndef CHANNEL_H
#define CHANNEL_H

#include "check.h"
#include "columns_channel.h"

enum { CAPACITY = 4096 };

typedef struct {
    sage_segment segment;
    sage_ring_writer writer;
    sage_ring_reader reader;
    sage_arena_writer arena;
    sage_arena_reader leases;
} channel;

static inline channel *new_channel(uint64_t arena)
{
    channel *made = calloc(1, sizeof *made);
    uint64_t ring_bytes, arena_bytes;
    CHECK(sage_ring_bytes(CAPACITY, &ring_bytes) == SAGE_OK);
    CHECK(sage_segment_create(&made->segment, "test", ring_bytes + sizeof(sage_arena_header) + arena, -1) == SAGE_OK);
    CHECK(sage_ring_open_writer(&made->writer, made->segment.base, CAPACITY) == SAGE_OK);
    CHECK(sage_ring_open_reader(&made->reader, made->segment.base, CAPACITY) == SAGE_OK);
    if (arena) {
        CHECK(sage_arena_bytes(arena, &arena_bytes) == SAGE_OK);
        CHECK(sage_arena_open_writer(&made->arena, made->segment.base + ring_bytes, arena, 0) == SAGE_OK);
        CHECK(sage_arena_open_reader(&made->leases, made->segment.base + ring_bytes, arena, NULL) == SAGE_OK);
    }
    return made;
}

#endif
