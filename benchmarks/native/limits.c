/* The native ring and doorbell against what the machine allows. Two processes, pinned to two CPUs, one shared mapping.
 *
 *     limits copy BYTES [RECORDS] | ring BYTES [RECORDS] | pingpong | ring-spin | futex | ring-park | handover RATE
 *
 * prints {"seconds": s, "records": n, ...}; from pingpong to ring-park a record is a round trip;
 * handover wakes the other process RATE times a second and reports how long that took. Whoever receives a record copies
 * it to memory of its own: bytes that nobody reads never leave the sender's cache, and the figure would mean nothing. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../native/doorbell.h"
#include "../../native/ring.h"

enum { RING_BYTES = 4 << 20, LINE = 64 };

typedef struct {
    _Alignas(128) sage_atomic_u64 sent;
    _Alignas(128) sage_atomic_u64 taken;
    _Alignas(128) sage_doorbell_line bells[2];
} shared_words;

static shared_words *words;
static uint8_t *area; /* RING_BYTES and room for a ring's header, twice */
static uint64_t ring_stride;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static double now_s(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* To the CPU with this place among those allowed. */
static void pin(int place)
{
    cpu_set_t allowed, one;
    sched_getaffinity(0, sizeof allowed, &allowed);
    if (CPU_COUNT(&allowed) < 2) {
        fprintf(stderr, "two CPUs are needed\n");
        exit(1);
    }
    CPU_ZERO(&one);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &allowed) && place-- == 0)
            CPU_SET(cpu, &one);
    sched_setaffinity(0, sizeof one, &one);
}

static void *warm(uint64_t bytes)
{
    void *memory = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
    if (!memory)
        die("aligned_alloc");
    memset(memory, 7, bytes);
    return memory;
}

/* The best that two processes can do: slots in as much memory as a ring has, nothing but a counter each way. Both go on
 * where the call before ended. Slots begin at cache lines: to copy elsewhere takes up to sixteen times as long. */
static uint64_t slot_bytes(uint64_t bytes)
{
    return (bytes + LINE - 1) / LINE * LINE;
}

/* `from` holds so many `sources`, each in a slot of its own, which are sent by turns. */
void copy_send(shared_words *shared, uint8_t *slots, uint64_t capacity, const uint8_t *from, uint64_t sources,
               uint64_t bytes, uint64_t records)
{
    uint64_t stride = slot_bytes(bytes), count = capacity / stride, seen = 0;
    uint64_t next = sage_load_relaxed(&shared->sent);
    for (uint64_t end = next + records; next < end; next++) {
        while (next - seen >= count)
            seen = sage_load_acquire(&shared->taken);
        memcpy(slots + next % count * stride, from + next % sources * stride, bytes);
        sage_store_release(&shared->sent, next + 1);
    }
}

void copy_receive(shared_words *shared, const uint8_t *slots, uint64_t capacity, uint8_t *own, uint64_t bytes,
                  uint64_t records)
{
    uint64_t stride = slot_bytes(bytes), count = capacity / stride, seen = 0;
    uint64_t next = sage_load_relaxed(&shared->taken);
    for (uint64_t end = next + records; next < end; next++) {
        while (next >= seen)
            seen = sage_load_acquire(&shared->sent);
        memcpy(own, slots + next % count * stride, bytes);
        sage_store_release(&shared->taken, next + 1);
    }
}

static void copy_sender(uint64_t bytes, uint64_t records)
{
    copy_send(words, area, RING_BYTES, warm(bytes), 1, bytes, records);
}

static void copy_receiver(uint64_t bytes, uint64_t records)
{
    copy_receive(words, area, RING_BYTES, warm(bytes), bytes, records);
}

static sage_ring_writer writer_of(int which)
{
    sage_ring_writer writer;
    if (sage_ring_open_writer(&writer, area + (uint64_t)which * ring_stride, RING_BYTES) != SAGE_OK)
        die("sage_ring_open_writer");
    return writer;
}

