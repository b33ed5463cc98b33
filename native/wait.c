#define _GNU_SOURCE
#include "wait.h"

#include <sched.h>
#include <time.h>

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

bool sage_wait_ready(const sage_wait_set *set)
{
    for (size_t i = 0; i < set->reader_count; i++)
        if (sage_ring_is_ready(set->readers[i]))
            return true;
    for (size_t i = 0; i < set->writer_count; i++)
        if (set->writers[i]->awaits_release && sage_ring_was_released(set->writers[i]))
            return true;
    return false;
}

bool sage_wait_pausing(const sage_wait_set *set, uint64_t budget_ns)
{
    uint64_t start = now_ns();
    do {
        if (sage_wait_ready(set))
            return true;
        for (int i = 0; i < 4; i++)
            sage_pause();
    } while (now_ns() - start < budget_ns);
    return false;
}

bool sage_wait_yielding(const sage_wait_set *set, uint64_t budget_ns)
{
    uint64_t start = now_ns();
    do {
        if (sage_wait_ready(set))
            return true;
        sched_yield();
    } while (now_ns() - start < budget_ns);
    return sage_wait_ready(set);
}
