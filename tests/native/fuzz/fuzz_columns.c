/* Batches of columns of any schema whose every byte may be anything: what is accepted must lie within its bytes.
 *
 *     input   schema · batch
 *     schema  length of the format u8 · format · children u8 · dictionary u8 (bit 0: has one) · those schemas */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "columns_plan.h"
#include "columns_read.h"

enum { MAX_DEPTH = 8, MAX_CHILDREN = 4 };

typedef struct {
    const uint8_t *at;
    size_t left;
} input;

static void check(bool holds)
{
    if (!holds)
        abort();
}

static uint8_t take_u8(input *from)
{
    if (from->left == 0)
        return 0;
    from->left--;
    return *from->at++;
}

static void free_schema(struct ArrowSchema *schema)
{
    for (int64_t i = 0; i < schema->n_children; i++)
        free_schema(schema->children[i]);
    if (schema->dictionary)
        free_schema(schema->dictionary);
    free(schema->children);
    free(schema->private_data);
    free(schema);
}

static struct ArrowSchema *take_schema(input *from, int depth)
{
    struct ArrowSchema *schema = calloc(1, sizeof *schema);
    size_t length = take_u8(from);
    length = length < from->left ? length : from->left;
    char *format = calloc(1, length + 1);
    memcpy(format, from->at, length);
    from->at += length;
    from->left -= length;
    schema->format = schema->private_data = format;
    uint8_t children = take_u8(from) % (MAX_CHILDREN + 1);
    bool has_dictionary = take_u8(from) & 1;
    schema->children = calloc(MAX_CHILDREN, sizeof(struct ArrowSchema *));
    while (depth < MAX_DEPTH && schema->n_children < children)
        schema->children[schema->n_children++] = take_schema(from, depth + 1);
    if (depth < MAX_DEPTH && has_dictionary)
        schema->dictionary = take_schema(from, depth + 1);
    return schema;
}

static volatile uint8_t sink; /* what is read must be read */

static void look_at(const void *buffer, int64_t bytes)
{
    for (int64_t i = 0; i < bytes; i++)
        sink ^= ((const uint8_t *)buffer)[i];
}

static int64_t last_offset(const sage_shape *shape, const struct ArrowArray *array)
{
    return sage_load_int(array->buffers[shape->layout == SAGE_LAYOUT_LIST || shape->layout == SAGE_LAYOUT_BINARY],
                         shape->width, array->length + array->offset);
}

static void look_at_long_values(const struct ArrowArray *array)
{
    const int64_t *sizes = array->buffers[array->n_buffers - 1];
    for (int64_t i = 2; i < array->n_buffers - 1; i++)
        look_at(array->buffers[i], sizes[i - 2]);
}

/* How many values each child has at least. */
static int64_t look_at_values(const sage_shape *shape, const struct ArrowArray *array)
{
    int64_t count = array->length + array->offset, each = shape->width / 8;
    switch (shape->layout) {
    case SAGE_LAYOUT_NULL:
        return 0;
    case SAGE_LAYOUT_FIXED:
        look_at(array->buffers[1], (count * shape->width + 7) / 8);
        return 0;
    case SAGE_LAYOUT_BINARY:
        look_at(array->buffers[1], (count + 1) * each);
        look_at(array->buffers[2], last_offset(shape, array));
        return 0;
    case SAGE_LAYOUT_VIEW:
        look_at(array->buffers[1], count * SAGE_VIEW_BYTES);
        look_at_long_values(array);
        return 0;
    case SAGE_LAYOUT_LIST:
        look_at(array->buffers[1], (count + 1) * each);
        return last_offset(shape, array);
    case SAGE_LAYOUT_LIST_VIEW:
        look_at(array->buffers[1], count * each);
        look_at(array->buffers[2], count * each);
        return 0;
    case SAGE_LAYOUT_FIXED_LIST:
        return count * shape->width;
    case SAGE_LAYOUT_STRUCT:
        return count;
    case SAGE_LAYOUT_SPARSE_UNION:
        look_at(array->buffers[0], count);
        return count;
    case SAGE_LAYOUT_DENSE_UNION:
        look_at(array->buffers[0], count);
        look_at(array->buffers[1], count * 4);
        return 0;
    case SAGE_LAYOUT_RUN_ENDS:
        return array->length != 0;
    }
    return 0;
}

static void look_at_array(const sage_shape *shape, const struct ArrowArray *array)
{
    if (sage_layout_has_validity(shape->layout) && array->buffers[0])
        look_at(array->buffers[0], (array->length + array->offset + 7) / 8);
    int64_t least = look_at_values(shape, array);
    check(array->n_children == shape->children_count);
    for (int64_t i = 0; i < array->n_children; i++) {
        check(array->children[i]->length >= least);
        look_at_array(&shape->children[i], array->children[i]);
    }
    check((array->dictionary != NULL) == (shape->dictionary != NULL));
    if (array->dictionary)
        look_at_array(shape->dictionary, array->dictionary);
}

static void count_release(void *of)
{
    ++*(int *)of;
}

static void read_batch(const sage_shape *shape, const uint8_t *bytes, uint64_t length)
{
    int released = 0;
    struct ArrowArray array;
    if (sage_columns_check(bytes, length) != SAGE_OK)
        return;
    if (sage_columns_read(shape, bytes, (sage_owner){count_release, &released}, &array) != SAGE_OK) {
        check(released == 0);
        return;
    }
    look_at_array(shape, &array);
    array.release(&array);
    check(released == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input from = {data, size};
    sage_shape shape;
    struct ArrowSchema *schema = take_schema(&from, 0);
    if (sage_shape_make(&shape, schema) == SAGE_OK) {
        uint8_t *bytes = NULL; /* as large as the batch, so that the sanitizer sees where it ends */
        check(posix_memalign((void **)&bytes, SAGE_CACHE_LINE, from.left + 1) == 0);
        memcpy(bytes, from.at, from.left);
        read_batch(&shape, bytes, from.left);
        free(bytes);
        sage_shape_free(&shape);
    }
    free_schema(schema);
    return 0;
}
