#define _GNU_SOURCE
#include "segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "layout.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14; absent from older headers */
#endif
#ifndef MPOL_BIND
#define MPOL_BIND 2 /* from numaif.h, which only libnuma brings */
#endif

enum { SEALS = F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL, NODE_WORDS = 16, WORD_BITS = 8 * (int)sizeof(unsigned long) };

static void clear(sage_segment *segment)
{
    memset(segment, 0, sizeof *segment);
    segment->fd = -1;
}

sage_mapping *sage_mapping_hold(sage_mapping *mapping)
{
    sage_count_up(&mapping->holders);
    return mapping;
}

void sage_mapping_drop(sage_mapping *mapping)
{
    if (sage_count_down(&mapping->holders) == 0) {
        munmap(mapping->bytes, mapping->length);
        free(mapping);
    }
}

static sage_status map(sage_segment *segment, size_t length)
{
    sage_mapping *mapping = calloc(1, sizeof *mapping);
    if (!mapping)
        return SAGE_NO_MEMORY;
    void *bytes = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, segment->fd, 0);
    if (bytes == MAP_FAILED) {
        free(mapping);
        return SAGE_SYSTEM;
    }
    mapping->bytes = bytes;
    mapping->length = length;
    segment->mapping = sage_mapping_hold(mapping);
    segment->base = mapping->bytes + SAGE_SEGMENT_HEADER_BYTES;
    segment->size = length - SAGE_SEGMENT_HEADER_BYTES;
    return SAGE_OK;
}

/* Only pages that do not exist yet go to the node, so this comes before anything touches or allocates them. */
static int bind_to_node(const sage_segment *segment, int numa_node)
{
    unsigned long nodes[NODE_WORDS] = {0};
    if (numa_node >= NODE_WORDS * WORD_BITS)
        return EINVAL;
    nodes[numa_node / WORD_BITS] = 1UL << (numa_node % WORD_BITS);
    /* The kernel reads one bit less than it is told. */
    long failed = syscall(SYS_mbind, segment->mapping->bytes, segment->mapping->length, MPOL_BIND, nodes,
                          (unsigned long)(NODE_WORDS * WORD_BITS) + 1, 0);
    return failed ? errno : 0;
}

static void populate(const sage_segment *segment)
{
    if (madvise(segment->mapping->bytes, segment->mapping->length, MADV_POPULATE_WRITE) == 0)
        return;
    /* Before Linux 5.14. The pages exist (fallocate), so reading one is enough to map it. */
    for (size_t at = 0; at < segment->mapping->length; at += 4096)
        (void)*(volatile const uint8_t *)(segment->mapping->bytes + at);
}

/* ENOSPC now rather than SIGBUS at some later store. */
static int allocate(int fd, off_t bytes)
{
    int error;
    do
        error = posix_fallocate(fd, 0, bytes);
    while (error == EINTR);
    return error;
}

static sage_status build(sage_segment *segment, size_t mapping_bytes, int numa_node)
{
    if (ftruncate(segment->fd, (off_t)mapping_bytes) != 0)
        return SAGE_SYSTEM;
    sage_status status = map(segment, mapping_bytes);
    if (status != SAGE_OK)
        return status;
    if (numa_node >= 0)
        segment->mbind_errno = bind_to_node(segment, numa_node);
    int error = allocate(segment->fd, (off_t)mapping_bytes);
    if (error != 0) {
        errno = error;
        return SAGE_SYSTEM;
    }
    if (fcntl(segment->fd, F_ADD_SEALS, SEALS) != 0)
        return SAGE_SYSTEM;
    populate(segment);
    return SAGE_OK;
}

static void write_header(const sage_segment *segment)
{
    sage_segment_header *header = (sage_segment_header *)(void *)segment->mapping->bytes;
    header->version = SAGE_SEGMENT_VERSION;
    header->header_bytes = SAGE_SEGMENT_HEADER_BYTES;
    header->size = segment->size;
    header->owner_pid = getpid();
    header->magic = SAGE_SEGMENT_MAGIC;
}

sage_status sage_segment_create(sage_segment *segment, const char *name, size_t size, int numa_node)
{
    clear(segment);
    if (size == 0 || size > (size_t)PTRDIFF_MAX - SAGE_SEGMENT_HEADER_BYTES)
        return SAGE_OUT_OF_RANGE;
    segment->fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (segment->fd < 0)
        return SAGE_SYSTEM;
    sage_status status = build(segment, size + SAGE_SEGMENT_HEADER_BYTES, numa_node);
    if (status != SAGE_OK) {
        int error = errno;
        sage_segment_close(segment);
        errno = error;
        return status;
    }
    write_header(segment);
    return SAGE_OK;
}

static sage_status check_header(const sage_segment *segment)
{
    const sage_segment_header *header = (const sage_segment_header *)(const void *)segment->mapping->bytes;
    if (header->magic != SAGE_SEGMENT_MAGIC || header->version != SAGE_SEGMENT_VERSION ||
        header->header_bytes != SAGE_SEGMENT_HEADER_BYTES || header->size != segment->size)
        return SAGE_NOT_OURS;
    return SAGE_OK;
}

static sage_status open_existing(sage_segment *segment, int fd)
{
    struct stat about;
    segment->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (segment->fd < 0 || fstat(segment->fd, &about) != 0)
        return SAGE_SYSTEM;
    if (about.st_size <= SAGE_SEGMENT_HEADER_BYTES)
        return SAGE_NOT_OURS;
    int seals = fcntl(segment->fd, F_GET_SEALS);
    if (seals < 0 || !(seals & F_SEAL_SHRINK)) /* files that know no seals answer EINVAL */
        return SAGE_NOT_SEALED;
    sage_status status = map(segment, (size_t)about.st_size);
    return status == SAGE_OK ? check_header(segment) : status;
}

sage_status sage_segment_attach(sage_segment *segment, int fd)
{
    clear(segment);
    sage_status status = open_existing(segment, fd);
    if (status != SAGE_OK) {
        int error = errno;
        sage_segment_close(segment);
        errno = error;
    }
    return status;
}

void sage_segment_close(sage_segment *segment)
{
    if (segment->mapping)
        sage_mapping_drop(segment->mapping);
    if (segment->fd >= 0)
        close(segment->fd);
    clear(segment);
}

sage_status sage_segment_check(const sage_segment *segment, uint64_t offset, uint64_t length)
{
    if (offset % SAGE_CACHE_LINE != 0)
        return SAGE_MISALIGNED;
    if (offset > segment->size || length > segment->size - offset)
        return SAGE_OUT_OF_RANGE;
    return SAGE_OK;
}
