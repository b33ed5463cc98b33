/* Columns of str and bytes. */
#include "py_unpacker.h"

static PyObject *new_ascii(const uint8_t *bytes, size_t length)
{
    if (length < 2) /* the interpreter's own one-letter strings */
        return PyUnicode_FromStringAndSize((const char *)bytes, (Py_ssize_t)length);
    PyObject *text = PyUnicode_New((Py_ssize_t)length, 127);
    if (text)
        memcpy(PyUnicode_DATA(text), bytes, length);
    return text;
}

PyObject *sage_new_utf8(const uint8_t *bytes, size_t length)
{
    return PyUnicode_DecodeUTF8((const char *)bytes, (Py_ssize_t)length, "strict");
}

static PyObject *new_bytes(const uint8_t *bytes, size_t length)
{
    return PyBytes_FromStringAndSize((const char *)bytes, (Py_ssize_t)length);
}

static inline size_t length_at(const uint8_t *lengths, uint8_t width, Py_ssize_t i)
{
    uint16_t length16;
    uint32_t length32;
    if (width == 1)
        return lengths[i];
    if (width == 2) {
        memcpy(&length16, lengths + (size_t)i * 2, 2);
        return length16;
    }
    memcpy(&length32, lengths + (size_t)i * 4, 4);
    return length32;
}

/* Width and lengths; *total is their sum. */
static const uint8_t *take_lengths(sage_unpacker *from, Py_ssize_t count, uint8_t *width, size_t *total)
{
    const uint8_t *at = sage_take(from, 1, 1);
    if (!at)
        return NULL;
    *width = *at;
    if (*width != 1 && *width != 2 && *width != 4) {
        sage_malformed(from, "lengths are neither 1, 2 nor 4 bytes wide");
        return NULL;
    }
    const uint8_t *lengths = sage_take(from, (size_t)count, *width);
    *total = 0;
    for (Py_ssize_t i = 0; lengths && i < count; i++)
        *total += length_at(lengths, *width, i);
    return lengths;
}

static inline bool read_lengthy(sage_unpacker *from, Py_ssize_t count, PyObject **slots, bool ascii,
                                PyObject *(*make)(const uint8_t *, size_t))
{
    uint8_t width, seen = 0;
    size_t total, before = 0;
    const uint8_t *lengths = take_lengths(from, count, &width, &total);
    const uint8_t *bytes = lengths ? sage_take(from, total, 1) : NULL;
    if (!bytes)
        return false;
    for (size_t i = 0; ascii && i < total; i++)
        seen |= bytes[i];
    if (seen & 0x80)
        return sage_malformed(from, "a byte is not ASCII");
    for (Py_ssize_t i = 0; i < count; i++) {
        size_t length = length_at(lengths, width, i);
        /* Columns such as a status or a country repeat themselves: one object then, as both are immutable. */
        if (i > 0 && length == before && memcmp(bytes - length, bytes, length) == 0)
            slots[i] = Py_NewRef(slots[i - 1]);
        else if (!(slots[i] = make(bytes, length)))
            return false;
        before = length;
        bytes += length;
    }
    return true;
}

bool sage_read_ascii(sage_unpacker *from, Py_ssize_t count, PyObject **slots)
{
    return read_lengthy(from, count, slots, true, new_ascii);
}

bool sage_read_utf8(sage_unpacker *from, Py_ssize_t count, PyObject **slots)
{
    return read_lengthy(from, count, slots, false, sage_new_utf8);
}

bool sage_read_bytes(sage_unpacker *from, Py_ssize_t count, PyObject **slots)
{
    return read_lengthy(from, count, slots, false, new_bytes);
}
