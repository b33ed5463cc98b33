"""The one door to the C extension. Nothing else imports ``sage_local._native``; five rooms may import this module."""

from sage_local._native import (
    CACHE_LINE,
    DOORBELL_BYTES,
    RING_HEADER_BYTES,
    Doorbell,
    RingReader,
    RingWriter,
    Segment,
    WaitSet,
    hash64,
    key_bytes,
    key_groups,
    pack_rows,
    partition,
    unpack_rows,
)

__all__ = [
    "CACHE_LINE",
    "DOORBELL_BYTES",
    "RING_HEADER_BYTES",
    "Doorbell",
    "RingReader",
    "RingWriter",
    "Segment",
    "WaitSet",
    "hash64",
    "key_bytes",
    "key_groups",
    "pack_rows",
    "partition",
    "unpack_rows",
]
