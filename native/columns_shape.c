#include "columns_shape.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *format;
    sage_layout layout;
    int64_t width;
} known_format;

/* A format that begins with one of these, where it may have parameters, and equals it elsewhere. */
static const known_format KNOWN[] = {
    {"n", SAGE_LAYOUT_NULL, 0},        {"b", SAGE_LAYOUT_FIXED, 1},       {"c", SAGE_LAYOUT_FIXED, 8},
    {"C", SAGE_LAYOUT_FIXED, 8},       {"s", SAGE_LAYOUT_FIXED, 16},      {"S", SAGE_LAYOUT_FIXED, 16},
    {"i", SAGE_LAYOUT_FIXED, 32},      {"I", SAGE_LAYOUT_FIXED, 32},      {"l", SAGE_LAYOUT_FIXED, 64},
    {"L", SAGE_LAYOUT_FIXED, 64},      {"e", SAGE_LAYOUT_FIXED, 16},      {"f", SAGE_LAYOUT_FIXED, 32},
    {"g", SAGE_LAYOUT_FIXED, 64},      {"z", SAGE_LAYOUT_BINARY, 32},     {"u", SAGE_LAYOUT_BINARY, 32},
    {"Z", SAGE_LAYOUT_BINARY, 64},     {"U", SAGE_LAYOUT_BINARY, 64},     {"vz", SAGE_LAYOUT_VIEW, 128},
    {"vu", SAGE_LAYOUT_VIEW, 128},     {"tdD", SAGE_LAYOUT_FIXED, 32},    {"tdm", SAGE_LAYOUT_FIXED, 64},
    {"tts", SAGE_LAYOUT_FIXED, 32},    {"ttm", SAGE_LAYOUT_FIXED, 32},    {"ttu", SAGE_LAYOUT_FIXED, 64},
    {"ttn", SAGE_LAYOUT_FIXED, 64},    {"tss:", SAGE_LAYOUT_FIXED, 64},   {"tsm:", SAGE_LAYOUT_FIXED, 64},
    {"tsu:", SAGE_LAYOUT_FIXED, 64},   {"tsn:", SAGE_LAYOUT_FIXED, 64},   {"tDs", SAGE_LAYOUT_FIXED, 64},
    {"tDm", SAGE_LAYOUT_FIXED, 64},    {"tDu", SAGE_LAYOUT_FIXED, 64},    {"tDn", SAGE_LAYOUT_FIXED, 64},
    {"tiM", SAGE_LAYOUT_FIXED, 32},    {"tiD", SAGE_LAYOUT_FIXED, 64},    {"tin", SAGE_LAYOUT_FIXED, 128},
    {"+l", SAGE_LAYOUT_LIST, 32},      {"+L", SAGE_LAYOUT_LIST, 64},      {"+m", SAGE_LAYOUT_LIST, 32},
    {"+vl", SAGE_LAYOUT_LIST_VIEW, 32}, {"+vL", SAGE_LAYOUT_LIST_VIEW, 64}, {"+s", SAGE_LAYOUT_STRUCT, 0},
    {"+us:", SAGE_LAYOUT_SPARSE_UNION, 8}, {"+ud:", SAGE_LAYOUT_DENSE_UNION, 8}, {"+r", SAGE_LAYOUT_RUN_ENDS, 0},
};

static bool is_known(const char *format, const known_format *known)
{
    size_t length = strlen(known->format);
    return known->format[length - 1] == ':' ? !strncmp(format, known->format, length) : !strcmp(format, known->format);
}

/* "w:BYTES" and "+w:VALUES". */
static bool read_size(const char *format, const char *prefix, int64_t *size)
{
    size_t length = strlen(prefix);
    if (strncmp(format, prefix, length) != 0)
        return false;
    *size = strtoll(format + length, NULL, 10);
    return *size >= 0 && *size <= INT32_MAX;
}

/* "d:PRECISION,SCALE" of 128 bits, or "d:PRECISION,SCALE,BITS". */
static bool read_decimal(const char *format, int64_t *bits)
{
    const char *scale = strchr(format, ',');
    if (strncmp(format, "d:", 2) != 0 || !scale)
        return false;
    const char *width = strchr(scale + 1, ',');
    *bits = width ? strtoll(width + 1, NULL, 10) : 128;
    return *bits == 32 || *bits == 64 || *bits == 128 || *bits == 256;
}

static void read_codes(sage_shape *shape, const char *codes)
{
    memset(shape->child_of, -1, sizeof shape->child_of);
    for (int8_t child = 0; *codes && child >= 0; child++) {
        char *end;
        long code = strtol(codes, &end, 10);
        if (code >= 0 && code < 128)
            shape->child_of[code] = child;
        codes = *end ? end + 1 : end;
    }
}

