"""Opening what ``layout`` placed in a segment."""

from sage_local.runtime.memory.layout import DOORBELL_OFFSET, RingPlace
from sage_local.runtime.native import Doorbell, RingReader, RingWriter, Segment


def create(name: str, size: int, numa_node: int | None) -> Segment:
    """A new segment, whole in memory.

    ``OSError`` with the kernel's reason, such as ENOSPC, when there is no room for it.
    """
    try:
        return Segment.create(name, size, numa_node=-1 if numa_node is None else numa_node)
    except OSError as error:
        raise OSError(error.errno, f"{error.strerror}, for a shared segment of {size / 2**20:.1f} MiB") from error


def attach(descriptor: int) -> Segment:
    """The segment behind a descriptor, which stays the caller's to close."""
    return Segment.attach(descriptor)


def doorbell(segment: Segment, eventfd: int = -1) -> Doorbell:
    """The doorbell of the segment's owner."""
    return Doorbell(segment, DOORBELL_OFFSET, eventfd)


def ring_writer(segment: Segment, place: RingPlace) -> RingWriter:
    """The producer's end of the ring at ``place``."""
    return RingWriter(segment, place.offset, place.capacity, place.arena)


def reset_ring(segment: Segment, place: RingPlace) -> None:
    """Empty the ring at ``place`` for another pair of ends, while nobody is at it."""
    segment.reset_ring(place.offset, place.capacity)


def ring_reader(segment: Segment, place: RingPlace) -> RingReader:
    """The consumer's end of the ring at ``place``."""
    return RingReader(segment, place.offset, place.capacity, place.arena)
