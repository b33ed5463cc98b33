/* Segment, ring, wait set and hash on one thread, for the address and undefined-behaviour sanitizers. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "check.h"
#include "doorbell.h"
#include "hash.h"
#include "random.h"
#include "ring.h"
#include "segment.h"
#include "wait.h"

enum { CAPACITY = 1024 };

typedef struct {
    void *memory;
    sage_ring_writer writer;
    sage_ring_reader reader;
} ring_pair;

static ring_pair new_ring(void)
{
    ring_pair made;
    uint64_t bytes;
    CHECK(sage_ring_bytes(CAPACITY, &bytes) == SAGE_OK);
    made.memory = aligned_alloc(SAGE_CACHE_LINE, bytes);
    memset(made.memory, 0, bytes);
    CHECK(sage_ring_open_writer(&made.writer, made.memory, CAPACITY) == SAGE_OK);
    CHECK(sage_ring_open_reader(&made.reader, made.memory, CAPACITY) == SAGE_OK);
    return made;
}

static sage_status put(ring_pair *to, uint32_t kind, size_t length, uint8_t fill)
{
    uint8_t *payload;
    sage_status status = sage_ring_reserve(&to->writer, length, &payload);
    if (status == SAGE_OK) {
        memset(payload, fill, length);
        sage_ring_publish(&to->writer, kind, 0, length);
    }
    return status;
}

static void take(ring_pair *from, uint32_t kind, size_t length, uint8_t fill)
{
    sage_record record;
    CHECK(sage_ring_peek(&from->reader, &record) == SAGE_OK);
    CHECK(record.kind == kind);
    CHECK(record.length == length);
    for (size_t i = 0; i < length; i++)
        CHECK(record.payload[i] == fill);
    CHECK((uintptr_t)record.payload % SAGE_CACHE_LINE == 0);
    sage_ring_release(&from->reader, 0);
}

static void every_length_passes_at_every_position(void)
{
    ring_pair ring = new_ring();
    sage_record record;
    for (uint32_t round = 0; round < 40; round++)
        for (size_t length = 0; length <= ring.writer.max_record; length++) {
            CHECK(put(&ring, round, length, (uint8_t)length) == SAGE_OK);
            take(&ring, round, length, (uint8_t)length);
        }
    CHECK(sage_ring_peek(&ring.reader, &record) == SAGE_EMPTY);
    CHECK(put(&ring, 0, ring.writer.max_record + 1, 0) == SAGE_TOO_LARGE);
    free(ring.memory);
}

static void a_full_ring_is_full_and_nothing_is_lost(void)
{
    ring_pair ring = new_ring();
    uint32_t written = 0, taken = 0;
    for (int round = 0; round < 1000; round++) {
        while (put(&ring, written, (written * 37) % 129, (uint8_t)written) == SAGE_OK)
            written++;
        CHECK(!sage_ring_was_released(&ring.writer));
        CHECK(sage_ring_in_flight(&ring.writer) == written - taken);
        for (int i = 0; i <= round % 3; i++, taken++)
            take(&ring, taken, (taken * 37) % 129, (uint8_t)taken);
        CHECK(sage_ring_was_released(&ring.writer) && sage_ring_released(&ring.writer) == taken);
        CHECK(!sage_ring_was_released(&ring.writer));
    }
    free(ring.memory);
}

static void a_reader_knows_whether_it_is_awaited(void)
{
    ring_pair ring = new_ring();
    CHECK(!sage_ring_is_awaited(&ring.reader));
    sage_ring_await_release(&ring.writer, true);
    CHECK(sage_ring_is_awaited(&ring.reader));
    CHECK(sage_ring_open_writer(&ring.writer, ring.memory, CAPACITY) == SAGE_OK); /* its successor */
    CHECK(!sage_ring_is_awaited(&ring.reader));
    CHECK(put(&ring, 0, 0, 0) == SAGE_OK);
    sage_record record;
    CHECK(sage_ring_peek(&ring.reader, &record) == SAGE_OK);
    sage_ring_release(&ring.reader, 7);
    CHECK(sage_ring_released(&ring.writer) == 1 && sage_ring_released_ns(&ring.writer) == 7);
    free(ring.memory);
}

