/* What the buffers of a schema's columns look like, without names and meanings: a tree of layouts. Writer and reader of a
 * channel make the same one from the same schema. */
#ifndef SAGE_COLUMNS_SHAPE_H
#define SAGE_COLUMNS_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

#include "arrow_c.h"
#include "status.h"

typedef enum {
    SAGE_LAYOUT_NULL,
    SAGE_LAYOUT_FIXED,  /* `width` bits a value */
    SAGE_LAYOUT_BINARY, /* offsets of `width` bits, and bytes */
    SAGE_LAYOUT_VIEW,
    SAGE_LAYOUT_LIST,       /* offsets of `width` bits; maps too */
    SAGE_LAYOUT_LIST_VIEW,  /* offsets and sizes of `width` bits */
    SAGE_LAYOUT_FIXED_LIST, /* `width` values each */
    SAGE_LAYOUT_STRUCT,
    SAGE_LAYOUT_SPARSE_UNION,
    SAGE_LAYOUT_DENSE_UNION,
    SAGE_LAYOUT_RUN_ENDS,
} sage_layout;

typedef struct sage_shape {
    sage_layout layout;
    int64_t width;
    int64_t children_count;
    struct sage_shape *children;
    struct sage_shape *dictionary; /* of an array of indices; NULL elsewhere */
    int8_t child_of[128];          /* of a union: the child of a type code; -1: none */
} sage_shape;

enum { SAGE_VIEW_BYTES = 16, SAGE_VIEW_INLINE_BYTES = 12 };

/* The shape of a record batch. SAGE_UNSUPPORTED for a format that this code does not know. */
sage_status sage_shape_make(sage_shape *shape, const struct ArrowSchema *schema);

/* Harmless on a zeroed shape. */
void sage_shape_free(sage_shape *shape);

/* How many arrays there are, the root among them. */
int64_t sage_shape_nodes(const sage_shape *shape);

/* How many buffers an array has in any case; a view has those of its long values besides. */
int64_t sage_layout_buffers(sage_layout layout);

/* Whether the first buffer says which values are null. */
bool sage_layout_has_validity(sage_layout layout);

#endif
