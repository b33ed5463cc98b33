#include "ring.h"

#include <string.h>

static uint64_t align_up(uint64_t bytes)
{
    return (bytes + SAGE_CACHE_LINE - 1) & ~(uint64_t)(SAGE_CACHE_LINE - 1);
}

static uint64_t record_bytes(uint64_t length)
{
    return sizeof(sage_record_header) + align_up(length);
}

sage_status sage_ring_bytes(uint64_t capacity, uint64_t *bytes)
{
    return sage_sized(capacity, SAGE_RING_MIN_CAPACITY, sizeof(sage_ring_header), bytes);
}

static sage_status identify(sage_ring_header *header, uint64_t capacity)
{
    sage_status status = sage_identify(&header->identity, SAGE_RING_MAGIC, SAGE_RING_VERSION, capacity);
    if (status != SAGE_OK)
        return status;
    /* A position off its line, or a head ahead of its tail, was not written by us. */
    uint64_t head = sage_load_acquire(&header->head);
    uint64_t tail = sage_load_acquire(&header->tail);
    if (head % SAGE_CACHE_LINE != 0 || tail % SAGE_CACHE_LINE != 0 || tail - head > capacity)
        return SAGE_CORRUPT;
    return SAGE_OK;
}

static bool is_stale(const sage_ring_header *header, uint64_t generation)
{
    return sage_load_relaxed(&header->generation) != generation;
}

sage_status sage_ring_reset(void *memory, uint64_t capacity)
{
    sage_ring_header *header = memory;
    sage_status status = sage_identify(&header->identity, SAGE_RING_MAGIC, SAGE_RING_VERSION, capacity);
    if (status != SAGE_OK)
        return status;
    /* First: whoever should hold an end all the same finds it stale from here on. The new ends are opened by processes
     * that are told so through another ring, whose release and acquire carry these stores to them. */
    sage_store_release(&header->generation, sage_load_relaxed(&header->generation) + 1);
    sage_store_relaxed(&header->tail, 0);
    sage_store_relaxed(&header->written, 0);
    sage_store_relaxed(&header->awaits_release, 0);
    sage_store_relaxed(&header->head, 0);
    sage_store_relaxed(&header->released, 0);
    return SAGE_OK;
}

sage_status sage_ring_open_writer(sage_ring_writer *writer, void *memory, uint64_t capacity)
{
    sage_ring_header *header = memory;
    sage_status status = identify(header, capacity);
    if (status != SAGE_OK)
        return status;
    sage_store_relaxed(&header->awaits_release, 0);
    *writer = (sage_ring_writer){
        .header = header,
        .data = (uint8_t *)memory + sizeof *header,
        .capacity = capacity,
        .generation = sage_load_acquire(&header->generation),
        .max_record = capacity / 8, /* several fit, so writer and reader work at the same time */
        .tail = sage_load_relaxed(&header->tail),
        .written = sage_load_relaxed(&header->written),
        .seen_released = sage_load_acquire(&header->released),
        .seen_head = sage_load_acquire(&header->head),
    };
    return SAGE_OK;
}

sage_status sage_ring_open_reader(sage_ring_reader *reader, void *memory, uint64_t capacity)
{
    sage_ring_header *header = memory;
    sage_status status = identify(header, capacity);
    if (status != SAGE_OK)
        return status;
    *reader = (sage_ring_reader){
        .header = header,
        .data = (const uint8_t *)memory + sizeof *header,
        .capacity = capacity,
        .generation = sage_load_acquire(&header->generation),
        .head = sage_load_relaxed(&header->head),
        .released = sage_load_relaxed(&header->released),
        .seen_tail = sage_load_relaxed(&header->head),
    };
    return SAGE_OK;
}

/* Bytes a record would take from here, the skip before it included; *skip is that part. */
static uint64_t space_needed(const sage_ring_writer *writer, uint64_t length, uint64_t *skip)
{
    uint64_t to_end = writer->capacity - (writer->tail & (writer->capacity - 1));
    uint64_t bytes = record_bytes(length);
    *skip = bytes > to_end ? to_end : 0;
    return bytes + *skip;
}

uint64_t sage_ring_released(sage_ring_writer *writer)
{
    writer->seen_released = sage_load_acquire(&writer->header->released);
    return writer->seen_released;
}

bool sage_ring_was_released(const sage_ring_writer *writer)
{
    return sage_load_relaxed(&writer->header->released) != writer->seen_released;
}

uint64_t sage_ring_released_ns(const sage_ring_writer *writer)
{
    return sage_load_relaxed(&writer->header->released_ns);
}

void sage_ring_await_release(sage_ring_writer *writer, bool awaits)
{
    if (awaits == writer->awaits_release || is_stale(writer->header, writer->generation))
        return;
    writer->awaits_release = awaits;
    /* SYNC POINT ring-awaited: the fence of sage_doorbell_arm follows, and pairs with the one in sage_ring_is_awaited. */
    sage_store_relaxed(&writer->header->awaits_release, awaits);
}

