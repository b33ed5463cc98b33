/* A byte buffer that grows. After a failed growth it stays as it was, and every later growth is tried anew. */
#ifndef SAGE_BUFFER_H
#define SAGE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    uint8_t *bytes;
    size_t length;
    size_t capacity;
} sage_buffer;

static inline bool sage_buffer_grow(sage_buffer *buffer, size_t more)
{
    if (more > (size_t)PTRDIFF_MAX - buffer->length)
        return false;
    size_t wanted = buffer->length + more;
    size_t doubled = buffer->capacity < 512 ? 1024 : buffer->capacity * 2;
    size_t capacity = wanted > doubled ? wanted : doubled;
    uint8_t *bytes = realloc(buffer->bytes, capacity);
    if (!bytes)
        return false;
    buffer->bytes = bytes;
    buffer->capacity = capacity;
    return true;
}

/* Room for `more` bytes at the end, or NULL when memory is short. They count only once `length` is raised. */
static inline uint8_t *sage_buffer_room(sage_buffer *buffer, size_t more)
{
    if (more > buffer->capacity - buffer->length && !sage_buffer_grow(buffer, more))
        return NULL;
    return buffer->bytes + buffer->length;
}

static inline bool sage_buffer_append(sage_buffer *buffer, const void *bytes, size_t length)
{
    uint8_t *room = sage_buffer_room(buffer, length);
    if (!room)
        return false;
    if (length)
        memcpy(room, bytes, length);
    buffer->length += length;
    return true;
}

static inline void sage_buffer_free(sage_buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (sage_buffer){0};
}

#endif
