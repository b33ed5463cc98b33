import os
import resource
import socket
from collections.abc import Iterator

import pytest

from sage_local.runtime.control import passing


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        yield ours, theirs


def test_a_descriptor_arrives_as_one_of_the_receiver(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    read_end, write_end = os.pipe()
    passing.send(ours, "here", [write_end])
    packet = passing.receive(theirs)
    assert packet is not None
    message, (received,) = packet
    os.write(received, b"x")
    assert (message, os.read(read_end, 1), os.get_inheritable(received)) == ("here", b"x", False)
    for descriptor in (read_end, write_end, received):
        os.close(descriptor)


def test_packets_keep_their_own_descriptors(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    passing.send(ours, "none")
    passing.send(ours, "two", [0, 1])
    first, second = passing.receive(theirs), passing.receive(theirs)
    assert first == ("none", [])
    assert second is not None
    assert len(second[1]) == 2
    for descriptor in second[1]:
        os.close(descriptor)


def test_a_closed_end_gives_no_packet(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    ours.close()
    assert passing.receive(theirs) is None


def test_descriptors_that_the_kernel_dropped_are_an_error(pair: tuple[socket.socket, socket.socket]) -> None:
    """It drops what does not fit into the receiver's table without an error (pytorch issue 973)."""
    ours, theirs = pair
    passing.send(ours, "three", [0, 1, 2])
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    spare = os.dup(0)
    os.close(spare)
    resource.setrlimit(resource.RLIMIT_NOFILE, (spare + 1, hard))
    try:
        with pytest.raises(passing.DescriptorsLostError, match="sent with 3 descriptors, 1 arrived"):
            passing.receive(theirs)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_more_than_one_packet_carries_is_refused(pair: tuple[socket.socket, socket.socket]) -> None:
    with pytest.raises(ValueError, match="at most 200 descriptors"):
        passing.send(pair[0], "many", [0] * 201)
