#include "hash.h"

static uint64_t merge(uint64_t hash, uint64_t lane)
{
    return (hash ^ sage_hash_mix(0, lane)) * SAGE_HASH_P1 + SAGE_HASH_P4;
}

/* Whole stripes of 32 bytes, in four lanes that do not wait for each other. */
static uint64_t hash_stripes(const uint8_t *at, size_t stripes)
{
    uint64_t a = SAGE_HASH_P1 + SAGE_HASH_P2, b = SAGE_HASH_P2, c = 0, d = 0 - SAGE_HASH_P1;
    for (; stripes > 0; at += 32, stripes--) {
        a = sage_hash_mix(a, sage_hash_read64(at));
        b = sage_hash_mix(b, sage_hash_read64(at + 8));
        c = sage_hash_mix(c, sage_hash_read64(at + 16));
        d = sage_hash_mix(d, sage_hash_read64(at + 24));
    }
    uint64_t hash = sage_hash_rotate(a, 1) + sage_hash_rotate(b, 7) + sage_hash_rotate(c, 12) + sage_hash_rotate(d, 18);
    return merge(merge(merge(merge(hash, a), b), c), d);
}

uint64_t sage_hash64(const void *bytes, size_t length)
{
    if (length < 32)
        return sage_hash64_short(bytes, length);
    const uint8_t *start = bytes;
    size_t stripes = length / 32;
    return sage_hash_finish(hash_stripes(start, stripes) + length, start + stripes * 32, length % 32);
}
