#include "columns_plan.h"

enum { HEAD_PART, SCHEMA_PART, FIRST_BUFFER_PART };

static sage_status append(sage_buffer *buffer, const void *bytes, size_t length)
{
    return sage_buffer_append(buffer, bytes, length) ? SAGE_OK : SAGE_NO_MEMORY;
}

static sage_part *part_of(const sage_columns_plan *plan, size_t index)
{
    return (sage_part *)(void *)plan->parts.bytes + index;
}

static sage_status plan_buffer(sage_columns_plan *plan, sage_part part)
{
    part.at = plan->bytes;
    plan->bytes += sage_line_up(part.bytes);
    sage_columns_extent extent = {part.at, part.bytes};
    if (append(&plan->extents, &extent, sizeof extent) != SAGE_OK)
        return SAGE_NO_MEMORY;
    return part.bytes ? append(&plan->parts, &part, sizeof part) : SAGE_OK;
}

sage_status sage_plan_copy(sage_columns_plan *plan, const void *from, int64_t bytes)
{
    if (bytes && !from)
        return SAGE_CORRUPT;
    return plan_buffer(plan, (sage_part){.from = from, .bytes = (uint64_t)bytes, .kind = SAGE_PART_COPY});
}

void *sage_plan_rewritten(sage_columns_plan *plan, int64_t bytes)
{
    void *made = malloc((size_t)bytes + 1);
    if (made && append(&plan->rewritten, &made, sizeof made) == SAGE_OK)
        return made;
    free(made);
    return NULL;
}

sage_status sage_plan_child(sage_columns_plan *plan, const sage_cut *cut, int64_t child, int64_t from, int64_t count)
{
    return sage_plan_array(plan, &cut->shape->children[child], cut->array->children[child], from, count);
}

/* Every child as far as the cut goes, `width` of its values for each of ours. */
static sage_status plan_children(sage_columns_plan *plan, const sage_cut *cut, int64_t width)
{
    for (int64_t i = 0; i < cut->shape->children_count; i++) {
        sage_status status = sage_plan_child(plan, cut, i, cut->start * width, cut->count * width);
        if (status != SAGE_OK)
            return status;
    }
    return SAGE_OK;
}

/* Offsets into what comes behind them, which begins at the first of them; *first and *end are where they lead. */
static sage_status plan_offsets(sage_columns_plan *plan, const sage_cut *cut, int64_t *first, int64_t *end)
{
    static const uint8_t zero[8];
    int64_t width = cut->shape->width;
    const uint8_t *offsets = cut->array->buffers[1];
    *first = *end = 0;
    if (cut->count == 0)
        return sage_plan_copy(plan, zero, width / 8);
    if (!offsets)
        return SAGE_CORRUPT;
    *first = sage_load_int(offsets, width, cut->start);
    *end = sage_load_int(offsets, width, cut->start + cut->count);
    if (*first < 0 || *end < *first)
        return SAGE_CORRUPT;
    sage_part_kind rebase = width == 32 ? SAGE_PART_REBASE32 : SAGE_PART_REBASE64;
    return plan_buffer(plan, (sage_part){.from = offsets + cut->start * width / 8,
                                         .bytes = (uint64_t)((cut->count + 1) * width / 8),
                                         .base = *first,
                                         .kind = *first ? rebase : SAGE_PART_COPY});
}

static sage_status plan_binary(sage_columns_plan *plan, const sage_cut *cut)
{
    int64_t first, end;
    sage_status status = plan_offsets(plan, cut, &first, &end);
    const uint8_t *bytes = cut->array->buffers[2];
    return status == SAGE_OK ? sage_plan_copy(plan, bytes ? bytes + first : NULL, end - first) : status;
}

static sage_status plan_list(sage_columns_plan *plan, const sage_cut *cut)
{
    int64_t first, end;
    sage_status status = plan_offsets(plan, cut, &first, &end);
    return status == SAGE_OK ? sage_plan_child(plan, cut, 0, first, end - first) : status;
}

static sage_status plan_fixed(sage_columns_plan *plan, const sage_cut *cut)
{
    const uint8_t *values = cut->array->buffers[1];
    int64_t width = cut->shape->width, bytes = (cut->count * width + 7) / 8;
    return sage_plan_copy(plan, values && bytes ? values + cut->start * width / 8 : NULL, bytes);
}

