/* Both ends of a ring whose every byte may be anything: they may refuse, and must stay inside the ring.
 *
 *     input   capacity u8 · keep u8 · head u64 · tail u64 · edits
 *     edit    where u16 · length u8 · bytes: laid over the ring, header included
 *
 * After each edit one record is written and two are taken. Bit 0 of `keep` leaves head and tail as small as the ring. */
#include <stdlib.h>
#include <string.h>

#include "ring.h"

enum { FEW = 4 };

typedef struct {
    const uint8_t *at;
    size_t left;
} input;

static size_t take_bytes(input *from, void *to, size_t length)
{
    size_t taken = length < from->left ? length : from->left;
    memcpy(to, from->at, taken);
    from->at += taken;
    from->left -= taken;
    return taken;
}

static uint64_t take_number(input *from, size_t bytes)
{
    uint64_t number = 0;
    take_bytes(from, &number, bytes);
    return number;
}

static void lay_over(input *from, uint8_t *memory, uint64_t bytes)
{
    uint64_t where = take_number(from, 2) % bytes;
    uint64_t length = take_number(from, 1);
    take_bytes(from, memory + where, length < bytes - where ? length : bytes - where);
}

static volatile uint8_t sink; /* what is read must be read */

static void take_record(sage_ring_reader *reader)
{
    sage_record record;
    if (sage_ring_peek(reader, &record) != SAGE_OK)
        return;
    if (record.kind > SAGE_KIND_MAX || (uintptr_t)record.payload % SAGE_CACHE_LINE != 0)
        abort();
    for (uint64_t i = 0; i < record.length; i++)
        sink ^= record.payload[i];
    sage_ring_release(reader, 0);
}

static void put_record(sage_ring_writer *writer, uint64_t length)
{
    uint8_t *payload;
    if (sage_ring_reserve(writer, length, &payload) != SAGE_OK)
        return;
    memset(payload, 0xA5, length);
    sage_ring_publish(writer, 1, 0, length);
}

static void use(input *from, uint8_t *memory, uint64_t bytes, uint64_t capacity)
{
    sage_ring_writer writer;
    sage_ring_reader reader;
    if (sage_ring_open_writer(&writer, memory, capacity) != SAGE_OK ||
        sage_ring_open_reader(&reader, memory, capacity) != SAGE_OK)
        return;
    do {
        lay_over(from, memory, bytes);
        put_record(&writer, take_number(from, 1));
        take_record(&reader);
        take_record(&reader);
        sink ^= sage_ring_is_ready(&reader);
    } while (from->left > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input from = {data, size};
    uint64_t capacity = SAGE_RING_MIN_CAPACITY << take_number(&from, 1) % FEW;
    uint64_t keep = take_number(&from, 1) % 2 ? capacity - 1 : UINT64_MAX, bytes;
    if (sage_ring_bytes(capacity, &bytes) != SAGE_OK)
        abort();
    uint8_t *memory = aligned_alloc(SAGE_CACHE_LINE, bytes);
    memset(memory, 0, bytes);
    sage_ring_header *header = (sage_ring_header *)(void *)memory;
    sage_store_relaxed(&header->head, take_number(&from, 8) & keep);
    sage_store_relaxed(&header->tail, take_number(&from, 8) & keep);
    use(&from, memory, bytes, capacity);
    free(memory);
    return 0;
}
