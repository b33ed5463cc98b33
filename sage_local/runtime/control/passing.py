"""Messages with descriptors over a unix packet socket.

The kernel drops descriptors without an error when the receiver has no room for them, in its buffer or in its
table; so every message says how many it carries and the receiver counts.
"""

import array
import os
import pickle
import socket
from collections.abc import Sequence
from typing import Any

MAX_DESCRIPTORS = 200
"""Per packet; the kernel's own limit is 253 (SCM_MAX_FD)."""
MAX_PACKET_BYTES = 128 * 1024
"""Well below the default socket buffer (212,992 bytes), which bounds a packet."""


class DescriptorsLostError(OSError):
    """A message came with fewer descriptors than it was sent with."""


def send(connection: socket.socket, message: object, descriptors: Sequence[int] = ()) -> None:
    """Send one packet. ``ValueError`` when it is too large for one; ``OSError`` when the other end is gone."""
    body = pickle.dumps((len(descriptors), message), protocol=5)
    if len(descriptors) > MAX_DESCRIPTORS or len(body) > MAX_PACKET_BYTES:
        raise ValueError(
            f"a packet carries at most {MAX_DESCRIPTORS} descriptors and {MAX_PACKET_BYTES} bytes;"
            f" {type(message).__name__} has {len(descriptors)} and {len(body)}"
        )
    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
    connection.sendmsg([body], ancillary)


def receive(connection: socket.socket) -> tuple[Any, list[int]] | None:
    """The next packet and its descriptors, which the caller now owns (close-on-exec).

    ``None`` when the other end is closed.
    """
    room = socket.CMSG_SPACE(MAX_DESCRIPTORS * array.array("i").itemsize)
    try:
        body, ancillary, flags, _ = connection.recvmsg(MAX_PACKET_BYTES, room, socket.MSG_CMSG_CLOEXEC)
    except ConnectionResetError:
        return None
    if not body:
        return None
    descriptors = _descriptors(ancillary)
    sent, message = pickle.loads(body)
    if flags & (socket.MSG_CTRUNC | socket.MSG_TRUNC) or len(descriptors) != sent:
        for descriptor in descriptors:
            os.close(descriptor)
        raise DescriptorsLostError(
            f"{type(message).__name__} was sent with {sent} descriptors, {len(descriptors)} arrived:"
            " the limit of open files (ulimit -n) is too small for this job"
        )
    return message, descriptors


def _descriptors(ancillary: list[tuple[int, int, bytes]]) -> list[int]:
    received = array.array("i")
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            received.frombytes(data[: len(data) - len(data) % received.itemsize])
    return list(received)
