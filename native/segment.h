/* A memfd mapped shared. Without a name in any file system, so a SIGKILL of everybody leaves nothing behind. */
#ifndef SAGE_SEGMENT_H
#define SAGE_SEGMENT_H

#include <stddef.h>
#include <stdint.h>

#include "atomics.h"
#include "status.h"

/* Stays for as long as anybody holds it: a segment, or a lease of a part of it that outlives the segment. */
typedef struct {
    sage_atomic_u64 holders;
    uint8_t *bytes;
    size_t length;
} sage_mapping;

typedef struct {
    int fd;
    int mbind_errno; /* 0 when bound to the node asked for, or none was asked for */
    sage_mapping *mapping;
    uint8_t *base; /* the user's bytes */
    size_t size;
} sage_segment;

/* A new, zeroed, fully allocated, populated segment that can neither grow nor shrink. A refused mbind (container
 * profiles do that) is reported in mbind_errno and is no failure. */
sage_status sage_segment_create(sage_segment *segment, const char *name, size_t size, int numa_node);

/* Maps a segment made by sage_segment_create. The descriptor is duplicated. */
sage_status sage_segment_attach(sage_segment *segment, int fd);

/* From any thread. The last to drop it unmaps. */
sage_mapping *sage_mapping_hold(sage_mapping *mapping);
void sage_mapping_drop(sage_mapping *mapping);

/* Lets go of the mapping and closes; harmless on a segment that is already closed. */
void sage_segment_close(sage_segment *segment);

/* Whether [offset, offset + length) lies inside, starting on a cache line. */
sage_status sage_segment_check(const sage_segment *segment, uint64_t offset, uint64_t length);

#endif
