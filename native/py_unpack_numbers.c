/* Columns of None, bool, int and float. */
#include "py_unpacker.h"

bool sage_read_none(sage_unpacker *from, Py_ssize_t count, PyObject **slots)
{
    if (!sage_take_filler(from, count))
        return false;
    for (Py_ssize_t i = 0; i < count; i++)
        slots[i] = Py_NewRef(Py_None);
    return true;
}

bool sage_read_bools(sage_unpacker *from, Py_ssize_t count, PyObject **slots)
{
    const uint8_t *bytes = sage_take(from, (size_t)count, 1);
    if (!bytes)
        return false;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (bytes[i] > 1)
            return sage_malformed(from, "a bool is neither 0 nor 1");
        slots[i] = Py_NewRef(bytes[i] ? Py_True : Py_False);
    }
    return true;
}

#define READ_INTS(type)                                                                                                \
    {                                                                                                                  \
        const uint8_t *numbers = sage_take(from, (size_t)count, sizeof(type));                                              \
        if (!numbers)                                                                                                  \
            return false;                                                                                              \
        for (Py_ssize_t i = 0; i < count; i++) {                                                                       \
            type number;                                                                                               \
            memcpy(&number, numbers + (size_t)i * sizeof number, sizeof number);                                       \
            if (!(slots[i] = PyLong_FromLongLong(number)))                                                             \
                return false;                                                                                          \
        }                                                                                                              \
        return true;                                                                                                   \
    }

bool sage_read_int8(sage_unpacker *from, Py_ssize_t count, PyObject **slots) READ_INTS(int8_t)
bool sage_read_int16(sage_unpacker *from, Py_ssize_t count, PyObject **slots) READ_INTS(int16_t)
bool sage_read_int32(sage_unpacker *from, Py_ssize_t count, PyObject **slots) READ_INTS(int32_t)
bool sage_read_int64(sage_unpacker *from, Py_ssize_t count, PyObject **slots) READ_INTS(int64_t)

bool sage_read_floats(sage_unpacker *from, Py_ssize_t count, PyObject **slots)
{
    const uint8_t *numbers = sage_take(from, (size_t)count, 8);
    if (!numbers)
        return false;
    for (Py_ssize_t i = 0; i < count; i++) {
        double number;
        memcpy(&number, numbers + (size_t)i * 8, 8);
        if (!(slots[i] = PyFloat_FromDouble(number)))
            return false;
    }
    return true;
}
