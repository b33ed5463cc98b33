/* XXH64, seed 0, as specified in https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md. Chosen because it is
 * written down apart from any program, has published test values, and needs ~5 ns for a key of a few bytes.
 * The result is a promise: key groups in snapshots depend on it. Little-endian reads on every machine. */
#ifndef SAGE_HASH_H
#define SAGE_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t sage_hash64(const void *bytes, size_t length);

#endif