static sage_status plan_sparse_union(sage_columns_plan *plan, const sage_cut *cut)
{
    const uint8_t *codes = cut->array->buffers[0];
    sage_status status = sage_plan_copy(plan, codes ? codes + cut->start : NULL, cut->count);
    return status == SAGE_OK ? plan_children(plan, cut, 1) : status;
}

static sage_status plan_values(sage_columns_plan *plan, const sage_cut *cut, int64_t *long_buffers)
{
    switch (cut->shape->layout) {
    case SAGE_LAYOUT_NULL:
        return SAGE_OK;
    case SAGE_LAYOUT_FIXED:
        return plan_fixed(plan, cut);
    case SAGE_LAYOUT_BINARY:
        return plan_binary(plan, cut);
    case SAGE_LAYOUT_LIST:
        return plan_list(plan, cut);
    case SAGE_LAYOUT_FIXED_LIST:
        return plan_children(plan, cut, cut->shape->width);
    case SAGE_LAYOUT_STRUCT:
        return plan_children(plan, cut, 1);
    case SAGE_LAYOUT_SPARSE_UNION:
        return plan_sparse_union(plan, cut);
    case SAGE_LAYOUT_VIEW:
        return sage_plan_view(plan, cut, long_buffers);
    case SAGE_LAYOUT_LIST_VIEW:
        return sage_plan_list_view(plan, cut);
    case SAGE_LAYOUT_DENSE_UNION:
        return sage_plan_dense_union(plan, cut);
    case SAGE_LAYOUT_RUN_ENDS:
        return sage_plan_run_ends(plan, cut);
    }
    return SAGE_UNSUPPORTED;
}

static bool is_of_shape(const sage_shape *shape, const struct ArrowArray *array)
{
    int64_t buffers = sage_layout_buffers(shape->layout) + (shape->layout == SAGE_LAYOUT_VIEW);
    return array->n_buffers >= buffers && array->n_children == shape->children_count && array->length >= 0 &&
           array->offset >= 0 && !array->dictionary == !shape->dictionary;
}

static sage_status plan_validity(sage_columns_plan *plan, const sage_cut *cut, bool has_nulls)
{
    static const sage_columns_extent absent = {SAGE_ABSENT, 0};
    if (!has_nulls)
        return append(&plan->extents, &absent, sizeof absent);
    return sage_plan_copy(plan, (const uint8_t *)cut->array->buffers[0] + cut->start / 8, (cut->count + 7) / 8);
}

static int64_t nulls_of(const sage_shape *shape, const struct ArrowArray *array, int64_t count, bool has_nulls)
{
    if (shape->layout == SAGE_LAYOUT_NULL)
        return count;
    if (!has_nulls)
        return 0;
    return count == array->length ? array->null_count : -1;
}

sage_status sage_plan_array(sage_columns_plan *plan, const sage_shape *shape, const struct ArrowArray *array,
                            int64_t from, int64_t count)
{
    if (!is_of_shape(shape, array) || from < 0 || count < 0 || from + count > array->length)
        return SAGE_CORRUPT;
    bool has_nulls = sage_layout_has_validity(shape->layout) && array->buffers[0] && array->null_count != 0 && count;
    bool has_bits = has_nulls || (shape->layout == SAGE_LAYOUT_FIXED && shape->width == 1);
    int64_t at = array->offset + from;
    int64_t before = has_bits && count ? at % 8 : 0;
    int64_t offset = shape->layout == SAGE_LAYOUT_RUN_ENDS && count ? at : before;
    sage_cut cut = {shape, array, at - before, count + before};
    sage_columns_node node = {count, nulls_of(shape, array, count, has_nulls), offset, 0};
    size_t place = plan->nodes.length;
    sage_status status = append(&plan->nodes, &node, sizeof node);
    if (status == SAGE_OK && sage_layout_has_validity(shape->layout))
        status = plan_validity(plan, &cut, has_nulls);
    if (status == SAGE_OK)
        status = plan_values(plan, &cut, &node.long_buffers);
    if (status != SAGE_OK)
        return status;
    memcpy(plan->nodes.bytes + place, &node, sizeof node);
    return shape->dictionary ? sage_plan_array(plan, shape->dictionary, array->dictionary, 0, array->dictionary->length)
                             : SAGE_OK;
}