static sage_status read_format(sage_shape *shape, const char *format)
{
    for (size_t i = 0; i < sizeof KNOWN / sizeof *KNOWN; i++)
        if (is_known(format, &KNOWN[i])) {
            shape->layout = KNOWN[i].layout;
            shape->width = KNOWN[i].width;
            if (shape->layout == SAGE_LAYOUT_SPARSE_UNION || shape->layout == SAGE_LAYOUT_DENSE_UNION)
                read_codes(shape, strchr(format, ':') + 1);
            return SAGE_OK;
        }
    if (read_size(format, "w:", &shape->width)) {
        shape->layout = SAGE_LAYOUT_FIXED;
        shape->width *= 8;
        return SAGE_OK;
    }
    if (read_size(format, "+w:", &shape->width)) {
        shape->layout = SAGE_LAYOUT_FIXED_LIST;
        return SAGE_OK;
    }
    shape->layout = SAGE_LAYOUT_FIXED;
    return read_decimal(format, &shape->width) ? SAGE_OK : SAGE_UNSUPPORTED;
}

static bool has_right_children(const sage_shape *shape)
{
    switch (shape->layout) {
    case SAGE_LAYOUT_LIST:
    case SAGE_LAYOUT_LIST_VIEW:
    case SAGE_LAYOUT_FIXED_LIST:
        return shape->children_count == 1;
    case SAGE_LAYOUT_RUN_ENDS:
        return shape->children_count == 2 && shape->children[0].layout == SAGE_LAYOUT_FIXED;
    case SAGE_LAYOUT_STRUCT:
    case SAGE_LAYOUT_SPARSE_UNION:
    case SAGE_LAYOUT_DENSE_UNION:
        return shape->children_count < INT32_MAX;
    default:
        return shape->children_count == 0;
    }
}

static sage_status make_children(sage_shape *shape, const struct ArrowSchema *schema)
{
    if (schema->n_children > 0) {
        shape->children = calloc((size_t)schema->n_children, sizeof *shape->children);
        if (!shape->children)
            return SAGE_NO_MEMORY;
    }
    for (; shape->children_count < schema->n_children; shape->children_count++) {
        sage_status status = sage_shape_make(&shape->children[shape->children_count],
                                             schema->children[shape->children_count]);
        if (status != SAGE_OK)
            return status;
    }
    if (!schema->dictionary)
        return SAGE_OK;
    shape->dictionary = calloc(1, sizeof *shape->dictionary);
    return shape->dictionary ? sage_shape_make(shape->dictionary, schema->dictionary) : SAGE_NO_MEMORY;
}

sage_status sage_shape_make(sage_shape *shape, const struct ArrowSchema *schema)
{
    memset(shape, 0, sizeof *shape);
    sage_status status = read_format(shape, schema->format);
    if (status == SAGE_OK)
        status = make_children(shape, schema);
    if (status == SAGE_OK && !has_right_children(shape))
        status = SAGE_UNSUPPORTED;
    if (status != SAGE_OK)
        sage_shape_free(shape);
    return status;
}

void sage_shape_free(sage_shape *shape)
{
    for (int64_t i = 0; i < shape->children_count; i++)
        sage_shape_free(&shape->children[i]);
    free(shape->children);
    if (shape->dictionary)
        sage_shape_free(shape->dictionary);
    free(shape->dictionary);
    memset(shape, 0, sizeof *shape);
}

int64_t sage_shape_nodes(const sage_shape *shape)
{
    int64_t nodes = 1;
    for (int64_t i = 0; i < shape->children_count; i++)
        nodes += sage_shape_nodes(&shape->children[i]);
    return shape->dictionary ? nodes + sage_shape_nodes(shape->dictionary) : nodes;
}

int64_t sage_layout_buffers(sage_layout layout)
{
    switch (layout) {
    case SAGE_LAYOUT_NULL:
    case SAGE_LAYOUT_RUN_ENDS:
        return 0;
    case SAGE_LAYOUT_STRUCT:
    case SAGE_LAYOUT_FIXED_LIST:
    case SAGE_LAYOUT_SPARSE_UNION:
        return 1;
    case SAGE_LAYOUT_FIXED:
    case SAGE_LAYOUT_VIEW:
    case SAGE_LAYOUT_LIST:
    case SAGE_LAYOUT_DENSE_UNION:
        return 2;
    case SAGE_LAYOUT_BINARY:
    case SAGE_LAYOUT_LIST_VIEW:
        return 3;
    }
    return 0;
}

bool sage_layout_has_validity(sage_layout layout)
{
    return layout != SAGE_LAYOUT_NULL && layout != SAGE_LAYOUT_RUN_ENDS && layout != SAGE_LAYOUT_SPARSE_UNION &&
           layout != SAGE_LAYOUT_DENSE_UNION;
}
