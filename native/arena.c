#include "arena.h"

#include <unistd.h>

sage_status sage_arena_bytes(uint64_t capacity, uint64_t *bytes)
{
    return sage_sized(capacity, SAGE_ARENA_MIN_CAPACITY, sizeof(sage_arena_header), bytes);
}

static sage_status identify(sage_arena_header *header, uint64_t capacity)
{
    return sage_identify(&header->identity, SAGE_ARENA_MAGIC, SAGE_ARENA_VERSION, capacity);
}

sage_status sage_arena_open_writer(sage_arena_writer *writer, void *memory, uint64_t capacity, uint64_t generation)
{
    *writer = (sage_arena_writer){
        .header = memory,
        .data = (uint8_t *)memory + sizeof(sage_arena_header),
        .granule = capacity / SAGE_ARENA_GRANULES,
    };
    sage_arena_header *header = writer->header;
    sage_status status = identify(header, capacity);
    if (status != SAGE_OK)
        return status;
    writer->taken = sage_load_relaxed(&header->taken);
    if (sage_load_relaxed(&header->generation) != generation) {
        /* Leases first: one that ends meanwhile is then seen either as a lease or as given back. */
        uint64_t leased = sage_load_acquire(&header->leased);
        writer->taken ^= (writer->taken ^ sage_load_acquire(&header->given_back)) & ~leased;
        sage_store_relaxed(&header->taken, writer->taken);
        sage_store_relaxed(&header->generation, generation);
    }
    return SAGE_OK;
}

/* The starts of all runs of `length` bits in `bits`. */
static uint64_t runs(uint64_t bits, uint64_t length)
{
    while (length > 1) {
        uint64_t half = length / 2;
        bits &= bits >> half;
        length -= half;
    }
    return bits;
}

static uint64_t mask_of(uint64_t first, uint64_t length)
{
    return (length == SAGE_ARENA_GRANULES ? UINT64_MAX : ((uint64_t)1 << length) - 1) << first;
}

/* Granules of records which the reader has not released yet. */
static uint64_t on_the_way(sage_arena_writer *writer, uint64_t released)
{
    uint64_t mask = 0;
    while (writer->first_span < writer->next_span &&
           writer->spans[writer->first_span % SAGE_ARENA_GRANULES].serial <= released)
        writer->first_span++;
    for (uint64_t i = writer->first_span; i < writer->next_span; i++)
        mask |= writer->spans[i % SAGE_ARENA_GRANULES].mask;
    return mask;
}

static uint64_t granules_of(uint64_t granule, uint64_t bytes)
{
    return bytes / granule + (bytes % granule != 0);
}

/* The span of a ticket, wherever it is; 0 where that can not be. */
static uint64_t span_of(const sage_arena_reader *reader, const sage_arena_ticket *ticket)
{
    uint64_t capacity = reader->granule * SAGE_ARENA_GRANULES;
    if (ticket->first >= SAGE_ARENA_GRANULES || ticket->bytes == 0 ||
        ticket->bytes > capacity - ticket->first * reader->granule)
        return 0;
    return mask_of(ticket->first, granules_of(reader->granule, ticket->bytes));
}

sage_status sage_arena_open_reader(sage_arena_reader *reader, void *memory, uint64_t capacity,
                                   const sage_arena_ticket *held)
{
    *reader = (sage_arena_reader){
        .header = memory,
        .data = (const uint8_t *)memory + sizeof(sage_arena_header),
        .granule = capacity / SAGE_ARENA_GRANULES,
    };
    sage_status status = identify(reader->header, capacity);
    if (status != SAGE_OK)
        return status;
    uint64_t process = (uint64_t)getpid();
    if (sage_load_relaxed(&reader->header->reader) != process) {
        uint64_t leased = sage_load_relaxed(&reader->header->leased), again = held ? span_of(reader, held) & leased : 0;
        sage_arena_give_back(reader->header, leased & ~again);
        sage_store_relaxed(&reader->header->leased, 0);
        sage_store_relaxed(&reader->header->reader, process);
    }
    return SAGE_OK;
}

sage_status sage_arena_reserve(sage_arena_writer *writer, uint64_t bytes, uint64_t released, uint64_t *first,
                               uint8_t **payload)
{
    /* Of half an arena, one can be filled while the one before is looked at. */
    uint64_t length = granules_of(writer->granule, bytes);
    if (length == 0 || length > SAGE_ARENA_GRANULES / 2)
        return SAGE_TOO_LARGE;
    /* SYNC POINT arena-space: pairs with the release in sage_arena_give_back. Nobody reads there any more. */
    uint64_t used = writer->taken ^ sage_load_acquire(&writer->header->given_back);
    uint64_t starts = runs(~used, length);
    if (!starts)
        return runs(~used | on_the_way(writer, released), length) ? SAGE_FULL : SAGE_TOO_LARGE;
    /* Behind what was taken last: what was read just now is in the caches of the reader's core, and to get lines from
     * there costs more than to get those which have left them. */
    uint64_t behind = starts & UINT64_MAX << writer->next;
    *first = (uint64_t)__builtin_ctzll(behind ? behind : starts);
    *payload = writer->data + *first * writer->granule;
    return SAGE_OK;
}

void sage_arena_take(sage_arena_writer *writer, uint64_t first, uint64_t bytes, uint64_t serial)
{
    uint64_t length = granules_of(writer->granule, bytes), mask = mask_of(first, length);
    /* Every span on the way has granules of its own, so there are never more of them than granules; but spans which the
     * reader has released are known to be so only when somebody asked. */
    if (writer->next_span - writer->first_span == SAGE_ARENA_GRANULES)
        writer->first_span++;
    writer->spans[writer->next_span++ % SAGE_ARENA_GRANULES] = (sage_span){serial, mask};
    writer->taken ^= mask;
    writer->next = (first + length) % SAGE_ARENA_GRANULES;
    sage_store_relaxed(&writer->header->taken, writer->taken); /* published with the tail of the ring */
}

sage_status sage_arena_lease(const sage_arena_reader *reader, const sage_arena_ticket *ticket, const uint8_t **payload,
                             uint64_t *mask)
{
    *mask = reader->header ? span_of(reader, ticket) : 0;
    if (*mask == 0)
        return SAGE_CORRUPT;
    uint64_t used = sage_load_relaxed(&reader->header->taken) ^ sage_load_relaxed(&reader->header->given_back);
    if ((used & ~sage_load_relaxed(&reader->header->leased) & *mask) != *mask)
        return SAGE_CORRUPT;
    *payload = reader->data + ticket->first * reader->granule;
    sage_flip_release(&reader->header->leased, *mask);
    return SAGE_OK;
}

void sage_arena_give_back(sage_arena_header *header, uint64_t mask)
{
    /* SYNC POINT arena-space: pairs with the acquire in sage_arena_reserve. */
    sage_flip_release(&header->given_back, mask);
    sage_flip_release(&header->leased, mask);
}
