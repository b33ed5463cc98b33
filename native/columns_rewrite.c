/* Layouts of which a cut is more than a piece of each buffer: values that point into others in any order. */
#include "columns_plan.h"

/* The part of a child that is pointed into. */
typedef struct {
    int64_t low;
    int64_t high;
} reach;

static void extend(reach *span, int64_t low, int64_t high)
{
    bool is_first = span->high == span->low;
    if (is_first || low < span->low)
        span->low = low;
    if (is_first || high > span->high)
        span->high = high;
}

static void store_int(void *values, int64_t width, int64_t index, int64_t value)
{
    int32_t narrow = (int32_t)value;
    if (width == 32)
        memcpy((uint8_t *)values + 4 * index, &narrow, sizeof narrow);
    else
        memcpy((uint8_t *)values + 8 * index, &value, sizeof value);
}

sage_status sage_plan_list_view(sage_columns_plan *plan, const sage_cut *cut)
{
    int64_t width = cut->shape->width, bytes = cut->count * width / 8;
    const uint8_t *offsets = cut->array->buffers[1], *sizes = cut->array->buffers[2];
    if (cut->count && (!offsets || !sizes))
        return SAGE_CORRUPT;
    offsets = cut->count ? offsets + cut->start * width / 8 : offsets;
    sizes = cut->count ? sizes + cut->start * width / 8 : sizes;
    reach values = {0, 0};
    for (int64_t i = 0; i < cut->count; i++) {
        int64_t size = sage_load_int(sizes, width, i), offset = sage_load_int(offsets, width, i);
        if (size > 0)
            extend(&values, offset, offset + size);
    }
    uint8_t *rebased = sage_plan_rewritten(plan, bytes);
    if (!rebased)
        return SAGE_NO_MEMORY;
    for (int64_t i = 0; i < cut->count; i++) {
        bool is_empty = sage_load_int(sizes, width, i) <= 0;
        store_int(rebased, width, i, is_empty ? 0 : sage_load_int(offsets, width, i) - values.low);
    }
    sage_status status = sage_plan_copy(plan, rebased, bytes);
    if (status == SAGE_OK)
        status = sage_plan_copy(plan, sizes, bytes);
    return status == SAGE_OK ? sage_plan_child(plan, cut, 0, values.low, values.high - values.low) : status;
}

sage_status sage_plan_dense_union(sage_columns_plan *plan, const sage_cut *cut)
{
    const int8_t *codes = cut->array->buffers[0];
    const uint8_t *offsets = cut->array->buffers[1];
    if (cut->count && (!codes || !offsets))
        return SAGE_CORRUPT;
    reach values[128] = {{0, 0}};
    for (int64_t i = cut->start; i < cut->start + cut->count; i++) {
        int64_t offset = sage_load_int(offsets, 32, i);
        if (codes[i] < 0 || cut->shape->child_of[codes[i]] < 0)
            return SAGE_CORRUPT;
        extend(&values[cut->shape->child_of[codes[i]]], offset, offset + 1);
    }
    uint8_t *rebased = sage_plan_rewritten(plan, cut->count * 4);
    if (!rebased)
        return SAGE_NO_MEMORY;
    for (int64_t i = 0; i < cut->count; i++) {
        int64_t low = values[cut->shape->child_of[codes[cut->start + i]]].low;
        store_int(rebased, 32, i, sage_load_int(offsets, 32, cut->start + i) - low);
    }
    sage_status status = sage_plan_copy(plan, cut->count ? codes + cut->start : codes, cut->count);
    if (status == SAGE_OK)
        status = sage_plan_copy(plan, rebased, cut->count * 4);
    for (int64_t i = 0; status == SAGE_OK && i < cut->shape->children_count; i++)
        status = sage_plan_child(plan, cut, i, values[i].low, values[i].high - values[i].low);
    return status;
}

