/* The only place where atomics are spelled. Every order is written as C11 says it, not as x86 happens to behave. */
#ifndef SAGE_ATOMICS_H
#define SAGE_ATOMICS_H

#include <stdatomic.h>
#include <stdint.h>

typedef _Atomic uint32_t sage_atomic_u32;
typedef _Atomic uint64_t sage_atomic_u64;

/* Words in shared memory are touched by processes compiled apart: only lock-free atomics work there. */
_Static_assert(ATOMIC_INT_LOCK_FREE == 2 && ATOMIC_LLONG_LOCK_FREE == 2, "shared words need lock-free atomics");
_Static_assert(sizeof(sage_atomic_u32) == 4 && sizeof(sage_atomic_u64) == 8, "atomics must have the size of their value");

static inline uint64_t sage_load_acquire(const sage_atomic_u64 *word)
{
    return atomic_load_explicit(word, memory_order_acquire);
}

static inline uint64_t sage_load_relaxed(const sage_atomic_u64 *word)
{
    return atomic_load_explicit(word, memory_order_relaxed);
}

static inline void sage_store_release(sage_atomic_u64 *word, uint64_t value)
{
    atomic_store_explicit(word, value, memory_order_release);
}

static inline void sage_store_relaxed(sage_atomic_u64 *word, uint64_t value)
{
    atomic_store_explicit(word, value, memory_order_relaxed);
}

static inline uint32_t sage_load_relaxed_u32(const sage_atomic_u32 *word)
{
    return atomic_load_explicit(word, memory_order_relaxed);
}

static inline void sage_store_relaxed_u32(sage_atomic_u32 *word, uint32_t value)
{
    atomic_store_explicit(word, value, memory_order_relaxed);
}

static inline uint32_t sage_exchange_u32(sage_atomic_u32 *word, uint32_t value)
{
    return atomic_exchange_explicit(word, value, memory_order_acq_rel);
}

/* Returns what the word held before; it holds `value` afterwards only if that was `expected`. */
static inline uint64_t sage_compare_exchange(sage_atomic_u64 *word, uint64_t expected, uint64_t value)
{
    atomic_compare_exchange_strong_explicit(word, &expected, value, memory_order_acq_rel, memory_order_acquire);
    return expected;
}

/* One more, or one less, of what is counted by several threads; the latter returns what is left. Whoever finds nothing
 * left has seen all that the others did before (SYNC POINT: release of each, acquire of the last). */
static inline void sage_count_up(sage_atomic_u64 *word)
{
    atomic_fetch_add_explicit(word, 1, memory_order_relaxed);
}

static inline uint64_t sage_count_down(sage_atomic_u64 *word)
{
    return atomic_fetch_sub_explicit(word, 1, memory_order_acq_rel) - 1;
}

static inline void sage_flip_release(sage_atomic_u64 *word, uint64_t bits)
{
    atomic_fetch_xor_explicit(word, bits, memory_order_release);
}

static inline void sage_full_fence(void)
{
    atomic_thread_fence(memory_order_seq_cst);
}

/* Tells a hyper-thread sibling and the power management that this is a spin loop. */
static inline void sage_pause(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("isb" ::: "memory");
#else
#error "sage_local runs on x86-64 and aarch64"
#endif
}

#endif
