/* The block that pack_rows writes and unpack_rows reads.
 *
 *   header    magic u32 · version u16 · columns u16 · rows u64 · pickles u64 (offset of the pickles)
 *   nodes     one per column, then the nodes within it
 *   pickles   length u64 and bytes of each, in the order of their nodes
 *
 * A node is its type (u8) and, for n values:
 *
 *   ABSENT                nothing: the column is None. Columns only
 *   SAME                  u16 number of an earlier column with the very same objects. Columns only
 *   NONE, PICKLE          filler
 *   BOOL                  n bytes, 0 or 1
 *   INT8 .. INT64         n numbers
 *   FLOAT                 n numbers, bit by bit
 *   ASCII, UTF8, BYTES    width u8 (1, 2, 4) · n lengths of that width · the bytes
 *   TUPLE                 arity u32 · filler · a node per item
 *   DICT                  size u32 · filler · per key: length u32, UTF-8 · a node per value
 *   ACCUMULATOR           as TUPLE, of 1 to SAGE_MOST_STEPS items
 *   NULLABLE              bitmap (1: a value, 0: None) of (n + 7) / 8 bytes · a node of the values
 *
 * Filler is (n + 7) / 8 zero bytes. Thereby every node has at least one bit for each value, and a block can not
 * claim more values than eight times its length: a damaged row count asks for no absurd amount of memory.
 * Numbers are little-endian and not aligned. A block lives as long as a frame does, between processes of one build. */
#ifndef SAGE_ROWS_FORMAT_H
#define SAGE_ROWS_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#define SAGE_ROWS_MAGIC UINT32_C(0x57524753) /* "SGRW" */
#define SAGE_ROWS_VERSION 1

/* Nesting beyond this is left to pickle; it bounds the recursion of both sides. */
#define SAGE_ROWS_MAX_DEPTH 32
#define SAGE_ROWS_MAX_ARITY 4096
/* SAME takes three bytes whatever the rows: a block could ask for thousands of lists of all its rows. */
#define SAGE_ROWS_MAX_COLUMNS 64

typedef struct {
    uint32_t magic;
    uint16_t version;
    uint16_t columns;
    uint64_t rows;
    uint64_t pickles;
} sage_rows_header;

_Static_assert(sizeof(sage_rows_header) == 24, "rows header");

typedef enum {
    SAGE_NODE_ABSENT = 0,
    SAGE_NODE_SAME = 1,
    SAGE_NODE_NONE = 2,
    SAGE_NODE_PICKLE = 3,
    SAGE_NODE_BOOL = 4,
    SAGE_NODE_INT8 = 5,
    SAGE_NODE_INT16 = 6,
    SAGE_NODE_INT32 = 7,
    SAGE_NODE_INT64 = 8,
    SAGE_NODE_FLOAT = 9,
    SAGE_NODE_ASCII = 10,
    SAGE_NODE_UTF8 = 11,
    SAGE_NODE_BYTES = 12,
    SAGE_NODE_TUPLE = 13,
    SAGE_NODE_DICT = 14,
    SAGE_NODE_NULLABLE = 15,
    SAGE_NODE_ACCUMULATOR = 16,
} sage_node_type;

static inline size_t sage_bits(size_t count)
{
    return count / 8 + (count % 8 != 0);
}

#endif
