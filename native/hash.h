/* XXH64, seed 0, as specified in https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md. Chosen because it is
 * written down apart from any program, has published test values, and needs ~5 ns for a key of a few bytes.
 * The result is a promise: key groups in snapshots depend on it. */
#ifndef SAGE_HASH_H
#define SAGE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "sage_local runs on little-endian machines"
#endif

#define SAGE_HASH_P1 UINT64_C(0x9E3779B185EBCA87)
#define SAGE_HASH_P2 UINT64_C(0xC2B2AE3D27D4EB4F)
#define SAGE_HASH_P3 UINT64_C(0x165667B19E3779F9)
#define SAGE_HASH_P4 UINT64_C(0x85EBCA77C2B2AE63)
#define SAGE_HASH_P5 UINT64_C(0x27D4EB2F165667C5)

uint64_t sage_hash64(const void *bytes, size_t length);

static inline uint64_t sage_hash_rotate(uint64_t value, int bits)
{
    return value << bits | value >> (64 - bits);
}

static inline uint64_t sage_hash_read64(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static inline uint64_t sage_hash_mix(uint64_t lane, uint64_t input)
{
    return sage_hash_rotate(lane + input * SAGE_HASH_P2, 31) * SAGE_HASH_P1;
}

/* The step for each eight bytes that are left after the stripes. */
static inline uint64_t sage_hash_word(uint64_t hash, uint64_t word)
{
    return sage_hash_rotate(hash ^ sage_hash_mix(0, word), 27) * SAGE_HASH_P1 + SAGE_HASH_P4;
}

/* The last step: the remaining bytes, fewer than 32, and the avalanche. Inline, so that keys of a length known to the
 * compiler (numbers) cost no loop. */
static inline uint64_t sage_hash_finish(uint64_t hash, const uint8_t *at, size_t left)
{
    for (; left >= 8; at += 8, left -= 8)
        hash = sage_hash_word(hash, sage_hash_read64(at));
    if (left >= 4) {
        uint32_t value;
        memcpy(&value, at, sizeof value);
        hash = sage_hash_rotate(hash ^ value * SAGE_HASH_P1, 23) * SAGE_HASH_P2 + SAGE_HASH_P3;
        at += 4;
        left -= 4;
    }
    for (; left > 0; at++, left--)
        hash = sage_hash_rotate(hash ^ *at * SAGE_HASH_P5, 11) * SAGE_HASH_P1;
    hash = (hash ^ hash >> 33) * SAGE_HASH_P2;
    hash = (hash ^ hash >> 29) * SAGE_HASH_P3;
    return hash ^ hash >> 32;
}

/* Where the hash of fewer than 32 bytes starts. */
static inline uint64_t sage_hash_start(size_t length)
{
    return SAGE_HASH_P5 + length;
}

/* sage_hash64 of fewer than 32 bytes. */
static inline uint64_t sage_hash64_short(const void *bytes, size_t length)
{
    return sage_hash_finish(sage_hash_start(length), bytes, length);
}

#endif
