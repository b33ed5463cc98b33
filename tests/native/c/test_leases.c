/* Payloads in an arena, written by one thread, read in place by another, given back by a third in any order.
 *
 * For the thread sanitizer: a payload read before it was published, or written over before it was given back. */
#include <pthread.h>
#include <string.h>

#include "arena.h"
#include "check.h"
#include "ring.h"

enum { RING = 4096, ARENA = 1 << 14, PAYLOADS = 5000, HELD = 16 };

typedef struct {
    uint8_t *ring, *arena;
    sage_arena_header *header;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t masks[HELD];
    size_t held;
    bool is_over;
} shared;

static uint64_t length_of(uint64_t number)
{
    return 1 + number * 137 % 4096;
}

static void *write_all(void *argument)
{
    shared *with = argument;
    sage_ring_writer ring;
    sage_arena_writer arena;
    CHECK(sage_ring_open_writer(&ring, with->ring, RING) == SAGE_OK);
    CHECK(sage_arena_open_writer(&arena, with->arena, ARENA, 0) == SAGE_OK);
    for (uint64_t number = 0; number < PAYLOADS; number++) {
        uint64_t first;
        uint8_t *place, *ticket;
        while (sage_arena_reserve(&arena, length_of(number), ring.written - sage_ring_in_flight(&ring), &first,
                                  &place) != SAGE_OK ||
               sage_ring_reserve(&ring, sizeof(sage_arena_ticket), &ticket) != SAGE_OK)
            sage_pause();
        memset(place, (uint8_t)number, length_of(number));
        *(sage_arena_ticket *)(void *)ticket = (sage_arena_ticket){first, length_of(number)};
        sage_arena_take(&arena, first, length_of(number), ring.written + 1);
        sage_ring_publish(&ring, 1, 0, sizeof(sage_arena_ticket));
    }
    return NULL;
}

/* Gives back the newest, and so leaves some for long. */
static void *give_back_all(void *argument)
{
    shared *with = argument;
    CHECK(pthread_mutex_lock(&with->lock) == 0);
    while (!with->is_over || with->held) {
        while (!with->held && !with->is_over)
            CHECK(pthread_cond_wait(&with->changed, &with->lock) == 0);
        if (with->held)
            sage_arena_give_back(with->header, with->masks[--with->held]);
        CHECK(pthread_cond_signal(&with->changed) == 0);
    }
    CHECK(pthread_mutex_unlock(&with->lock) == 0);
    return NULL;
}

static void hand_over(shared *with, uint64_t mask)
{
    CHECK(pthread_mutex_lock(&with->lock) == 0);
    while (with->held == HELD)
        CHECK(pthread_cond_wait(&with->changed, &with->lock) == 0);
    with->masks[with->held++] = mask;
    CHECK(pthread_cond_signal(&with->changed) == 0);
    CHECK(pthread_mutex_unlock(&with->lock) == 0);
}

static void read_all(shared *with)
{
    sage_ring_reader ring;
    sage_arena_reader arena;
    CHECK(sage_ring_open_reader(&ring, with->ring, RING) == SAGE_OK);
    CHECK(sage_arena_open_reader(&arena, with->arena, ARENA, NULL) == SAGE_OK);
    for (uint64_t number = 0; number < PAYLOADS; number++) {
        sage_record record;
        const uint8_t *payload;
        uint64_t mask;
        while (sage_ring_peek(&ring, &record) == SAGE_EMPTY)
            sage_pause();
        const sage_arena_ticket *ticket = (const sage_arena_ticket *)(const void *)record.payload;
        CHECK(sage_arena_lease(&arena, ticket, &payload, &mask) == SAGE_OK);
        for (uint64_t i = 0; i < length_of(number); i++)
            CHECK(payload[i] == (uint8_t)number);
        sage_ring_release(&ring, 0);
        hand_over(with, mask);
    }
}

int main(void)
{
    uint64_t ring_bytes, arena_bytes;
    pthread_t writer, releaser;
    CHECK(sage_ring_bytes(RING, &ring_bytes) == SAGE_OK && sage_arena_bytes(ARENA, &arena_bytes) == SAGE_OK);
    shared with = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    uint8_t *memory = aligned_alloc(SAGE_CACHE_LINE, ring_bytes + arena_bytes);
    memset(memory, 0, ring_bytes + arena_bytes);
    with.ring = memory;
    with.arena = memory + ring_bytes;
    with.header = (sage_arena_header *)(void *)with.arena;
    CHECK(pthread_create(&writer, NULL, write_all, &with) == 0);
    CHECK(pthread_create(&releaser, NULL, give_back_all, &with) == 0);
    read_all(&with);
    CHECK(pthread_mutex_lock(&with.lock) == 0);
    with.is_over = true;
    CHECK(pthread_cond_broadcast(&with.changed) == 0);
    CHECK(pthread_mutex_unlock(&with.lock) == 0);
    CHECK(pthread_join(writer, NULL) == 0 && pthread_join(releaser, NULL) == 0);
    CHECK(sage_load_relaxed(&with.header->taken) == sage_load_relaxed(&with.header->given_back));
    free(memory);
    return 0;
}
