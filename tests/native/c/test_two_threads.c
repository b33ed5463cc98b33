/* Both ends of a ring as threads over one mapping, each parking on its doorbell when there is nothing to do.
 *
 * For the thread sanitizer, which sees plain races (a payload read before it was published, a record written over while
 * it is read), and not fences: lost wake-ups are the model checker's (tests/native/model). */
#define _GNU_SOURCE
#include <pthread.h>
#include <string.h>

#include "check.h"
#include "doorbell.h"
#include "ring.h"

enum { CAPACITY = 2048, RECORDS = 30000 };

typedef struct {
    sage_doorbell_line data; /* rung by the writer */
    sage_doorbell_line space; /* rung by the reader */
    void *ring;
} shared;

static size_t length_of(uint32_t number)
{
    return number * 31 % 257;
}

static void ring_bell(sage_doorbell_line *line)
{
    bool sent;
    CHECK(sage_doorbell_notify(line, -1, &sent) == SAGE_OK);
}

static void *write_all(void *argument)
{
    shared *with = argument;
    sage_ring_writer writer;
    CHECK(sage_ring_open_writer(&writer, with->ring, CAPACITY) == SAGE_OK);
    for (uint32_t number = 0; number < RECORDS; number++) {
        uint8_t *payload;
        while (sage_ring_reserve(&writer, length_of(number), &payload) == SAGE_FULL) {
            sage_ring_await_release(&writer, true);
            sage_doorbell_arm(&with->space, SAGE_PARKED_ON_FUTEX);
            if (sage_ring_was_released(&writer))
                sage_doorbell_disarm(&with->space);
            else
                sage_doorbell_wait(&with->space, -1);
        }
        sage_ring_await_release(&writer, false);
        memset(payload, (uint8_t)number, length_of(number));
        sage_ring_publish(&writer, number, ~number, length_of(number));
        ring_bell(&with->data);
    }
    return NULL;
}

static void take(shared *with, sage_ring_reader *reader, uint32_t number)
{
    sage_record record;
    sage_status status;
    while ((status = sage_ring_peek(reader, &record)) == SAGE_EMPTY) {
        sage_doorbell_arm(&with->data, SAGE_PARKED_ON_FUTEX);
        if (sage_ring_is_ready(reader))
            sage_doorbell_disarm(&with->data);
        else
            sage_doorbell_wait(&with->data, -1);
    }
    CHECK(status == SAGE_OK);
    CHECK(record.kind == number && record.flags == ~number && record.length == length_of(number));
    for (size_t i = 0; i < record.length; i++)
        CHECK(record.payload[i] == (uint8_t)number);
    sage_ring_release(reader, 0);
    if (sage_ring_is_awaited(reader))
        ring_bell(&with->space);
}

int main(void)
{
    uint64_t bytes;
    CHECK(sage_ring_bytes(CAPACITY, &bytes) == SAGE_OK);
    shared with = {.ring = aligned_alloc(SAGE_CACHE_LINE, bytes)};
    memset(with.ring, 0, bytes);
    pthread_t writer;
    CHECK(pthread_create(&writer, NULL, write_all, &with) == 0);
    sage_ring_reader reader;
    CHECK(sage_ring_open_reader(&reader, with.ring, CAPACITY) == SAGE_OK);
    for (uint32_t number = 0; number < RECORDS; number++)
        take(&with, &reader, number);
    CHECK(pthread_join(writer, NULL) == 0);
    free(with.ring);
    return 0;
}
