/* Columns of None, bool, int and float. */
#include "py_packer.h"

sage_outcome sage_write_none(sage_packer *to, sage_values values, Py_ssize_t count)
{
    for (Py_ssize_t i = 0; i < count; i++)
        if (values[i] != Py_None)
            return SAGE_UNFIT;
    return sage_write_tag(to, SAGE_NODE_NONE) && sage_write_filler(to, count) ? SAGE_WRITTEN : sage_no_memory();
}

sage_outcome sage_write_bools(sage_packer *to, sage_values values, Py_ssize_t count)
{
    uint8_t *room = sage_buffer_room(&to->out, (size_t)count + 1);
    if (!room)
        return sage_no_memory();
    *room++ = SAGE_NODE_BOOL;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (!PyBool_Check(values[i]))
            return SAGE_UNFIT;
        room[i] = values[i] == Py_True;
    }
    to->out.length += (size_t)count + 1;
    return SAGE_WRITTEN;
}

/* Numbers lie where they were written as int64; narrower ones end up before where the next is read. */
#define NARROW(type)                                                                                                   \
    for (Py_ssize_t i = 0; i < count; i++) {                                                                           \
        int64_t wide;                                                                                                  \
        memcpy(&wide, numbers + (size_t)i * 8, 8);                                                                     \
        type narrow = (type)wide;                                                                                      \
        memcpy(numbers + (size_t)i * sizeof narrow, &narrow, sizeof narrow);                                           \
    }

/* Returns the width in bytes, given all bits in which any number differs from its sign. */
static size_t narrow(uint8_t *numbers, Py_ssize_t count, uint64_t used_bits)
{
    if (used_bits < UINT64_C(1) << 7) {
        NARROW(int8_t)
        return 1;
    }
    if (used_bits < UINT64_C(1) << 15) {
        NARROW(int16_t)
        return 2;
    }
    if (used_bits < UINT64_C(1) << 31) {
        NARROW(int32_t)
        return 4;
    }
    return 8;
}

sage_outcome sage_write_ints(sage_packer *to, sage_values values, Py_ssize_t count)
{
    uint8_t *node = sage_buffer_room(&to->out, (size_t)count * 8 + 1);
    uint64_t used_bits = 0;
    if (!node)
        return sage_no_memory();
    for (Py_ssize_t i = 0; i < count; i++) {
        int overflow;
        if (!PyLong_CheckExact(values[i]))
            return SAGE_UNFIT;
        int64_t number = PyLong_AsLongLongAndOverflow(values[i], &overflow);
        if (overflow)
            return SAGE_UNFIT;
        used_bits |= (uint64_t)(number ^ (number >> 63));
        memcpy(node + 1 + (size_t)i * 8, &number, 8);
    }
    size_t width = narrow(node + 1, count, used_bits);
    node[0] = width == 1 ? SAGE_NODE_INT8 : width == 2 ? SAGE_NODE_INT16 : width == 4 ? SAGE_NODE_INT32 : SAGE_NODE_INT64;
    to->out.length += 1 + (size_t)count * width;
    return SAGE_WRITTEN;
}

sage_outcome sage_write_floats(sage_packer *to, sage_values values, Py_ssize_t count)
{
    uint8_t *room = sage_buffer_room(&to->out, (size_t)count * 8 + 1);
    if (!room)
        return sage_no_memory();
    *room++ = SAGE_NODE_FLOAT;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (!PyFloat_CheckExact(values[i]))
            return SAGE_UNFIT;
        double number = PyFloat_AS_DOUBLE(values[i]);
        memcpy(room + (size_t)i * 8, &number, 8);
    }
    to->out.length += (size_t)count * 8 + 1;
    return SAGE_WRITTEN;
}
