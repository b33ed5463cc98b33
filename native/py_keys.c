#include "py_module.h"

#include <math.h>

#include "py_keys.h"
#include "py_text.h"

static bool append_tagged(sage_buffer *buffer, uint8_t tag, const void *bytes, size_t length)
{
    uint8_t *room = sage_buffer_room(buffer, length + 1);
    if (!room) {
        PyErr_NoMemory();
        return false;
    }
    room[0] = tag;
    if (length)
        memcpy(room + 1, bytes, length);
    buffer->length += length + 1;
    return true;
}

static bool append_counted(sage_buffer *buffer, uint8_t tag, size_t count)
{
    if (count > UINT32_MAX) {
        PyErr_Format(PyExc_ValueError, "a key of %zu items or bytes is too long", count);
        return false;
    }
    uint32_t count32 = (uint32_t)count;
    return append_tagged(buffer, tag, &count32, sizeof count32);
}

static bool append_raw(sage_buffer *buffer, const void *bytes, size_t length)
{
    if (sage_buffer_append(buffer, bytes, length))
        return true;
    PyErr_NoMemory();
    return false;
}

static bool append_int64(sage_buffer *buffer, long long value)
{
    int64_t wide = value;
    return append_tagged(buffer, SAGE_KEY_INT, &wide, sizeof wide);
}

static bool append_big(sage_buffer *buffer, PyObject *key)
{
    PyObject *text = PyNumber_ToBase(key, 16);
    if (!text)
        return false;
    size_t length = (size_t)PyUnicode_GET_LENGTH(text);
    bool done = append_counted(buffer, SAGE_KEY_BIG, length) && append_raw(buffer, PyUnicode_DATA(text), length);
    Py_DECREF(text);
    return done;
}

static bool append_int(sage_buffer *buffer, PyObject *key)
{
    int overflow;
    long long value = PyLong_AsLongLongAndOverflow(key, &overflow);
    return overflow ? append_big(buffer, key) : append_int64(buffer, value);
}

static bool append_float(sage_buffer *buffer, double value)
{
    if (isnan(value)) {
        PyErr_SetString(PyExc_ValueError, "NaN can not be a key: it is not equal to itself");
        return false;
    }
    if (isinf(value) || value != floor(value))
        return append_tagged(buffer, SAGE_KEY_FLOAT, &value, sizeof value);
    if (value >= -0x1p63 && value < 0x1p63)
        return append_int64(buffer, (long long)value);
    PyObject *whole = PyLong_FromDouble(value);
    bool done = whole && append_big(buffer, whole);
    Py_XDECREF(whole);
    return done;
}

static bool append_str(sage_buffer *buffer, PyObject *key)
{
    size_t start = buffer->length;
    if (!append_counted(buffer, SAGE_KEY_STR, 0))
        return false;
    if (sage_append_text(buffer, key, true) != SAGE_TEXT_DONE) {
        PyErr_NoMemory();
        return false;
    }
    size_t length = buffer->length - start - 5;
    if (length > UINT32_MAX) {
        PyErr_Format(PyExc_ValueError, "a key of %zu bytes is too long", length);
        return false;
    }
    uint32_t length32 = (uint32_t)length;
    memcpy(buffer->bytes + start + 1, &length32, sizeof length32);
    return true;
}

static bool append_bytes(sage_buffer *buffer, PyObject *key)
{
    size_t length = (size_t)PyBytes_GET_SIZE(key);
    return append_counted(buffer, SAGE_KEY_BYTES, length) && append_raw(buffer, PyBytes_AS_STRING(key), length);
}

static bool append_tuple(sage_buffer *buffer, PyObject *key, PyObject *other)
{
    Py_ssize_t count = PyTuple_GET_SIZE(key);
    bool done = append_counted(buffer, SAGE_KEY_TUPLE, (size_t)count);
    if (!done || Py_EnterRecursiveCall(" in a key"))
        return false;
    for (Py_ssize_t i = 0; done && i < count; i++)
        done = sage_append_key(buffer, PyTuple_GET_ITEM(key, i), other);
    Py_LeaveRecursiveCall();
    return done;
}