static sage_ring_reader reader_of(int which)
{
    sage_ring_reader reader;
    if (sage_ring_open_reader(&reader, area + (uint64_t)which * ring_stride, RING_BYTES) != SAGE_OK)
        die("sage_ring_open_reader");
    return reader;
}

static void put(sage_ring_writer *writer, const uint8_t *payload, uint64_t bytes)
{
    uint8_t *place;
    while (sage_ring_reserve(writer, bytes, &place) != SAGE_OK)
        ;
    memcpy(place, payload, bytes);
    sage_ring_publish(writer, 1, 0, bytes);
}

static void take(sage_ring_reader *reader, uint8_t *payload)
{
    sage_record record;
    while (sage_ring_peek(reader, &record) != SAGE_OK)
        ;
    memcpy(payload, record.payload, record.length);
    sage_ring_release(reader, 0);
}

static void ring_sender(uint64_t bytes, uint64_t records)
{
    sage_ring_writer writer = writer_of(0);
    uint8_t *own = warm(bytes);
    for (uint64_t next = 0; next < records; next++)
        put(&writer, own, bytes);
}

static void ring_receiver(uint64_t bytes, uint64_t records)
{
    sage_ring_reader reader = reader_of(0);
    uint8_t *own = warm(bytes);
    for (uint64_t next = 0; next < records; next++)
        take(&reader, own);
}

/* One line each way, nothing else: what the caches need to answer. */
static void pingpong(int place, uint64_t rounds)
{
    sage_atomic_u64 *mine = place ? &words->taken : &words->sent, *theirs = place ? &words->sent : &words->taken;
    for (uint64_t round = 1; round <= rounds; round++) {
        if (!place)
            sage_store_release(mine, round);
        while (sage_load_acquire(theirs) != round)
            ;
        if (place)
            sage_store_release(mine, round);
    }
}

static void ring_spin(int place, uint64_t rounds)
{
    sage_ring_writer writer = writer_of(place);
    sage_ring_reader reader = reader_of(1 - place);
    uint8_t payload[8] = {0};
    for (uint64_t round = 0; round < rounds; round++) {
        if (!place)
            put(&writer, payload, sizeof payload);
        take(&reader, payload);
        if (place)
            put(&writer, payload, sizeof payload);
    }
}

static void futex_wait_for(sage_atomic_u32 *word, uint32_t value)
{
    uint32_t found;
    while ((found = sage_load_relaxed_u32(word)) < value)
        syscall(SYS_futex, word, FUTEX_WAIT, found, NULL, NULL, 0);
}

