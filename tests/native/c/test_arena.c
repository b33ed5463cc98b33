/* Spans of an arena: reserved, leased, given back and taken back from the dead. */
#include <string.h>

#include "channel.h"
#include "check.h"
#include "random.h"

static void spans_in_use_never_overlap(void)
{
    channel *by = new_channel(1 << 16);
    uint64_t random = 7, masks[64], used = 0, serial = 0;
    size_t held = 0;
    for (int round = 0; round < 100000; round++) {
        uint64_t first, mask, bytes = next_random(&random) % (1 << 14) + 1;
        const uint8_t *found;
        uint8_t *place;
        if (sage_arena_reserve(&by->arena, bytes, serial, &first, &place) == SAGE_OK) {
            sage_arena_take(&by->arena, first, bytes, ++serial);
            memset(place, 1, bytes);
            CHECK(sage_arena_lease(&by->leases, &(sage_arena_ticket){first, bytes}, &found, &mask) == SAGE_OK);
            CHECK(found == place && (used & mask) == 0);
            used |= mask;
            masks[held++] = mask;
        }
        for (uint64_t gone = next_random(&random) % 3; gone && held; gone--) {
            size_t which = next_random(&random) % held;
            sage_arena_give_back(by->leases.header, masks[which]);
            used &= ~masks[which];
            masks[which] = masks[--held];
        }
    }
    CHECK((by->arena.taken ^ sage_load_relaxed(&by->leases.header->given_back)) == used);
    sage_segment_close(&by->segment);
    free(by);
}

/* The mask of a payload of one granule, sent and leased. */
static uint64_t leased_granule(channel *by)
{
    uint64_t first, mask;
    uint8_t *place;
    const uint8_t *found;
    CHECK(sage_arena_reserve(&by->arena, 1, 0, &first, &place) == SAGE_OK);
    sage_arena_take(&by->arena, first, 1, 1);
    CHECK(sage_arena_lease(&by->leases, &(sage_arena_ticket){first, 1}, &found, &mask) == SAGE_OK);
    return mask;
}

static void a_span_lies_behind_the_one_before_and_begins_again_at_the_end(void)
{
    channel *by = new_channel(1 << 16);
    for (int place = 0; place < 2 * SAGE_ARENA_GRANULES; place++) {
        uint64_t mask = leased_granule(by);
        CHECK(mask == (uint64_t)1 << place % SAGE_ARENA_GRANULES);
        sage_arena_give_back(by->leases.header, mask);
    }
    sage_segment_close(&by->segment);
    free(by);
}

static uint64_t in_use(const channel *by)
{
    return by->arena.taken ^ sage_load_relaxed(&by->leases.header->given_back);
}

static void a_reset_takes_back_what_was_on_its_way_and_no_lease(void)
{
    channel *by = new_channel(1 << 16);
    uint64_t first;
    uint8_t *place;
    uint64_t kept = leased_granule(by), ended = leased_granule(by);
    CHECK(sage_arena_reserve(&by->arena, 5000, 0, &first, &place) == SAGE_OK);
    sage_arena_take(&by->arena, first, 5000, 1);
    sage_arena_give_back(by->leases.header, ended);
    CHECK(sage_ring_reset(by->segment.base, CAPACITY) == SAGE_OK);
    CHECK(sage_arena_open_writer(&by->arena, by->leases.header, 1 << 16, 1) == SAGE_OK);
    CHECK(in_use(by) == kept);
    CHECK(sage_arena_open_writer(&by->arena, by->leases.header, 1 << 16, 1) == SAGE_OK);
    CHECK(sage_arena_open_reader(&by->leases, by->leases.header, 1 << 16, NULL) == SAGE_OK);
    CHECK(in_use(by) == kept);
    sage_arena_give_back(by->leases.header, kept);
    CHECK(in_use(by) == 0);
    sage_segment_close(&by->segment);
    free(by);
}

static void a_reader_in_another_process_ends_the_leases_of_the_one_before(void)
{
    channel *by = new_channel(1 << 16);
    uint64_t ended = leased_granule(by), held = leased_granule(by), mask;
    const uint8_t *found;
    sage_arena_ticket ticket = {1, 1};
    CHECK(sage_arena_lease(&by->leases, &ticket, &found, &mask) == SAGE_CORRUPT); /* it is leased */
    sage_store_relaxed(&by->leases.header->reader, 1);                            /* not this process */
    CHECK(sage_arena_open_reader(&by->leases, by->leases.header, 1 << 16, &ticket) == SAGE_OK);
    CHECK(ended == 1 && in_use(by) == held);
    CHECK(sage_arena_lease(&by->leases, &ticket, &found, &mask) == SAGE_OK && mask == held);
    sage_arena_give_back(by->leases.header, mask);
    CHECK(in_use(by) == 0);
    sage_segment_close(&by->segment);
    free(by);
}

int main(void)
{
    spans_in_use_never_overlap();
    a_span_lies_behind_the_one_before_and_begins_again_at_the_end();
    a_reset_takes_back_what_was_on_its_way_and_no_lease();
    a_reader_in_another_process_ends_the_leases_of_the_one_before();
    return 0;
}
