#include "columns_read.h"

#include <stdlib.h>
#include <string.h>

#include "columns_plan.h"

/* All that the arrays of one batch are made of, in one piece of memory. An array may be moved away from its parent, so
 * each counts. */
typedef struct {
    sage_atomic_u64 arrays;
    sage_owner owner;
} batch;

/* What is left of that memory, and of the bytes' lists. */
typedef struct {
    batch *batch;
    struct ArrowArray *arrays;
    struct ArrowArray **children;
    const void **buffers;
    int64_t *sizes; /* of long values' buffers */
    const uint8_t *bytes;
    const sage_columns_node *nodes, *nodes_end;
    const sage_columns_extent *extents, *extents_end;
} builder;

static const sage_columns_header *header_of(const uint8_t *bytes)
{
    return (const sage_columns_header *)(const void *)bytes;
}

sage_status sage_columns_check(const uint8_t *bytes, uint64_t length)
{
    const sage_columns_header *header = header_of(bytes);
    if (length < sizeof *header || header->bytes > length || header->bytes < sizeof *header)
        return SAGE_CORRUPT;
    uint64_t lists = header->nodes * (uint64_t)sizeof(sage_columns_node) +
                     header->extents * (uint64_t)sizeof(sage_columns_extent);
    bool is_sound = lists <= header->bytes - sizeof *header && header->schema_at <= header->bytes &&
                    header->schema_bytes <= header->bytes - header->schema_at;
    return is_sound ? SAGE_OK : SAGE_CORRUPT;
}

static void release_array(struct ArrowArray *array)
{
    for (int64_t i = 0; i < array->n_children; i++)
        if (array->children[i]->release)
            array->children[i]->release(array->children[i]);
    if (array->dictionary && array->dictionary->release)
        array->dictionary->release(array->dictionary);
    batch *of = array->private_data;
    array->release = NULL;
    if (sage_count_down(&of->arrays) == 0) {
        of->owner.release(of->owner.of);
        free(of);
    }
}

/* The next buffer; NULL where it is absent or not of at least `bytes`. */
static const sage_columns_extent *next_extent(builder *build, int64_t bytes)
{
    uint64_t whole = header_of(build->bytes)->bytes;
    if (build->extents == build->extents_end || bytes < 0)
        return NULL;
    const sage_columns_extent *extent = build->extents++;
    bool is_sound = extent->at % SAGE_CACHE_LINE == 0 && extent->at <= whole && extent->bytes <= whole - extent->at &&
                    extent->bytes >= (uint64_t)bytes;
    return is_sound ? extent : NULL;
}

static bool add_buffer(builder *build, int64_t bytes)
{
    const sage_columns_extent *extent = next_extent(build, bytes);
    if (extent)
        *build->buffers++ = build->bytes + extent->at;
    return extent != NULL;
}

static bool add_validity(builder *build, int64_t count)
{
    if (build->extents < build->extents_end && build->extents->at == SAGE_ABSENT) {
        build->extents++;
        *build->buffers++ = NULL;
        return true;
    }
    return add_buffer(build, (count + 7) / 8);
}

/* Offsets of `count` values; *end is where the last one leads. */
static bool add_offsets(builder *build, const sage_shape *shape, int64_t count, int64_t *end)
{
    if (!add_buffer(build, (count + 1) * shape->width / 8))
        return false;
    *end = sage_load_int(build->buffers[-1], shape->width, count);
    return *end >= 0;
}

static bool add_long_values(builder *build, int64_t buffers)
{
    int64_t *sizes = build->sizes;
    for (int64_t i = 0; i < buffers; i++) {
        if (!add_buffer(build, 0))
            return false;
        *build->sizes++ = (int64_t)build->extents[-1].bytes;
    }
    *build->buffers++ = sizes;
    return true;
}

static bool add_array(builder *build, const sage_shape *shape, int64_t least, struct ArrowArray *array);

/* `each` says how many values a child has at least for each of ours, where all children have as many. */
static bool add_children(builder *build, const sage_shape *shape, int64_t count, int64_t each, struct ArrowArray *array)
{
    int64_t least;
    if (__builtin_mul_overflow(count, each, &least))
        return false;
    array->n_children = shape->children_count;
    array->children = build->children;
    build->children += shape->children_count;
    for (int64_t i = 0; i < shape->children_count; i++) {
        array->children[i] = build->arrays++;
        if (!add_array(build, &shape->children[i], least, array->children[i]))
            return false;
    }
    return true;
}

