/* Canonical bytes of keys: keys that are equal in Python have equal bytes, others have not.
 *
 *   tag 0  None
 *   tag 1  whole number in int64 (int, bool, float alike): 8 bytes
 *   tag 2  any other whole number: length, hexadecimal text as hex() writes it
 *   tag 3  float with a fraction, or infinite: 8 bytes of its IEEE form
 *   tag 4  str: length, UTF-8 (lone surrogates as three bytes)
 *   tag 5  bytes: length, the bytes
 *   tag 6  tuple: number of items, the items
 *
 * Numbers are little-endian, lengths 32 bits. Tags from 16 on belong to sage_local/runtime/codec/keys.py, which writes
 * every other type; its bytes are taken as they are. Each form says where it ends, so no two keys share bytes.
 * These bytes are hashed into key groups, which snapshots are cut by: changing them breaks restoring. */
#ifndef SAGE_PY_KEYS_H
#define SAGE_PY_KEYS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "buffer.h"
#include "hash.h"

enum {
    SAGE_KEY_NONE = 0,
    SAGE_KEY_INT = 1,
    SAGE_KEY_BIG = 2,
    SAGE_KEY_FLOAT = 3,
    SAGE_KEY_STR = 4,
    SAGE_KEY_BYTES = 5,
    SAGE_KEY_TUPLE = 6,
};

/* Appends the canonical bytes of `key`; false with an exception set. `other` may run any Python code. */
bool sage_append_key(sage_buffer *buffer, PyObject *key, PyObject *other);

/* The hash of a key's canonical bytes; `scratch` is working space. False with an exception set. */
bool sage_hash_key(sage_buffer *scratch, PyObject *key, PyObject *other, uint64_t *hash);

#endif
