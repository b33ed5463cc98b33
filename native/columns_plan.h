/* How a record batch becomes bytes (columns_format.h): first a list of what goes where, made without looking at most of
 * the values; then the bytes, each copied once to where they are wanted. */
#ifndef SAGE_COLUMNS_PLAN_H
#define SAGE_COLUMNS_PLAN_H

#include "buffer.h"
#include "columns_format.h"
#include "columns_shape.h"

typedef enum { SAGE_PART_COPY, SAGE_PART_REBASE32, SAGE_PART_REBASE64 } sage_part_kind;

typedef struct {
    const uint8_t *from;
    uint64_t bytes;
    uint64_t at;
    int64_t base; /* what is subtracted from every offset of a rebased part */
    sage_part_kind kind;
} sage_part;

/* Zeroed to begin with; memory is kept from one batch to the next. */
typedef struct {
    sage_buffer nodes;
    sage_buffer extents;
    sage_buffer parts;
    sage_buffer head;
    sage_buffer rewritten; /* pointers to buffers that are not copied as they are */
    uint64_t bytes;
    size_t next_part; /* the first that is not wholly written */
} sage_columns_plan;

/* Plan `array`, of `shape`, behind `schema` (which may be empty); both stay where they are until all is written.
 * SAGE_CORRUPT where the array is not of the shape, SAGE_NO_MEMORY. */
sage_status sage_columns_plan_make(sage_columns_plan *plan, const sage_shape *shape, const struct ArrowArray *array,
                                   const uint8_t *schema, uint64_t schema_bytes);

/* Write bytes [start, stop) to `to`. From the first to the last, in pieces that begin at whole cache lines. */
void sage_columns_write(sage_columns_plan *plan, uint64_t start, uint64_t stop, uint8_t *to);

/* Harmless on a zeroed plan. */
void sage_columns_plan_free(sage_columns_plan *plan);

/* The rest is for columns_plan.c and columns_rewrite.c alone. */

/* `count` values of an array from `start`, which is counted from the start of its buffers. */
typedef struct {
    const sage_shape *shape;
    const struct ArrowArray *array;
    int64_t start;
    int64_t count;
} sage_cut;

sage_status sage_plan_array(sage_columns_plan *plan, const sage_shape *shape, const struct ArrowArray *array,
                            int64_t from, int64_t count);
sage_status sage_plan_child(sage_columns_plan *plan, const sage_cut *cut, int64_t child, int64_t from, int64_t count);
sage_status sage_plan_copy(sage_columns_plan *plan, const void *from, int64_t bytes);

/* A buffer that lives as long as the plan of this batch; NULL when memory is short. */
void *sage_plan_rewritten(sage_columns_plan *plan, int64_t bytes);

sage_status sage_plan_list_view(sage_columns_plan *plan, const sage_cut *cut);
sage_status sage_plan_dense_union(sage_columns_plan *plan, const sage_cut *cut);
sage_status sage_plan_view(sage_columns_plan *plan, const sage_cut *cut, int64_t *long_buffers);
sage_status sage_plan_run_ends(sage_columns_plan *plan, const sage_cut *cut);

/* Any of our integers, however aligned: Arrow recommends alignment and does not demand it. */
static inline int64_t sage_load_int(const void *values, int64_t width, int64_t index)
{
    int16_t narrow;
    int32_t middle;
    int64_t wide;
    switch (width) {
    case 16:
        memcpy(&narrow, (const uint8_t *)values + 2 * index, sizeof narrow);
        return narrow;
    case 32:
        memcpy(&middle, (const uint8_t *)values + 4 * index, sizeof middle);
        return middle;
    default:
        memcpy(&wide, (const uint8_t *)values + 8 * index, sizeof wide);
        return wide;
    }
}

#endif
