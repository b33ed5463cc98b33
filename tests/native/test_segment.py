"""Segments: memory that exists whole, can not shrink, and has no name."""

import errno
import fcntl
import os

import pytest

from sage_local.runtime.native import Segment

SIZE = 64 * 1024


def test_a_new_segment_is_zeroed_and_has_the_size_asked_for():
    segment = Segment.create("test", SIZE)
    assert segment.size == SIZE
    assert bytes(segment.view(0, SIZE)) == bytes(SIZE)


def test_an_attached_segment_shows_what_the_other_wrote():
    segment = Segment.create("test", SIZE)
    other = Segment.attach(segment.fd)
    segment.view(128, 5)[:] = b"hello"
    assert bytes(other.view(128, 5)) == b"hello"
    assert other.size == SIZE


def test_the_descriptor_is_duplicated_when_attaching():
    segment = Segment.create("test", SIZE)
    other = Segment.attach(segment.fd)
    assert other.fd != segment.fd
    del segment
    assert bytes(other.view(0, 4)) == bytes(4)


def test_descriptors_are_closed_with_their_segment():
    segment = Segment.create("test", SIZE)
    fd = segment.fd
    del segment
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)


def test_the_size_is_sealed():
    segment = Segment.create("test", SIZE)
    seals = fcntl.fcntl(segment.fd, fcntl.F_GET_SEALS)
    assert seals == fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL
    with pytest.raises(PermissionError):
        os.ftruncate(segment.fd, 4096)


def test_the_descriptor_does_not_survive_exec():
    segment = Segment.create("test", SIZE)
    assert not os.get_inheritable(segment.fd)
    assert not os.get_inheritable(Segment.attach(segment.fd).fd)


def test_all_pages_exist_from_the_start():
    """Out of memory shows when the segment is made, not as SIGBUS at some later store."""
    segment = Segment.create("test", 1 << 20)
    assert os.fstat(segment.fd).st_blocks * 512 >= 1 << 20


def test_a_view_keeps_the_mapping_alive():
    view = Segment.create("test", SIZE).view(0, 8)
    view[:] = b"lasting!"
    assert bytes(view) == b"lasting!"


@pytest.mark.parametrize(("offset", "length"), [(0, SIZE + 1), (SIZE, 1), (-1, 1), (0, -1), (2**62, 2**62)])
def test_a_view_outside_is_refused(offset: int, length: int):
    segment = Segment.create("test", SIZE)
    with pytest.raises(ValueError, match="does not lie inside"):
        segment.view(offset, length)


@pytest.mark.parametrize("size", [0, -1])
def test_a_size_without_bytes_is_refused(size: int):
    with pytest.raises(ValueError, match="positive"):
        Segment.create("test", size)


def test_a_segment_larger_than_memory_is_an_error_at_once():
    # Which one depends on the limits of the machine.
    with pytest.raises(OSError, match=r"\[Errno \d+\]") as caught:
        Segment.create("test", 1 << 60)
    assert caught.value.errno in (errno.ENOMEM, errno.ENOSPC, errno.EFBIG, errno.EINVAL)


def test_a_node_that_does_not_exist_is_reported_and_no_failure():
    segment = Segment.create("test", SIZE, numa_node=1023)
    assert segment.mbind_errno in (errno.EINVAL, errno.EPERM, errno.ENOSYS)
    assert Segment.create("test", SIZE).mbind_errno == 0


def test_binding_to_the_first_node_works_or_is_reported():
    segment = Segment.create("test", SIZE, numa_node=0)
    assert segment.mbind_errno in (0, errno.EPERM, errno.ENOSYS)


def test_a_file_that_is_no_segment_is_refused():
    fd = os.memfd_create("foreign", os.MFD_ALLOW_SEALING)
    try:
        with pytest.raises(ValueError, match="magic, version or size"):
            Segment.attach(fd)
        os.ftruncate(fd, 1 << 16)
        with pytest.raises(ValueError, match="not sealed"):
            Segment.attach(fd)
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
        with pytest.raises(ValueError, match="magic, version or size"):
            Segment.attach(fd)
    finally:
        os.close(fd)


def test_a_descriptor_that_is_closed_is_an_os_error():
    with pytest.raises(OSError, match="Bad file descriptor"):
        Segment.attach(-1)


def test_segments_come_from_create_and_attach_only():
    with pytest.raises(TypeError):
        Segment()