static bool append_other(sage_buffer *buffer, PyObject *key, PyObject *other)
{
    PyObject *bytes = PyObject_CallOneArg(other, key);
    if (!bytes)
        return false;
    bool done = false;
    if (PyBytes_Check(bytes))
        done = append_raw(buffer, PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes));
    else
        PyErr_Format(PyExc_TypeError, "other() must return bytes, found %s", Py_TYPE(bytes)->tp_name);
    Py_DECREF(bytes);
    return done;
}

bool sage_append_key(sage_buffer *buffer, PyObject *key, PyObject *other)
{
    if (PyUnicode_CheckExact(key))
        return append_str(buffer, key);
    if (PyLong_CheckExact(key) || PyBool_Check(key))
        return append_int(buffer, key);
    if (PyTuple_CheckExact(key))
        return append_tuple(buffer, key, other);
    if (PyFloat_CheckExact(key))
        return append_float(buffer, PyFloat_AS_DOUBLE(key));
    if (PyBytes_CheckExact(key))
        return append_bytes(buffer, key);
    if (key == Py_None)
        return append_tagged(buffer, SAGE_KEY_NONE, NULL, 0);
    return append_other(buffer, key, other);
}

/* The two commonest kinds of keys are hashed without being written: what was just stored in pieces can not be loaded as
 * a word before the stores have left the core, which costs as much as the hash itself. */

/* Of what append_int64 writes. */
static inline uint64_t hash_int64(int64_t value)
{
    uint64_t bits = (uint64_t)value;
    uint8_t last = (uint8_t)(bits >> 56);
    return sage_hash_finish(sage_hash_word(sage_hash_start(9), SAGE_KEY_INT | bits << 8), &last, 1);
}

enum { TEXT_HEAD = 5, TEXT_IN_FIRST_WORD = 3, SHORTEST_TEXT = TEXT_IN_FIRST_WORD, LONGEST_TEXT = 31 - TEXT_HEAD };

/* Of what append_str writes for ASCII of SHORTEST_TEXT to LONGEST_TEXT characters. */
static inline uint64_t hash_text(const uint8_t *text, size_t length)
{
    uint64_t start = text[0] | (uint64_t)text[1] << 8 | (uint64_t)text[2] << 16;
    uint64_t first = SAGE_KEY_STR | (uint64_t)length << 8 | start << 8 * TEXT_HEAD;
    return sage_hash_finish(sage_hash_word(sage_hash_start(TEXT_HEAD + length), first), text + TEXT_IN_FIRST_WORD,
                            length - TEXT_IN_FIRST_WORD);
}

/* False where the key has to be written first. */
static inline bool hash_directly(PyObject *key, uint64_t *hash)
{
    if (PyUnicode_CheckExact(key) && PyUnicode_IS_COMPACT_ASCII(key)) {
        size_t length = (size_t)PyUnicode_GET_LENGTH(key);
        if (length < SHORTEST_TEXT || length > LONGEST_TEXT)
            return false;
        *hash = hash_text(PyUnicode_DATA(key), length);
        return true;
    }
    if (PyLong_CheckExact(key)) {
        int overflow;
        long long value = PyLong_AsLongLongAndOverflow(key, &overflow);
        *hash = hash_int64(value);
        return !overflow;
    }
    return false;
}

bool sage_hash_key(sage_buffer *scratch, PyObject *key, PyObject *other, uint64_t *hash)
{
    if (hash_directly(key, hash))
        return true;
    scratch->length = 0;
    if (!sage_append_key(scratch, key, other))
        return false;
    *hash = sage_hash64(scratch->bytes, scratch->length);
    return true;
}

PyObject *sage_py_hash64(PyObject *module, PyObject *bytes)
{
    Py_buffer view;
    if (PyObject_GetBuffer(bytes, &view, PyBUF_SIMPLE) < 0)
        return NULL;
    uint64_t hash = sage_hash64(view.buf, (size_t)view.len);
    PyBuffer_Release(&view);
    return PyLong_FromUnsignedLongLong(hash);
}

PyObject *sage_py_key_bytes(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    if (count != 2)
        return PyErr_Format(PyExc_TypeError, "expected key_bytes(key, other)");
    sage_buffer buffer = {0};
    PyObject *result = NULL;
    if (sage_append_key(&buffer, args[0], args[1]))
        result = PyBytes_FromStringAndSize((const char *)buffer.bytes, (Py_ssize_t)buffer.length);
    sage_buffer_free(&buffer);
    return result;
}
