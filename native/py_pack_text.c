/* Columns of str and bytes: lengths, then the bytes. */
#include "py_packer.h"
#include "py_text.h"

static void put_length(uint8_t *lengths, uint8_t width, Py_ssize_t i, size_t length)
{
    uint8_t length8 = (uint8_t)length;
    uint16_t length16 = (uint16_t)length;
    uint32_t length32 = (uint32_t)length;
    if (width == 1)
        lengths[i] = length8;
    else if (width == 2)
        memcpy(lengths + (size_t)i * 2, &length16, 2);
    else
        memcpy(lengths + (size_t)i * 4, &length32, 4);
}

/* Type, width and room for the lengths; where those start in the buffer is left in *lengths. */
static bool start_lengths(sage_packer *to, uint8_t type, Py_ssize_t count, size_t longest, uint8_t *width, size_t *lengths)
{
    *width = longest <= UINT8_MAX ? 1 : longest <= UINT16_MAX ? 2 : 4;
    size_t bytes = (size_t)count * *width;
    if (!sage_write_tag(to, type) || !sage_write_tag(to, *width) || !sage_buffer_room(&to->out, bytes))
        return false;
    *lengths = to->out.length;
    to->out.length += bytes;
    return true;
}

static sage_outcome write_ascii(sage_packer *to, sage_values values, Py_ssize_t count, size_t longest, size_t total)
{
    uint8_t width;
    size_t lengths;
    if (!start_lengths(to, SAGE_NODE_ASCII, count, longest, &width, &lengths) || !sage_buffer_room(&to->out, total))
        return sage_no_memory();
    for (Py_ssize_t i = 0; i < count; i++) {
        size_t length = (size_t)PyUnicode_GET_LENGTH(values[i]);
        put_length(to->out.bytes + lengths, width, i, length);
        memcpy(to->out.bytes + to->out.length, PyUnicode_DATA(values[i]), length);
        to->out.length += length;
    }
    return SAGE_WRITTEN;
}

static sage_outcome write_utf8(sage_packer *to, sage_values values, Py_ssize_t count, size_t longest)
{
    uint8_t width;
    size_t lengths, node = to->out.length;
    /* In UTF-8 a code point takes at most four bytes. */
    if (!start_lengths(to, SAGE_NODE_UTF8, count, longest * 4, &width, &lengths))
        return sage_no_memory();
    for (Py_ssize_t i = 0; i < count; i++) {
        size_t start = to->out.length;
        sage_text_result result = sage_append_text(&to->out, values[i], false);
        if (result == SAGE_TEXT_NO_MEMORY)
            return sage_no_memory();
        if (result == SAGE_TEXT_SURROGATE) {
            to->out.length = node;
            return SAGE_UNFIT;
        }
        put_length(to->out.bytes + lengths, width, i, to->out.length - start);
    }
    return SAGE_WRITTEN;
}

sage_outcome sage_write_strs(sage_packer *to, sage_values values, Py_ssize_t count)
{
    size_t longest = 0, total = 0;
    bool ascii = true;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (!PyUnicode_CheckExact(values[i]))
            return SAGE_UNFIT;
        size_t length = (size_t)PyUnicode_GET_LENGTH(values[i]);
        longest = length > longest ? length : longest;
        total += length;
        ascii &= PyUnicode_IS_COMPACT_ASCII(values[i]);
    }
    if (longest > UINT32_MAX / 4)
        return SAGE_UNFIT;
    return ascii ? write_ascii(to, values, count, longest, total) : write_utf8(to, values, count, longest);
}

sage_outcome sage_write_bytes(sage_packer *to, sage_values values, Py_ssize_t count)
{
    size_t longest = 0, total = 0, lengths;
    uint8_t width;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (!PyBytes_CheckExact(values[i]))
            return SAGE_UNFIT;
        size_t length = (size_t)PyBytes_GET_SIZE(values[i]);
        longest = length > longest ? length : longest;
        total += length;
    }
    if (longest > UINT32_MAX)
        return SAGE_UNFIT;
    if (!start_lengths(to, SAGE_NODE_BYTES, count, longest, &width, &lengths) || !sage_buffer_room(&to->out, total))
        return sage_no_memory();
    for (Py_ssize_t i = 0; i < count; i++) {
        size_t length = (size_t)PyBytes_GET_SIZE(values[i]);
        put_length(to->out.bytes + lengths, width, i, length);
        memcpy(to->out.bytes + to->out.length, PyBytes_AS_STRING(values[i]), length);
        to->out.length += length;
    }
    return SAGE_WRITTEN;
}
