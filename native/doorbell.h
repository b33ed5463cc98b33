/* One futex word per worker. The word is the parked flag itself:
 *
 *   waiter     set 1 · full fence · look at everything again · FUTEX_WAIT(word, 1) · set 0
 *   notifier   publish (release) · full fence · if word and exchange(word, 0): FUTEX_WAKE
 *
 * Why no wake-up is lost: with a full fence on either side, at least one side sees the other's store. If the notifier
 * sees the word set, it wakes. If it does not, the waiter's second look sees what was published. Between the waiter's
 * look and its sleep stands the comparison inside FUTEX_WAIT: an exchange in that gap makes it return at once.
 * tests/native/model holds the proof by exhaustion, and shows that each variant with a step less loses wake-ups.
 *
 * A notifier may die between its exchange and its FUTEX_WAKE, leaving the word 0 and the waiter asleep. Nobody can see
 * that in the word, so whoever learns of a death calls sage_doorbell_wake on every peer, whatever the word says. */
#ifndef SAGE_DOORBELL_H
#define SAGE_DOORBELL_H

#include <stdbool.h>
#include <stdint.h>

#include "layout.h"
#include "status.h"

enum { SAGE_AWAKE = 0, SAGE_PARKED_ON_FUTEX = 1, SAGE_PARKED_ON_EVENTFD = 2 };

/* Waiter: announce that we are about to park. Everything must be looked at again after this. */
void sage_doorbell_arm(sage_doorbell_line *line, uint32_t how);

/* Waiter: the look found something, or the event loop woke. */
void sage_doorbell_disarm(sage_doorbell_line *line);

/* Waiter, after arming with SAGE_PARKED_ON_FUTEX: sleep. timeout_ns < 0 waits for ever. SAGE_OK when rung (or for no
 * reason, as futexes may), SAGE_TIMEOUT, or SAGE_INTERRUPTED. The word is 0 afterwards. */
sage_status sage_doorbell_wait(sage_doorbell_line *line, int64_t timeout_ns);

/* Notifier, after publishing: wake the waiter if it is parked. *sent says whether a system call was made.
 * SAGE_NO_EVENTFD when the waiter is parked on an eventfd and `eventfd` is negative. */
sage_status sage_doorbell_notify(sage_doorbell_line *line, int eventfd, bool *sent);

/* Wake the waiter whatever the word says: after the death of any notifier. */
sage_status sage_doorbell_wake(sage_doorbell_line *line, int eventfd);

#endif