static bool add_values(builder *build, const sage_shape *shape, const sage_columns_node *node, int64_t count,
                       struct ArrowArray *array)
{
    int64_t end, bytes;
    switch (shape->layout) {
    case SAGE_LAYOUT_NULL:
        return true;
    case SAGE_LAYOUT_FIXED:
        return !__builtin_mul_overflow(count, shape->width, &bytes) && bytes <= INT64_MAX - 7 &&
               add_buffer(build, (bytes + 7) / 8);
    case SAGE_LAYOUT_BINARY:
        return add_offsets(build, shape, count, &end) && add_buffer(build, end);
    case SAGE_LAYOUT_VIEW:
        return add_buffer(build, count * SAGE_VIEW_BYTES) && add_long_values(build, node->long_buffers);
    case SAGE_LAYOUT_LIST:
        return add_offsets(build, shape, count, &end) && add_children(build, shape, end, 1, array);
    case SAGE_LAYOUT_LIST_VIEW:
        return add_buffer(build, count * shape->width / 8) && add_buffer(build, count * shape->width / 8) &&
               add_children(build, shape, 0, 1, array);
    case SAGE_LAYOUT_FIXED_LIST:
        return add_children(build, shape, count, shape->width, array);
    case SAGE_LAYOUT_STRUCT:
        return add_children(build, shape, count, 1, array);
    case SAGE_LAYOUT_SPARSE_UNION:
        return add_buffer(build, count) && add_children(build, shape, count, 1, array);
    case SAGE_LAYOUT_DENSE_UNION:
        return add_buffer(build, count) && add_buffer(build, count * 4) && add_children(build, shape, 0, 1, array);
    case SAGE_LAYOUT_RUN_ENDS:
        return add_children(build, shape, node->length != 0, 1, array);
    }
    return false;
}

/* The largest length for which a sum or a product with the width of anything but FIXED can not overflow. */
#define LONGEST (INT64_MAX >> 9)

static bool add_array(builder *build, const sage_shape *shape, int64_t least, struct ArrowArray *array)
{
    if (build->nodes == build->nodes_end)
        return false;
    const sage_columns_node *node = build->nodes++;
    bool is_sound = node->length >= least && node->length <= LONGEST && node->offset >= 0 && node->offset <= LONGEST &&
                    node->null_count >= -1 && node->null_count <= node->length;
    if (!is_sound)
        return false;
    int64_t count = node->length + node->offset;
    *array = (struct ArrowArray){.length = node->length, .null_count = node->null_count, .offset = node->offset};
    array->buffers = build->buffers;
    array->private_data = build->batch;
    if (sage_layout_has_validity(shape->layout) && !add_validity(build, count))
        return false;
    if (!add_values(build, shape, node, count, array))
        return false;
    array->n_buffers = sage_layout_buffers(shape->layout);
    if (shape->layout == SAGE_LAYOUT_VIEW)
        array->n_buffers += node->long_buffers + 1;
    if (shape->dictionary) {
        array->dictionary = build->arrays++;
        if (!add_array(build, shape->dictionary, 0, array->dictionary))
            return false;
    }
    array->release = release_array;
    sage_count_up(&build->batch->arrays);
    return true;
}

/* One piece of memory for everything, as large as the lists of the batch ask for. */
static sage_status allocate(builder *build, int64_t nodes)
{
    const sage_columns_header *header = header_of(build->bytes);
    const sage_columns_node *listed = (const sage_columns_node *)(const void *)(header + 1);
    int64_t long_buffers = 0;
    for (int64_t i = 0; i < nodes; i++) {
        if (listed[i].long_buffers < 0 || listed[i].long_buffers > header->extents - long_buffers)
            return SAGE_CORRUPT;
        long_buffers += listed[i].long_buffers;
    }
    size_t arrays_bytes = (size_t)nodes * sizeof(struct ArrowArray), children_bytes = (size_t)nodes * sizeof(void *);
    size_t buffers_bytes = ((size_t)header->extents + (size_t)nodes) * sizeof(void *); /* views list one more */
    uint8_t *memory =
        malloc(sizeof(batch) + arrays_bytes + children_bytes + buffers_bytes + (size_t)long_buffers * sizeof(int64_t));
    if (!memory)
        return SAGE_NO_MEMORY;
    build->batch = (batch *)(void *)memory;
    build->arrays = (struct ArrowArray *)(void *)(memory + sizeof(batch));
    build->children = (struct ArrowArray **)(void *)(memory + sizeof(batch) + arrays_bytes);
    build->buffers = (const void **)(void *)(memory + sizeof(batch) + arrays_bytes + children_bytes);
    build->sizes = (int64_t *)(void *)(memory + sizeof(batch) + arrays_bytes + children_bytes + buffers_bytes);
    build->nodes = listed;
    build->nodes_end = listed + nodes;
    build->extents = (const sage_columns_extent *)(const void *)build->nodes_end;
    build->extents_end = build->extents + header->extents;
    return SAGE_OK;
}

sage_status sage_columns_read(const sage_shape *shape, const uint8_t *bytes, sage_owner owner, struct ArrowArray *array)
{
    builder build = {.bytes = bytes};
    int64_t nodes = sage_shape_nodes(shape);
    if (header_of(bytes)->nodes != (uint64_t)nodes)
        return SAGE_CORRUPT;
    sage_status status = allocate(&build, nodes);
    if (status != SAGE_OK)
        return status;
    memset(build.batch, 0, sizeof *build.batch);
    build.batch->owner = owner;
    if (add_array(&build, shape, 0, array) && build.extents == build.extents_end)
        return SAGE_OK;
    array->release = NULL; /* of a batch with more buffers than the shape has, all of it was made */
    free(build.batch);
    return SAGE_CORRUPT;
}