static bool fits(sage_ring_writer *writer, uint64_t bytes)
{
    if (writer->tail + bytes - writer->seen_head <= writer->capacity)
        return true;
    /* First: what is released after this is news, even if the head we see has it already. */
    uint64_t released = sage_load_acquire(&writer->header->released);
    /* SYNC POINT ring-space: pairs with the release of head in sage_ring_release. The reader has done with the bytes
     * before head, so they may be written over. */
    writer->seen_head = sage_load_acquire(&writer->header->head);
    if (writer->tail + bytes - writer->seen_head <= writer->capacity)
        return true;
    writer->seen_released = released;
    return false;
}

static sage_record_header *record_at(const sage_ring_writer *writer, uint64_t position)
{
    return (sage_record_header *)(void *)(writer->data + (position & (writer->capacity - 1)));
}

sage_status sage_ring_reserve(sage_ring_writer *writer, uint64_t length, uint8_t **payload)
{
    uint64_t skip;
    if (length > writer->max_record)
        return SAGE_TOO_LARGE;
    if (is_stale(writer->header, writer->generation))
        return SAGE_STALE;
    if (!fits(writer, space_needed(writer, length, &skip)))
        return SAGE_FULL;
    if (skip) {
        sage_record_header *header = record_at(writer, writer->tail);
        header->length = skip - sizeof *header;
        header->kind = SAGE_KIND_SKIP;
        header->flags = 0;
    }
    *payload = (uint8_t *)(record_at(writer, writer->tail + skip) + 1);
    return SAGE_OK;
}

void sage_ring_publish(sage_ring_writer *writer, uint32_t kind, uint32_t flags, uint64_t length)
{
    uint64_t skip;
    uint64_t bytes = space_needed(writer, length, &skip);
    sage_record_header *header = record_at(writer, writer->tail + skip);
    header->length = length;
    header->kind = kind;
    header->flags = flags;
    writer->tail += bytes;
    writer->written += 1;
    sage_store_relaxed(&writer->header->written, writer->written);
    /* SYNC POINT ring-data: pairs with the acquire of tail in sage_ring_peek. */
    sage_store_release(&writer->header->tail, writer->tail);
}

uint64_t sage_ring_in_flight(const sage_ring_writer *writer)
{
    return writer->written - sage_load_relaxed(&writer->header->released);
}

uint64_t sage_ring_in_flight_bytes(const sage_ring_writer *writer)
{
    return writer->tail - sage_load_relaxed(&writer->header->head);
}

bool sage_ring_is_ready(const sage_ring_reader *reader)
{
    return reader->seen_tail != reader->head || sage_load_relaxed(&reader->header->tail) != reader->head;
}

/* Is there a whole record at `position`, in `available` published bytes? */
static bool is_sound(const sage_ring_reader *reader, const sage_record_header *header, uint64_t position,
                     uint64_t available)
{
    uint64_t to_end = reader->capacity - (position & (reader->capacity - 1));
    uint64_t limit = available < to_end ? available : to_end;
    return limit >= sizeof *header && header->length <= limit - sizeof *header &&
           record_bytes(header->length) <= limit;
}

sage_status sage_ring_peek(sage_ring_reader *reader, sage_record *record)
{
    if (is_stale(reader->header, reader->generation))
        return SAGE_STALE;
    if (reader->seen_tail == reader->head) {
        /* SYNC POINT ring-data: pairs with the release of tail in sage_ring_publish. */
        uint64_t tail = sage_load_acquire(&reader->header->tail);
        if (tail == reader->head)
            return SAGE_EMPTY;
        if (tail - reader->head > reader->capacity)
            return SAGE_CORRUPT;
        reader->seen_tail = tail;
    }
    uint64_t position = reader->head;
    uint64_t available = reader->seen_tail - position;
    for (int skipped = 0; skipped < 2; skipped++) {
        const sage_record_header *header =
            (const sage_record_header *)(const void *)(reader->data + (position & (reader->capacity - 1)));
        if (!is_sound(reader, header, position, available))
            return SAGE_CORRUPT;
        uint64_t bytes = record_bytes(header->length);
        if (header->kind != SAGE_KIND_SKIP) {
            *record = (sage_record){header->kind, header->flags, (const uint8_t *)(header + 1), header->length};
            reader->next = position + bytes;
            return SAGE_OK;
        }
        position += bytes;
        available -= bytes;
    }
    return SAGE_CORRUPT; /* a skip leads to the start of the ring, where no second one can be */
}

void sage_ring_release(sage_ring_reader *reader, uint64_t now_ns)
{
    if (reader->next == 0 || is_stale(reader->header, reader->generation))
        return;
    reader->head = reader->next;
    reader->next = 0;
    reader->released += 1;
    sage_store_relaxed(&reader->header->released_ns, now_ns);
    sage_store_release(&reader->header->released, reader->released); /* pairs with the acquire in sage_ring_released */
    /* SYNC POINT ring-space: pairs with the acquire of head in fits. */
    sage_store_release(&reader->header->head, reader->head);
}

bool sage_ring_is_awaited(const sage_ring_reader *reader)
{
    /* SYNC POINT ring-awaited: pairs with the fence of the writer's sage_doorbell_arm. */
    sage_full_fence();
    return sage_load_relaxed(&reader->header->awaits_release);
}
