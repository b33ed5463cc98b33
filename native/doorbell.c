#define _GNU_SOURCE
#include "doorbell.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000

/* Not FUTEX_PRIVATE_FLAG: waiter and notifier are different processes. */
static sage_status futex_wake(sage_doorbell_line *line)
{
    return syscall(SYS_futex, &line->word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0) < 0 ? SAGE_SYSTEM : SAGE_OK;
}

/* EAGAIN is success: the counter is full, so the eventfd is readable already. */
static sage_status eventfd_wake(int eventfd)
{
    uint64_t one = 1;
    ssize_t written;
    do
        written = write(eventfd, &one, sizeof one);
    while (written < 0 && errno == EINTR);
    return written < 0 && errno != EAGAIN ? SAGE_SYSTEM : SAGE_OK;
}

void sage_doorbell_arm(sage_doorbell_line *line, uint32_t how)
{
    sage_store_relaxed_u32(&line->word, how);
    sage_full_fence(); /* SYNC POINT doorbell: pairs with the fence in sage_doorbell_notify and sage_doorbell_wake */
}

void sage_doorbell_disarm(sage_doorbell_line *line)
{
    sage_store_relaxed_u32(&line->word, SAGE_AWAKE);
}

sage_status sage_doorbell_wait(sage_doorbell_line *line, int64_t timeout_ns)
{
    struct timespec timeout = {.tv_sec = timeout_ns / NS_PER_S, .tv_nsec = timeout_ns % NS_PER_S};
    long slept = syscall(SYS_futex, &line->word, FUTEX_WAIT, SAGE_PARKED_ON_FUTEX, timeout_ns < 0 ? NULL : &timeout,
                         NULL, 0);
    int error = slept < 0 ? errno : 0;
    sage_doorbell_disarm(line);
    switch (error) {
    case 0:
    case EAGAIN: /* rung before we slept */
        return SAGE_OK;
    case ETIMEDOUT:
        return SAGE_TIMEOUT;
    case EINTR:
        return SAGE_INTERRUPTED;
    default:
        errno = error;
        return SAGE_SYSTEM;
    }
}

sage_status sage_doorbell_notify(sage_doorbell_line *line, int eventfd, bool *sent)
{
    *sent = false;
    sage_full_fence(); /* SYNC POINT doorbell: pairs with the fence in sage_doorbell_arm */
    /* Reading first keeps the line shared between all notifiers while the waiter is awake. */
    uint32_t how = sage_load_relaxed_u32(&line->word);
    if (how == SAGE_AWAKE)
        return SAGE_OK;
    /* Refused before the exchange, which would take the word from a notifier that can reach the eventfd. */
    if (how == SAGE_PARKED_ON_EVENTFD && eventfd < 0)
        return SAGE_NO_EVENTFD;
    how = sage_exchange_u32(&line->word, SAGE_AWAKE);
    if (how == SAGE_AWAKE) /* another notifier was first and wakes */
        return SAGE_OK;
    *sent = true;
    return how == SAGE_PARKED_ON_EVENTFD ? eventfd_wake(eventfd) : futex_wake(line);
}

sage_status sage_doorbell_wake(sage_doorbell_line *line, int eventfd)
{
    sage_full_fence(); /* SYNC POINT doorbell: pairs with the fence in sage_doorbell_arm */
    /* Cleared, so that a waiter which has armed and not slept yet does not sleep. */
    sage_exchange_u32(&line->word, SAGE_AWAKE);
    sage_status status = futex_wake(line);
    if (status == SAGE_OK && eventfd >= 0)
        status = eventfd_wake(eventfd);
    return status;
}
