#include "columns_channel.h"

#include <sys/types.h>
#include <unistd.h>

/* Into the arena: SAGE_TOO_LARGE where it should, or has to, go by the ring. */
static sage_status send_by_arena(sage_columns_plan *plan, sage_ring_writer *ring, sage_arena_writer *arena, uint32_t flags)
{
    uint64_t first;
    uint8_t *place, *ticket;
    if (!arena->header || plan->bytes < SAGE_WORTH_A_LEASE_BYTES)
        return SAGE_TOO_LARGE;
    sage_status status = sage_arena_reserve(arena, plan->bytes, sage_ring_released(ring), &first, &place);
    if (status == SAGE_OK)
        status = sage_ring_reserve(ring, sizeof(sage_arena_ticket), &ticket);
    if (status != SAGE_OK)
        return status;
    sage_columns_write(plan, 0, plan->bytes, place);
    *(sage_arena_ticket *)(void *)ticket = (sage_arena_ticket){first, plan->bytes};
    sage_arena_take(arena, first, plan->bytes, ring->written + 1);
    sage_ring_publish(ring, SAGE_KIND_COLUMNS_IN_ARENA, flags, sizeof(sage_arena_ticket));
    return SAGE_OK;
}

static sage_status send_by_ring(sage_columns_plan *plan, sage_ring_writer *ring, uint32_t flags, uint64_t *written)
{
    while (*written < plan->bytes) {
        uint64_t left = plan->bytes - *written, length = left < ring->max_record ? left : ring->max_record;
        uint8_t *place;
        sage_status status = sage_ring_reserve(ring, length, &place);
        if (status != SAGE_OK)
            return status;
        sage_columns_write(plan, *written, *written + length, place);
        sage_ring_publish(ring, SAGE_KIND_COLUMNS, length == left ? flags : SAGE_FLAG_CONTINUED, length);
        *written += length;
    }
    return SAGE_OK;
}

sage_status sage_columns_send(sage_columns_plan *plan, sage_ring_writer *ring, sage_arena_writer *arena, uint32_t flags,
                              uint64_t *written)
{
    if (*written == 0) {
        sage_status status = send_by_arena(plan, ring, arena, flags);
        if (status == SAGE_OK)
            *written = plan->bytes;
        if (status != SAGE_TOO_LARGE)
            return status;
    }
    return send_by_ring(plan, ring, flags, written);
}

sage_status sage_columns_open_arena(sage_arena_reader *arena, void *memory, uint64_t capacity,
                                    const sage_ring_reader *ring)
{
    sage_ring_reader look = *ring;
    sage_record record;
    bool is_ticket = sage_ring_peek(&look, &record) == SAGE_OK && record.kind == SAGE_KIND_COLUMNS_IN_ARENA &&
                     record.length == sizeof(sage_arena_ticket);
    const sage_arena_ticket *held = is_ticket ? (const sage_arena_ticket *)(const void *)record.payload : NULL;
    return sage_arena_open_reader(arena, memory, capacity, held);
}

/* A span of an arena, and the mapping that it is in. */
typedef struct {
    sage_mapping *mapping;
    sage_arena_header *arena;
    uint64_t mask;
    pid_t taker;
} lease;

static void end_lease(void *of)
{
    lease *ended = of;
    /* A child that was forked by a user's function has a copy of the lease, and none of the right to end it. */
    if (getpid() == ended->taker)
        sage_arena_give_back(ended->arena, ended->mask);
    sage_mapping_drop(ended->mapping);
    free(ended);
}

static sage_status take_lease(sage_intake *intake, const sage_record *record, const sage_arena_reader *arena,
                              sage_mapping *mapping)
{
    uint64_t mask;
    const sage_arena_ticket *ticket = (const sage_arena_ticket *)(const void *)record->payload;
    if (intake->filled || record->length != sizeof *ticket)
        return SAGE_CORRUPT;
    lease *taken = malloc(sizeof *taken);
    if (!taken)
        return SAGE_NO_MEMORY;
    sage_status status = sage_arena_lease(arena, ticket, &intake->bytes, &mask);
    if (status != SAGE_OK) {
        free(taken);
        return status;
    }
    *taken = (lease){sage_mapping_hold(mapping), arena->header, mask, getpid()};
    intake->owner = (sage_owner){end_lease, taken};
    return sage_columns_check(intake->bytes, ticket->bytes);
}

static sage_status take_first_piece(sage_intake *intake, const sage_record *record)
{
    const sage_columns_header *header = (const sage_columns_header *)(const void *)record->payload;
    if (record->length < sizeof *header || header->bytes < record->length || header->bytes > PTRDIFF_MAX / 2)
        return SAGE_CORRUPT;
    uint8_t *bytes = aligned_alloc(SAGE_CACHE_LINE, sage_line_up(header->bytes));
    if (!bytes)
        return SAGE_NO_MEMORY;
    intake->bytes = bytes;
    intake->owner = (sage_owner){free, bytes};
    return SAGE_OK;
}

static sage_status take_piece(sage_intake *intake, const sage_record *record)
{
    sage_status status = intake->filled ? SAGE_OK : take_first_piece(intake, record);
    if (status != SAGE_OK)
        return status;
    uint8_t *bytes = intake->owner.of;
    uint64_t whole = intake->filled ? ((const sage_columns_header *)(const void *)bytes)->bytes
                                    : ((const sage_columns_header *)(const void *)record->payload)->bytes;
    bool continues = record->flags & SAGE_FLAG_CONTINUED;
    if (record->length == 0 || record->length > whole - intake->filled ||
        (record->length < whole - intake->filled) != continues)
        return SAGE_CORRUPT;
    memcpy(bytes + intake->filled, record->payload, record->length);
    intake->filled += record->length;
    if (continues)
        return SAGE_EMPTY;
    intake->filled = 0;
    return sage_columns_check(bytes, whole);
}

sage_status sage_intake_take(sage_intake *intake, const sage_record *record, const sage_arena_reader *arena,
                             sage_mapping *mapping)
{
    sage_status status = SAGE_CORRUPT;
    if (record->kind == SAGE_KIND_COLUMNS_IN_ARENA)
        status = take_lease(intake, record, arena, mapping);
    else if (record->kind == SAGE_KIND_COLUMNS)
        status = take_piece(intake, record);
    if (status != SAGE_OK && status != SAGE_EMPTY)
        sage_intake_give_up(intake);
    return status;
}

sage_status sage_intake_move(sage_intake *intake, const sage_shape *shape, struct ArrowArray *array)
{
    sage_status status = sage_columns_read(shape, intake->bytes, intake->owner, array);
    if (status == SAGE_OK)
        *intake = (sage_intake){0};
    return status;
}

void sage_intake_give_up(sage_intake *intake)
{
    if (intake->owner.release)
        intake->owner.release(intake->owner.of);
    *intake = (sage_intake){0};
}
