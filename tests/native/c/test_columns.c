/* Record batches: written and read back, with every byte damaged, and through ring and arena. For the address and
 * undefined-behaviour sanitizers; that every type survives is tested with Arrow itself. */
#include <string.h>

#include "channel.h"
#include "check.h"

enum { ROWS = 40 };

static struct ArrowSchema *schema(const char *format, int64_t count, struct ArrowSchema **children,
                                  struct ArrowSchema *dictionary)
{
    struct ArrowSchema *made = calloc(1, sizeof *made);
    *made = (struct ArrowSchema){
        .format = format, .n_children = count, .children = children, .dictionary = dictionary};
    return made;
}

static struct ArrowArray *array(int64_t length, int64_t nulls, int64_t buffers_count, const void **buffers,
                                int64_t count, struct ArrowArray **children)
{
    struct ArrowArray *made = calloc(1, sizeof *made);
    *made = (struct ArrowArray){.length = length,
                                .null_count = nulls,
                                .n_buffers = buffers_count,
                                .buffers = buffers,
                                .n_children = count,
                                .children = children};
    return made;
}

enum { COLUMNS = 8 };

/* Numbers with nulls, texts, lists of booleans, a dictionary, views, a dense union, run ends and fixed lists. */
typedef struct {
    int64_t numbers[ROWS];
    uint8_t bits[ROWS];
    int32_t offsets[ROWS + 1];
    char letters[2 * ROWS];
    int8_t codes[ROWS];
    int32_t places[ROWS];
    int32_t ends[2];
    struct {
        int32_t length;
        char text[12];
    } short_views[ROWS - 1], long_view;
    int64_t sizes[1];
    const void *lists[16][4];
    struct ArrowArray *inner[4];
    struct ArrowArray *columns[COLUMNS];
    struct ArrowArray *root;
    struct ArrowSchema *types[COLUMNS + 6];
    struct ArrowSchema *type;
} sample;

static const void **buffers(sample *of, int place, const void *first, const void *second, const void *third,
                            const void *fourth)
{
    const void *given[4] = {first, second, third, fourth};
    memcpy(of->lists[place], given, sizeof given);
    return of->lists[place];
}

static void fill(sample *of)
{
    memset(of, 0, sizeof *of);
    for (int i = 0; i < ROWS; i++) {
        of->numbers[i] = i * 1000;
        of->bits[i] = 0x5a;
        of->offsets[i + 1] = 2 * (i + 1);
        of->codes[i] = i % 2 ? 5 : 7;
        of->places[i] = i / 2;
    }
    memset(of->letters, 'x', sizeof of->letters);
    of->ends[0] = 17;
    of->ends[1] = ROWS;
    int32_t first_long[4] = {30, 0, 0, 3};
    memcpy(&of->long_view, first_long, sizeof first_long);
    of->sizes[0] = sizeof of->letters;
}

