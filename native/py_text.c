#include "py_text.h"

static inline bool is_surrogate(Py_UCS4 point)
{
    return point >= 0xd800 && point <= 0xdfff;
}

/* Returns the end of the encoding of one code point. */
static inline uint8_t *encode(uint8_t *to, Py_UCS4 point)
{
    if (point < 0x80) {
        *to++ = (uint8_t)point;
        return to;
    }
    if (point < 0x800) {
        *to++ = (uint8_t)(0xc0 | point >> 6);
    }
    else {
        if (point < 0x10000) {
            *to++ = (uint8_t)(0xe0 | point >> 12);
        }
        else {
            *to++ = (uint8_t)(0xf0 | point >> 18);
            *to++ = (uint8_t)(0x80 | (point >> 12 & 0x3f));
        }
        *to++ = (uint8_t)(0x80 | (point >> 6 & 0x3f));
    }
    *to++ = (uint8_t)(0x80 | (point & 0x3f));
    return to;
}

sage_text_result sage_append_wide_text(sage_buffer *buffer, PyObject *text, bool surrogates)
{
    int kind = (int)PyUnicode_KIND(text);
    const void *data = PyUnicode_DATA(text);
    size_t length = (size_t)PyUnicode_GET_LENGTH(text);
    /* At most 2, 3 and 4 bytes for each code point of the kinds with 1, 2 and 4. */
    size_t widest = kind == PyUnicode_1BYTE_KIND ? 2 : kind == PyUnicode_2BYTE_KIND ? 3 : 4;
    if (length > (size_t)PTRDIFF_MAX / widest)
        return SAGE_TEXT_NO_MEMORY;
    uint8_t *start = sage_buffer_room(buffer, length * widest);
    if (!start)
        return SAGE_TEXT_NO_MEMORY;
    uint8_t *to = start;
    for (size_t i = 0; i < length; i++) {
        Py_UCS4 point = PyUnicode_READ(kind, data, (Py_ssize_t)i);
        if (!surrogates && is_surrogate(point))
            return SAGE_TEXT_SURROGATE;
        to = encode(to, point);
    }
    buffer->length += (size_t)(to - start);
    return SAGE_TEXT_DONE;
}
