/* A memfd mapped shared. Without a name in any file system, so a SIGKILL of everybody leaves nothing behind. */
#ifndef SAGE_SEGMENT_H
#define SAGE_SEGMENT_H

#include <stddef.h>
#include <stdint.h>

#include "status.h"

typedef struct {
    int fd;
    int mbind_errno; /* 0 when bound to the node asked for, or none was asked for */
    uint8_t *mapping;
    size_t mapping_bytes;
    uint8_t *base; /* the user's bytes */
    size_t size;
} sage_segment;

/* A new, zeroed, fully allocated, populated segment that can neither grow nor shrink. A refused mbind (container
 * profiles do that) is reported in mbind_errno and is no failure. */
sage_status sage_segment_create(sage_segment *segment, const char *name, size_t size, int numa_node);

/* Maps a segment made by sage_segment_create. The descriptor is duplicated. */
sage_status sage_segment_attach(sage_segment *segment, int fd);

/* Unmaps and closes; harmless on a segment that is already closed. */
void sage_segment_close(sage_segment *segment);

/* Whether [offset, offset + length) lies inside, starting on a cache line. */
sage_status sage_segment_check(const sage_segment *segment, uint64_t offset, uint64_t length);

#endif