/* Put the head and the schema in front of the buffers, whose places were counted from the first of them. */
static sage_status finish(sage_columns_plan *plan, const uint8_t *schema, uint64_t schema_bytes)
{
    uint64_t head_bytes = sizeof(sage_columns_header) + plan->nodes.length + plan->extents.length;
    uint64_t schema_at = sage_line_up(head_bytes), body_at = schema_at + sage_line_up(schema_bytes);
    sage_columns_extent *extents = (sage_columns_extent *)(void *)plan->extents.bytes;
    size_t extents_count = plan->extents.length / sizeof *extents;
    for (size_t i = 0; i < extents_count; i++)
        if (extents[i].at != SAGE_ABSENT)
            extents[i].at += body_at;
    for (size_t i = FIRST_BUFFER_PART; i < plan->parts.length / sizeof(sage_part); i++)
        part_of(plan, i)->at += body_at;
    plan->bytes += body_at;
    sage_columns_header header = {.bytes = plan->bytes,
                                  .schema_at = schema_at,
                                  .schema_bytes = schema_bytes,
                                  .nodes = (uint32_t)(plan->nodes.length / sizeof(sage_columns_node)),
                                  .extents = (uint32_t)extents_count};
    plan->head.length = 0;
    if (append(&plan->head, &header, sizeof header) != SAGE_OK ||
        append(&plan->head, plan->nodes.bytes, plan->nodes.length) != SAGE_OK ||
        append(&plan->head, extents, plan->extents.length) != SAGE_OK)
        return SAGE_NO_MEMORY;
    *part_of(plan, HEAD_PART) = (sage_part){.from = plan->head.bytes, .bytes = head_bytes, .kind = SAGE_PART_COPY};
    *part_of(plan, SCHEMA_PART) =
        (sage_part){.from = schema, .bytes = schema_bytes, .at = schema_at, .kind = SAGE_PART_COPY};
    return SAGE_OK;
}

static void forget(sage_columns_plan *plan)
{
    void **rewritten = (void **)(void *)plan->rewritten.bytes;
    for (size_t i = 0; i < plan->rewritten.length / sizeof *rewritten; i++)
        free(rewritten[i]);
    plan->nodes.length = plan->extents.length = plan->parts.length = plan->rewritten.length = 0;
    plan->bytes = 0;
    plan->next_part = 0;
}

sage_status sage_columns_plan_make(sage_columns_plan *plan, const sage_shape *shape, const struct ArrowArray *array,
                                   const uint8_t *schema, uint64_t schema_bytes)
{
    static const sage_part ahead[FIRST_BUFFER_PART];
    forget(plan);
    sage_status status = append(&plan->parts, ahead, sizeof ahead);
    if (status == SAGE_OK)
        status = sage_plan_array(plan, shape, array, 0, array->length);
    return status == SAGE_OK ? finish(plan, schema, schema_bytes) : status;
}

typedef struct __attribute__((packed)) {
    int32_t value;
} loose32;

typedef struct __attribute__((packed)) {
    int64_t value;
} loose64;

static void write_part(const sage_part *part, uint64_t from, uint64_t bytes, uint8_t *to)
{
    const uint8_t *source = part->from + from;
    switch (part->kind) {
    case SAGE_PART_COPY:
        memcpy(to, source, bytes);
        return;
    case SAGE_PART_REBASE32:
        for (uint64_t i = 0; i < bytes / 4; i++)
            ((loose32 *)(void *)to)[i].value = ((const loose32 *)(const void *)source)[i].value - (int32_t)part->base;
        return;
    case SAGE_PART_REBASE64:
        for (uint64_t i = 0; i < bytes / 8; i++)
            ((loose64 *)(void *)to)[i].value = ((const loose64 *)(const void *)source)[i].value - part->base;
        return;
    }
}

void sage_columns_write(sage_columns_plan *plan, uint64_t start, uint64_t stop, uint8_t *to)
{
    for (; plan->next_part < plan->parts.length / sizeof(sage_part); plan->next_part++) {
        const sage_part *part = part_of(plan, plan->next_part);
        uint64_t first = part->at > start ? part->at : start, end = part->at + part->bytes;
        uint64_t last = end < stop ? end : stop;
        if (first < last)
            write_part(part, first - part->at, last - first, to + (first - start));
        if (end > stop)
            return;
    }
}

void sage_columns_plan_free(sage_columns_plan *plan)
{
    forget(plan);
    sage_buffer_free(&plan->nodes);
    sage_buffer_free(&plan->extents);
    sage_buffer_free(&plan->parts);
    sage_buffer_free(&plan->head);
    sage_buffer_free(&plan->rewritten);
}