static sample *new_sample(void)
{
    sample *of = malloc(sizeof *of);
    fill(of);
    struct ArrowArray **in = of->columns;
    in[0] = array(ROWS, -1, 2, buffers(of, 0, of->bits, of->numbers, 0, 0), 0, NULL);
    in[1] = array(ROWS, 0, 3, buffers(of, 1, 0, of->offsets, of->letters, 0), 0, NULL);
    of->inner[0] = array(2 * ROWS, 0, 2, buffers(of, 2, 0, of->bits, 0, 0), 0, NULL);
    in[2] = array(ROWS, -1, 2, buffers(of, 3, of->bits, of->offsets, 0, 0), 1, &of->inner[0]);
    in[3] = array(ROWS, 0, 2, buffers(of, 4, 0, of->bits, 0, 0), 0, NULL);
    in[3]->dictionary = array(ROWS, 0, 3, buffers(of, 5, 0, of->offsets, of->letters, 0), 0, NULL);
    in[4] = array(ROWS, 0, 4, buffers(of, 6, 0, of->short_views, of->letters, of->sizes), 0, NULL);
    of->inner[1] = array(ROWS, 0, 2, buffers(of, 7, 0, of->numbers, 0, 0), 0, NULL);
    struct ArrowArray **both = calloc(2, sizeof *both);
    both[0] = in[0], both[1] = of->inner[1];
    in[5] = array(ROWS, 0, 2, buffers(of, 8, of->codes, of->places, 0, 0), 2, both);
    in[6] = array(ROWS, 0, 0, NULL, 2, &of->inner[2]);
    of->inner[2] = array(2, 0, 2, buffers(of, 9, 0, of->ends, 0, 0), 0, NULL);
    of->inner[3] = array(2, 0, 2, buffers(of, 10, 0, of->numbers, 0, 0), 0, NULL);
    in[7] = array(ROWS / 2, 0, 1, buffers(of, 11, 0, 0, 0, 0), 1, &of->inner[1]);
    in[7]->length = ROWS / 2;
    of->root = array(ROWS / 2, 0, 1, buffers(of, 12, 0, 0, 0, 0), COLUMNS, of->columns);
    struct ArrowSchema **out = of->types;
    out[0] = schema("l", 0, NULL, NULL);
    out[1] = schema("u", 0, NULL, NULL);
    out[8] = schema("b", 0, NULL, NULL);
    out[2] = schema("+l", 1, &out[8], NULL);
    out[3] = schema("C", 0, NULL, out[1]);
    out[4] = schema("vu", 0, NULL, NULL);
    out[9] = out[0], out[10] = out[0];
    out[5] = schema("+ud:7,5", 2, &out[9], NULL);
    out[11] = schema("i", 0, NULL, NULL), out[12] = out[0];
    out[6] = schema("+r", 2, &out[11], NULL);
    out[7] = schema("+w:2", 1, &out[0], NULL);
    of->type = schema("+s", COLUMNS, out, NULL);
    return of;
}

static void free_sample(sample *of)
{
    free(of->columns[3]->dictionary);
    free(of->columns[5]->children);
    for (int i = 0; i < COLUMNS; i++)
        free(of->columns[i]), free(of->types[i]);
    for (int i = 0; i < 4; i++)
        free(of->inner[i]);
    free(of->types[8]), free(of->types[11]), free(of->type), free(of->root), free(of);
}

static void forget(void *of)
{
    ++*(int *)of;
}

/* Sums the first and last byte of all that an array is entitled to look at by its own lengths. */
static uint64_t look(const sage_shape *shape, const struct ArrowArray *at)
{
    uint64_t sum = 0;
    int64_t count = at->length + at->offset;
    bool has_validity = sage_layout_has_validity(shape->layout) && at->buffers[0];
    if (has_validity && count)
        sum += ((const uint8_t *)at->buffers[0])[(count - 1) / 8];
    if (shape->layout == SAGE_LAYOUT_FIXED && count)
        sum += ((const uint8_t *)at->buffers[1])[(count * shape->width - 1) / 8];
    if (shape->layout == SAGE_LAYOUT_BINARY) {
        int64_t end = sage_load_int(at->buffers[1], shape->width, count);
        sum += end ? ((const uint8_t *)at->buffers[2])[end - 1] : 0;
    }
    for (int64_t i = 0; i < shape->children_count; i++)
        sum += look(&shape->children[i], at->children[i]);
    return shape->dictionary ? sum + look(shape->dictionary, at->dictionary) : sum;
}

static uint8_t *written(sage_columns_plan *plan, uint64_t piece)
{
    uint8_t *bytes = aligned_alloc(SAGE_CACHE_LINE, plan->bytes);
    memset(bytes, 0, plan->bytes);
    for (uint64_t start = 0; start < plan->bytes; start += piece) {
        uint64_t stop = start + piece < plan->bytes ? start + piece : plan->bytes;
        sage_columns_write(plan, start, stop, bytes + start);
    }
    return bytes;
}