static void garbage_in_headers_is_noticed_or_harmless(void)
{
    uint64_t random = 42;
    for (int round = 0; round < 100000; round++) {
        ring_pair ring = new_ring();
        for (uint32_t i = 0; i < 4; i++)
            CHECK(put(&ring, i, next_random(&random) % 129, 0) == SAGE_OK);
        size_t line = next_random(&random) % (CAPACITY / SAGE_CACHE_LINE);
        uint64_t length = next_random(&random) >> next_random(&random) % 44;
        memcpy((uint8_t *)ring.memory + sizeof(sage_ring_header) + line * SAGE_CACHE_LINE, &length, sizeof length);
        if (round % 2)
            sage_store_relaxed(&ring.reader.header->tail, length);
        sage_record record;
        uint64_t sum = 0;
        while (sage_ring_peek(&ring.reader, &record) == SAGE_OK) {
            for (uint64_t i = 0; i < record.length; i++)
                sum += record.payload[i];
            sage_ring_release(&ring.reader, 0);
        }
        CHECK(sum == sum);
        free(ring.memory);
    }
}

static void an_end_from_before_a_reset_is_stale(void)
{
    ring_pair old = new_ring();
    sage_record record;
    uint8_t *payload;
    CHECK(put(&old, 1, 10, 1) == SAGE_OK);
    CHECK(sage_ring_peek(&old.reader, &record) == SAGE_OK);
    CHECK(sage_ring_reset(old.memory, CAPACITY / 2) == SAGE_NOT_OURS);
    CHECK(sage_ring_reset(old.memory, CAPACITY) == SAGE_OK);
    ring_pair new = {.memory = old.memory};
    CHECK(sage_ring_open_writer(&new.writer, new.memory, CAPACITY) == SAGE_OK);
    CHECK(sage_ring_open_reader(&new.reader, new.memory, CAPACITY) == SAGE_OK);
    CHECK(sage_ring_peek(&new.reader, &record) == SAGE_EMPTY);
    CHECK(put(&new, 2, 20, 2) == SAGE_OK);
    CHECK(sage_ring_reserve(&old.writer, 10, &payload) == SAGE_STALE);
    sage_ring_release(&old.reader, 0);
    CHECK(sage_ring_peek(&old.reader, &record) == SAGE_STALE);
    CHECK(sage_ring_in_flight(&new.writer) == 1);
    take(&new, 2, 20, 2);
    free(old.memory);
}

static void ends_that_do_not_fit_are_refused(void)
{
    ring_pair ring = new_ring();
    uint64_t bytes;
    CHECK(sage_ring_open_reader(&ring.reader, ring.memory, CAPACITY / 2) == SAGE_NOT_OURS);
    CHECK(sage_ring_bytes(1000, &bytes) == SAGE_BAD_CAPACITY);
    CHECK(sage_ring_bytes(0, &bytes) == SAGE_BAD_CAPACITY);
    sage_store_relaxed(&ring.writer.header->tail, 3);
    CHECK(sage_ring_open_writer(&ring.writer, ring.memory, CAPACITY) == SAGE_CORRUPT);
    sage_store_relaxed(&ring.writer.header->tail, CAPACITY * 2);
    CHECK(sage_ring_open_reader(&ring.reader, ring.memory, CAPACITY) == SAGE_CORRUPT);
    free(ring.memory);
}

