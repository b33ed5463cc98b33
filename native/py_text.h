/* Python strings as UTF-8 in our own buffers, without leaving a cached copy in the user's string. */
#ifndef SAGE_PY_TEXT_H
#define SAGE_PY_TEXT_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "buffer.h"

typedef enum { SAGE_TEXT_DONE, SAGE_TEXT_SURROGATE, SAGE_TEXT_NO_MEMORY } sage_text_result;

/* Appends `text`, not ASCII, as UTF-8. A lone surrogate is written as its three bytes (as "surrogatepass" does) when
 * `surrogates` is true, and otherwise ends the work with SAGE_TEXT_SURROGATE and the buffer as it was. */
sage_text_result sage_append_wide_text(sage_buffer *buffer, PyObject *text, bool surrogates);

/* The same for any text; the common case inline. */
static inline sage_text_result sage_append_text(sage_buffer *buffer, PyObject *text, bool surrogates)
{
    if (!PyUnicode_IS_COMPACT_ASCII(text))
        return sage_append_wide_text(buffer, text, surrogates);
    bool done = sage_buffer_append(buffer, PyUnicode_DATA(text), (size_t)PyUnicode_GET_LENGTH(text));
    return done ? SAGE_TEXT_DONE : SAGE_TEXT_NO_MEMORY;
}

#endif