/* How many runs end at `position` or before it. */
static int64_t runs_until(const struct ArrowArray *ends, int64_t width, int64_t position)
{
    int64_t low = 0, high = ends->length;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (sage_load_int(ends->buffers[1], width, ends->offset + middle) <= position)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The runs that the cut touches. Run ends count from the start of the array, and so does its offset, which is kept. */
sage_status sage_plan_run_ends(sage_columns_plan *plan, const sage_cut *cut)
{
    const struct ArrowArray *ends = cut->array->children[0];
    int64_t width = cut->shape->children[0].width, low = 0, high = 0;
    if (cut->count) {
        if (ends->n_buffers < 2 || !ends->buffers[1])
            return SAGE_CORRUPT;
        low = runs_until(ends, width, cut->start);
        high = runs_until(ends, width, cut->start + cut->count - 1) + 1;
    }
    sage_status status = sage_plan_child(plan, cut, 0, low, high - low);
    return status == SAGE_OK ? sage_plan_child(plan, cut, 1, low, high - low) : status;
}

typedef struct {
    int32_t length;
    uint8_t prefix[4]; /* or the first bytes of a short value */
    int32_t buffer;
    int32_t offset;
} long_view;

_Static_assert(sizeof(long_view) == SAGE_VIEW_BYTES, "a view has sixteen bytes");

static bool is_valid(const sage_cut *cut, int64_t index)
{
    const uint8_t *validity = cut->array->buffers[0];
    return !validity || cut->array->null_count == 0 || validity[index / 8] >> index % 8 & 1;
}

/* The value at `index`, if it is a long one. What stands at a null means nothing. */
static bool load_long(const sage_cut *cut, int64_t index, long_view *view)
{
    memcpy(view, (const uint8_t *)cut->array->buffers[1] + index * SAGE_VIEW_BYTES, sizeof *view);
    return view->length > SAGE_VIEW_INLINE_BYTES && is_valid(cut, index);
}

static int64_t referenced_bytes(const sage_cut *cut)
{
    long_view view;
    int64_t bytes = 0;
    for (int64_t i = cut->start; i < cut->start + cut->count; i++)
        if (load_long(cut, i, &view))
            bytes += view.length;
    return bytes;
}

/* Views of one new buffer with nothing but the long values of the cut. */
static sage_status plan_gathered(sage_columns_plan *plan, const sage_cut *cut, int64_t bytes)
{
    uint8_t *views = sage_plan_rewritten(plan, cut->count * SAGE_VIEW_BYTES), *values = sage_plan_rewritten(plan, bytes);
    if (!views || !values)
        return SAGE_NO_MEMORY;
    int32_t at = 0;
    for (int64_t i = 0; i < cut->count; i++) {
        long_view view;
        if (load_long(cut, cut->start + i, &view)) {
            if (view.buffer < 0 || view.buffer >= cut->array->n_buffers - 3)
                return SAGE_CORRUPT;
            memcpy(values + at, (const uint8_t *)cut->array->buffers[2 + view.buffer] + view.offset, (size_t)view.length);
            view.buffer = 0;
            view.offset = at;
            at += view.length;
        } else if (!is_valid(cut, cut->start + i))
            memset(&view, 0, sizeof view);
        memcpy(views + i * SAGE_VIEW_BYTES, &view, sizeof view);
    }
    sage_status status = sage_plan_copy(plan, views, cut->count * SAGE_VIEW_BYTES);
    return status == SAGE_OK ? sage_plan_copy(plan, values, bytes) : status;
}

/* Long values lie in buffers that many batches may share. Where most of these are of other batches, ours are gathered;
 * values that share bytes with each other can be worth more than all buffers, and are left as they are. */
sage_status sage_plan_view(sage_columns_plan *plan, const sage_cut *cut, int64_t *long_buffers)
{
    int64_t shared = cut->array->n_buffers - 3, shared_bytes = 0;
    const void *sizes = cut->array->buffers[cut->array->n_buffers - 1];
    if ((cut->count && !cut->array->buffers[1]) || (shared && !sizes))
        return SAGE_CORRUPT;
    for (int64_t i = 0; i < shared; i++)
        shared_bytes += sage_load_int(sizes, 64, i);
    int64_t bytes = shared_bytes ? referenced_bytes(cut) : 0;
    if (bytes < shared_bytes / 2 && bytes <= INT32_MAX) {
        *long_buffers = 1;
        return plan_gathered(plan, cut, bytes);
    }
    *long_buffers = shared;
    const uint8_t *views = cut->array->buffers[1];
    sage_status status =
        sage_plan_copy(plan, views ? views + cut->start * SAGE_VIEW_BYTES : NULL, cut->count * SAGE_VIEW_BYTES);
    for (int64_t i = 0; status == SAGE_OK && i < shared; i++)
        status = sage_plan_copy(plan, cut->array->buffers[2 + i], sage_load_int(sizes, 64, i));
    return status;
}