static void a_segment_is_shared_through_its_descriptor(void)
{
    sage_segment one, other;
    CHECK(sage_segment_create(&one, "test", 100000, -1) == SAGE_OK);
    CHECK(sage_segment_attach(&other, one.fd) == SAGE_OK);
    CHECK(one.size == 100000);
    CHECK(other.size == one.size);
    one.base[99999] = 7;
    CHECK(other.base[99999] == 7);
    CHECK(sage_segment_check(&one, 64, 100000 - 64) == SAGE_OK);
    CHECK(sage_segment_check(&one, 64, 100000) == SAGE_OUT_OF_RANGE);
    CHECK(sage_segment_check(&one, UINT64_MAX - 63, 64) == SAGE_OUT_OF_RANGE);
    CHECK(sage_segment_check(&one, 8, 8) == SAGE_MISALIGNED);
    sage_segment_close(&one);
    sage_segment_close(&one);
    sage_segment_close(&other);
    CHECK(sage_segment_attach(&other, STDIN_FILENO) != SAGE_OK);
}

static void a_doorbell_rings_once(void)
{
    sage_doorbell_line line = {0};
    bool sent;
    int fd = eventfd(0, EFD_NONBLOCK);
    sage_doorbell_arm(&line, SAGE_PARKED_ON_FUTEX);
    CHECK(sage_doorbell_notify(&line, -1, &sent) == SAGE_OK && sent);
    CHECK(sage_doorbell_notify(&line, -1, &sent) == SAGE_OK && !sent);
    CHECK(sage_doorbell_wait(&line, -1) == SAGE_OK);
    sage_doorbell_arm(&line, SAGE_PARKED_ON_FUTEX);
    CHECK(sage_doorbell_wait(&line, 1000) == SAGE_TIMEOUT);
    sage_doorbell_arm(&line, SAGE_PARKED_ON_EVENTFD);
    CHECK(sage_doorbell_notify(&line, -1, &sent) == SAGE_NO_EVENTFD && !sent);
    CHECK(sage_doorbell_notify(&line, fd, &sent) == SAGE_OK && sent);
    uint64_t count;
    CHECK(read(fd, &count, sizeof count) == sizeof count && count == 1);
    CHECK(sage_doorbell_wake(&line, fd) == SAGE_OK);
    CHECK(read(fd, &count, sizeof count) == sizeof count && count == 1);
    close(fd);
}

static void the_hash_reads_no_byte_too_many(void)
{
    CHECK(sage_hash64("", 0) == UINT64_C(0xEF46DB3751D8E999));
    CHECK(sage_hash64("abc", 3) == UINT64_C(0x44BC2CF5AD770999));
    for (size_t length = 0; length < 200; length++) {
        uint8_t *exact = malloc(length + 1);
        memset(exact, 1, length);
        uint64_t hash = sage_hash64(exact, length);
        exact[length] = 99;
        CHECK(sage_hash64(exact, length) == hash);
        free(exact);
    }
}

static void a_wait_set_sees_records_and_releases(void)
{
    ring_pair ring = new_ring(), other = new_ring();
    sage_ring_reader *readers[] = {&ring.reader};
    sage_ring_writer *writers[] = {&other.writer};
    sage_wait_set set = {readers, 1, writers, 1};
    CHECK(!sage_wait_ready(&set));
    CHECK(!sage_wait_pausing(&set, 1000));
    CHECK(!sage_wait_yielding(&set, 1000));
    while (put(&other, 0, 100, 0) == SAGE_OK)
        ;
    take(&other, 0, 100, 0);
    CHECK(!sage_wait_ready(&set));
    sage_ring_await_release(&other.writer, true);
    CHECK(sage_wait_ready(&set));
    sage_ring_await_release(&other.writer, false);
    CHECK(put(&ring, 0, 100, 0) == SAGE_OK);
    CHECK(sage_wait_yielding(&set, 0));
    free(ring.memory);
    free(other.memory);
}

int main(void)
{
    every_length_passes_at_every_position();
    a_full_ring_is_full_and_nothing_is_lost();
    a_reader_knows_whether_it_is_awaited();
    garbage_in_headers_is_noticed_or_harmless();
    an_end_from_before_a_reset_is_stale();
    ends_that_do_not_fit_are_refused();
    a_segment_is_shared_through_its_descriptor();
    a_doorbell_rings_once();
    the_hash_reads_no_byte_too_many();
    a_wait_set_sees_records_and_releases();
    return 0;
}