static void futex_set(sage_atomic_u32 *word, uint32_t value)
{
    sage_exchange_u32(word, value);
    syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void futex(int place, uint64_t rounds)
{
    sage_atomic_u32 *mine = &words->bells[place].word, *theirs = &words->bells[1 - place].word;
    for (uint32_t round = 1; round <= rounds; round++) {
        if (!place)
            futex_set(mine, round);
        futex_wait_for(theirs, round);
        if (place)
            futex_set(mine, round);
    }
}

static void park_until_ready(sage_ring_reader *reader, sage_doorbell_line *bell)
{
    while (!sage_ring_is_ready(reader)) {
        sage_doorbell_arm(bell, SAGE_PARKED_ON_FUTEX);
        if (sage_ring_is_ready(reader))
            sage_doorbell_disarm(bell);
        else if (sage_doorbell_wait(bell, -1) == SAGE_SYSTEM)
            die("sage_doorbell_wait");
    }
}

static void ring_park(int place, uint64_t rounds)
{
    sage_ring_writer writer = writer_of(place);
    sage_ring_reader reader = reader_of(1 - place);
    sage_doorbell_line *mine = &words->bells[place], *theirs = &words->bells[1 - place];
    uint8_t payload[8] = {0};
    bool sent;
    for (uint64_t round = 0; round < rounds; round++) {
        if (!place) {
            put(&writer, payload, sizeof payload);
            sage_doorbell_notify(theirs, -1, &sent);
        }
        park_until_ready(&reader, mine);
        take(&reader, payload);
        if (place) {
            put(&writer, payload, sizeof payload);
            sage_doorbell_notify(theirs, -1, &sent);
        }
    }
}

enum { HANDOVER_S = 5 };

static uint64_t now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void handover_sender(uint64_t rate)
{
    uint64_t due = now_ns() + 100000000;
    for (uint32_t next = 1; next <= rate * HANDOVER_S; next++, due += 1000000000u / rate) {
        struct timespec until = {(time_t)(due / 1000000000u), (long)(due % 1000000000u)};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
        sage_store_relaxed(&words->sent, now_ns());
        futex_set(&words->bells[0].word, next);
    }
}

static int by_value(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static void handover_receiver(uint64_t rate)
{
    uint64_t records = rate * HANDOVER_S;
    uint64_t *latencies = warm(records * sizeof *latencies);
    for (uint32_t next = 1; next <= records; next++) {
        futex_wait_for(&words->bells[0].word, next);
        latencies[next - 1] = now_ns() - sage_load_relaxed(&words->sent);
    }
    qsort(latencies, records, sizeof *latencies, by_value);
    printf("{\"seconds\": %d, \"records\": %llu, \"p50_us\": %.2f, \"p99_us\": %.2f}\n", HANDOVER_S,
           (unsigned long long)records, (double)latencies[records / 2] / 1e3, (double)latencies[records * 99 / 100] / 1e3);
    fflush(stdout);
}

static void run(const char *what, int place, uint64_t bytes, uint64_t records)
{
    if (!strcmp(what, "copy"))
        (place ? copy_receiver : copy_sender)(bytes, records);
    else if (!strcmp(what, "ring"))
        (place ? ring_receiver : ring_sender)(bytes, records);
    else if (!strcmp(what, "pingpong"))
        pingpong(place, records);
    else if (!strcmp(what, "ring-spin"))
        ring_spin(place, records);
    else if (!strcmp(what, "futex"))
        futex(place, records);
    else if (!strcmp(what, "ring-park"))
        ring_park(place, records);
    else if (!strcmp(what, "handover"))
        (place ? handover_receiver : handover_sender)(bytes);
    else {
        fprintf(stderr, "no contestant is named %s\n", what);
        exit(2);
    }
}

static uint64_t records_of(const char *what, uint64_t bytes)
{
    if (!strcmp(what, "copy") || !strcmp(what, "ring")) {
        uint64_t records = (UINT64_C(4) << 30) / bytes;
        return records < 50000000 ? records : 50000000;
    }
    return !strcmp(what, "futex") || !strcmp(what, "ring-park") ? 50000 : 2000000;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: limits CONTESTANT [BYTES [RECORDS]]\n");
        return 2;
    }
    uint64_t bytes = argc > 2 ? strtoull(argv[2], NULL, 10) : 8;
    uint64_t records = argc > 3 ? strtoull(argv[3], NULL, 10) : records_of(argv[1], bytes);
    if (sage_ring_bytes(RING_BYTES, &ring_stride) != SAGE_OK)
        die("sage_ring_bytes");
    ring_stride = (ring_stride + 4095) / 4096 * 4096;
    uint64_t size = 4096 + 2 * ring_stride;
    uint8_t *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory == MAP_FAILED)
        die("mmap");
    words = (shared_words *)(void *)memory;
    area = memory + 4096;
    pid_t child = fork();
    if (child < 0)
        die("fork");
    pin(child == 0);
    if (child == 0) {
        run(argv[1], 1, bytes, records);
        _exit(0);
    }
    double started = now_s();
    run(argv[1], 0, bytes, records);
    int status;
    if (waitpid(child, &status, 0) < 0 || status != 0)
        die("the other process");
    double seconds = now_s() - started;
    if (!strcmp(argv[1], "handover"))
        return 0; /* the receiver has reported */
    printf("{\"seconds\": %.6f, \"records\": %llu, \"bytes_per_s\": %.0f, \"ns_per_record\": %.2f}\n", seconds,
           (unsigned long long)records, (double)records * (double)bytes / seconds, seconds / (double)records * 1e9);
    return 0;
}