static void pieces_of_any_size_make_the_same_bytes(void)
{
    sample *of = new_sample();
    sage_shape shape;
    sage_columns_plan plan = {0};
    CHECK(sage_shape_make(&shape, of->type) == SAGE_OK);
    for (int64_t offset = 0; offset < 4; offset++) {
        of->columns[1]->offset = of->columns[2]->offset = of->columns[6]->offset = offset;
        for (int i = 1; i < 7; i++)
            of->columns[i]->length = ROWS - of->columns[i]->offset;
        CHECK(sage_columns_plan_make(&plan, &shape, of->root, (const uint8_t *)"schema", 6) == SAGE_OK);
        uint8_t *whole = written(&plan, plan.bytes);
        for (uint64_t piece = SAGE_CACHE_LINE; piece < plan.bytes; piece += SAGE_CACHE_LINE) {
            plan.next_part = 0;
            uint8_t *again = written(&plan, piece);
            CHECK(memcmp(whole, again, plan.bytes) == 0);
            free(again);
        }
        free(whole);
    }
    sage_columns_plan_free(&plan);
    sage_shape_free(&shape);
    free_sample(of);
}

static void damage_is_noticed_or_harmless(void)
{
    static const uint8_t bytes_to_try[] = {0, 1, 7, 64, 127, 128, 255};
    sample *of = new_sample();
    sage_shape shape;
    sage_columns_plan plan = {0};
    uint64_t sum = 0;
    int given = 0, freed = 0;
    CHECK(sage_shape_make(&shape, of->type) == SAGE_OK);
    CHECK(sage_columns_plan_make(&plan, &shape, of->root, NULL, 0) == SAGE_OK);
    uint8_t *bytes = written(&plan, plan.bytes);
    for (uint64_t at = 0; at < plan.bytes; at++)
        for (size_t i = 0; i < sizeof bytes_to_try; i++) {
            struct ArrowArray found = {0};
            uint8_t before = bytes[at];
            bytes[at] = bytes_to_try[i];
            if (sage_columns_check(bytes, plan.bytes) == SAGE_OK &&
                sage_columns_read(&shape, bytes, (sage_owner){forget, &freed}, &found) == SAGE_OK) {
                given++;
                sum += look(&shape, &found);
                found.release(&found);
            }
            CHECK(found.release == NULL);
            bytes[at] = before;
        }
    for (uint64_t length = 0; length < plan.bytes; length++)
        CHECK(sage_columns_check(bytes, length) == SAGE_CORRUPT);
    CHECK(given > 0 && given == freed && sum == sum);
    free(bytes);
    sage_columns_plan_free(&plan);
    sage_shape_free(&shape);
    free_sample(of);
}

/* A column of texts, and a reader that takes it for one of numbers: a buffer is left over. */
static void a_batch_with_more_buffers_than_its_shape_leaves_no_array(void)
{
    static const int32_t offsets[2] = {0, 1};
    const void *of_texts[3] = {NULL, offsets, "a"}, *of_root[1] = {NULL};
    struct ArrowArray texts = {.length = 1, .n_buffers = 3, .buffers = of_texts}, *columns[1] = {&texts}, found = {0};
    struct ArrowArray root = {.length = 1, .n_buffers = 1, .buffers = of_root, .n_children = 1, .children = columns};
    struct ArrowSchema text = {.format = "u"}, number = {.format = "i"}, *written_as[1] = {&text}, *read_as[1] = {&number};
    struct ArrowSchema sent = {.format = "+s", .n_children = 1, .children = written_as};
    struct ArrowSchema taken = {.format = "+s", .n_children = 1, .children = read_as};
    sage_shape shape, other;
    sage_columns_plan plan = {0};
    int freed = 0;
    CHECK(sage_shape_make(&shape, &sent) == SAGE_OK && sage_shape_make(&other, &taken) == SAGE_OK);
    CHECK(sage_columns_plan_make(&plan, &shape, &root, NULL, 0) == SAGE_OK);
    uint8_t *bytes = written(&plan, plan.bytes);
    CHECK(sage_columns_read(&other, bytes, (sage_owner){forget, &freed}, &found) == SAGE_CORRUPT);
    CHECK(found.release == NULL && freed == 0);
    free(bytes);
    sage_columns_plan_free(&plan);
    sage_shape_free(&shape);
    sage_shape_free(&other);
}

