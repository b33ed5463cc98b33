/* A record batch as bytes: a header, the arrays in preorder (children, then the dictionary), their buffers' places, the
 * schema where the reader has to learn it, then the buffers, each on a cache line of its own as Arrow wants them.
 *
 * Only what a batch shows is there: slices are cut. Where values are bits, a cut begins at a whole byte, and the up to
 * seven values before it are the array's offset. Run ends keep their absolute positions, so theirs is any number. */
#ifndef SAGE_COLUMNS_FORMAT_H
#define SAGE_COLUMNS_FORMAT_H

#include <stdint.h>

#include "layout.h"

typedef struct {
    uint64_t bytes; /* of it all, as it may travel in pieces */
    uint64_t schema_at;
    uint64_t schema_bytes; /* 0: the schema is the one before */
    uint32_t nodes;
    uint32_t extents;
    uint8_t reserved[SAGE_CACHE_LINE - 32];
} sage_columns_header;

_Static_assert(sizeof(sage_columns_header) == SAGE_CACHE_LINE, "the header is one cache line");

typedef struct {
    int64_t length;
    int64_t null_count; /* -1: not counted */
    int64_t offset;
    int64_t long_buffers; /* of a view */
} sage_columns_node;

typedef struct {
    uint64_t at; /* from the start of the header, or SAGE_ABSENT */
    uint64_t bytes;
} sage_columns_extent;

#define SAGE_ABSENT UINT64_MAX

static inline uint64_t sage_line_up(uint64_t bytes)
{
    return (bytes + SAGE_CACHE_LINE - 1) & ~(uint64_t)(SAGE_CACHE_LINE - 1);
}

#endif