static void a_child_that_was_moved_away_outlives_its_parent(void)
{
    sample *of = new_sample();
    sage_shape shape;
    sage_columns_plan plan = {0};
    struct ArrowArray found, child;
    int freed = 0;
    CHECK(sage_shape_make(&shape, of->type) == SAGE_OK);
    CHECK(sage_columns_plan_make(&plan, &shape, of->root, NULL, 0) == SAGE_OK);
    uint8_t *bytes = written(&plan, plan.bytes);
    CHECK(sage_columns_read(&shape, bytes, (sage_owner){forget, &freed}, &found) == SAGE_OK);
    child = *found.children[2];
    found.children[2]->release = NULL;
    found.release(&found);
    CHECK(found.release == NULL && freed == 0);
    CHECK(((const int32_t *)child.buffers[1])[1] == 2);
    child.release(&child);
    CHECK(freed == 1);
    free(bytes);
    sage_columns_plan_free(&plan);
    sage_shape_free(&shape);
    free_sample(of);
}

/* Everything that is there; returns whether a batch is whole. */
static bool take(channel *from, sage_intake *intake)
{
    sage_record record;
    while (sage_ring_peek(&from->reader, &record) == SAGE_OK) {
        sage_status status = sage_intake_take(intake, &record, &from->leases, from->segment.mapping);
        sage_ring_release(&from->reader, 0);
        if (status == SAGE_OK)
            return true;
        CHECK(status == SAGE_EMPTY);
    }
    return false;
}

/* `most` batches are kept, of which some are leased where the arena is large enough. */
static void batches_pass_and_what_is_leased_is_given_back(uint64_t arena, size_t most)
{
    sample *of = new_sample();
    channel *by = new_channel(arena);
    sage_shape shape;
    sage_columns_plan plan = {0};
    sage_intake intake = {0};
    struct ArrowArray kept[200];
    CHECK(sage_shape_make(&shape, of->type) == SAGE_OK);
    for (size_t i = 0; i < 200; i++) {
        uint64_t sent = 0;
        sage_status status;
        static const uint8_t told[SAGE_WORTH_A_LEASE_BYTES];
        CHECK(sage_columns_plan_make(&plan, &shape, of->root, told, sizeof told) == SAGE_OK);
        do {
            status = sage_columns_send(&plan, &by->writer, &by->arena, 0, &sent);
            CHECK(status == SAGE_OK || status == SAGE_FULL);
        } while (!take(by, &intake));
        CHECK(status == SAGE_OK);
        CHECK(sage_intake_move(&intake, &shape, &kept[i]) == SAGE_OK);
        CHECK(((const int64_t *)kept[i].children[0]->buffers[1])[3] == 3000);
        if (i >= most)
            kept[i - most].release(&kept[i - most]);
    }
    if (arena > CAPACITY)
        CHECK(sage_load_relaxed(&by->arena.header->given_back) != by->arena.taken);
    sage_segment_close(&by->segment);
    for (size_t i = 200 - most; i < 200; i++) {
        CHECK(((const int64_t *)kept[i].children[0]->buffers[1])[3] == 3000);
        kept[i].release(&kept[i]);
    }
    sage_intake_give_up(&intake);
    sage_columns_plan_free(&plan);
    sage_shape_free(&shape);
    free(by);
    free_sample(of);
}

static void what_is_no_schema_of_ours_is_refused(void)
{
    static const char *const formats[] = {"", "?", "d:", "d:9,2,7", "w:", "w:-1", "+w:99999999999", "+l", "+r", "+x"};
    sage_shape shape;
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        struct ArrowSchema *made = schema(formats[i], 0, NULL, NULL);
        sage_status status = sage_shape_make(&shape, made);
        CHECK(status == SAGE_UNSUPPORTED || !strcmp(formats[i], "w:"));
        sage_shape_free(&shape);
        free(made);
    }
}

int main(void)
{
    pieces_of_any_size_make_the_same_bytes();
    damage_is_noticed_or_harmless();
    a_batch_with_more_buffers_than_its_shape_leaves_no_array();
    a_child_that_was_moved_away_outlives_its_parent();
    batches_pass_and_what_is_leased_is_given_back(0, 3);
    batches_pass_and_what_is_leased_is_given_back(1 << 16, 3);
    batches_pass_and_what_is_leased_is_given_back(1 << 16, 100);
    batches_pass_and_what_is_leased_is_given_back(4096, 1);
    what_is_no_schema_of_ours_is_refused();
    return 0;
}
