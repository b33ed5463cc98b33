"""A task's state as one file.

::

    magic "SAGESTAT" | u16 format | frame ...
    frame: u16 length of the operator's name | name | i32 key group (-1: unkeyed, -2: whole) | u64 length | bytes

Whether a file is whole is told by its size and CRC-32 in the manifest (``FileRef``), which is written after it.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import Final, NamedTuple

from sage_local.errors import CheckpointError
from sage_local.runtime.checkpoint.operator_snapshot import OperatorSnapshot
from sage_local.runtime.protocol.snapshots import FileRef

FORMAT: Final = 1
UNKEYED: Final = -1
WHOLE: Final = -2
"""The key group of an empty frame that says: what earlier files hold of the operator's keyed state counts no more."""
_MAGIC = b"SAGESTAT"
_HEAD = struct.Struct("<8sH")
_NAME = struct.Struct("<H")
_FRAME = struct.Struct("<iQ")


class StateFrame(NamedTuple):
    """State of one operator: of one key group, or ``UNKEYED``; or the news that it is ``WHOLE``."""

    operator: str
    key_group: int
    payload: memoryview


class StateFile:
    """A file in the making: its bytes, in pieces, with their checksum."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self._size = self._crc = 0
        self._put(_HEAD.pack(_MAGIC, FORMAT))

    @property
    def is_empty(self) -> bool:
        """Whether there is no frame."""
        return len(self.parts) == 1

    def add(self, snapshot: OperatorSnapshot) -> None:
        """All frames of one operator."""
        if not snapshot.is_delta:
            self.add_frame(snapshot.operator, WHOLE, b"")
        for key_group, payload in snapshot.keyed:
            self.add_frame(snapshot.operator, key_group, payload)
        if snapshot.unkeyed is not None:
            self.add_frame(snapshot.operator, UNKEYED, snapshot.unkeyed)

    def add_frame(self, operator: str, key_group: int, payload: bytes) -> None:
        """One frame."""
        name = operator.encode()
        self._put(b"".join((_NAME.pack(len(name)), name, _FRAME.pack(key_group, len(payload)))))
        self._put(payload)

    def reference(self, path: str) -> FileRef:
        """What to remember of the file, stored at ``path``."""
        return FileRef(path, self._size, self._crc)

    def _put(self, part: bytes) -> None:
        # Summed up as the file grows: of all at once it would hold up records for as long as memory takes to be read.
        self.parts.append(part)
        self._size += len(part)
        self._crc = zlib.crc32(part, self._crc)


def verify(ref: FileRef, data: bytes) -> None:
    """Raise ``CheckpointError`` unless ``data`` is what was written."""
    if len(data) != ref.size:
        raise CheckpointError(f"state file {ref.path} is damaged: expected {ref.size} bytes, found {len(data)}")
    found = zlib.crc32(data)
    if found != ref.crc32:
        raise CheckpointError(f"state file {ref.path} is damaged: expected CRC-32 {ref.crc32:08x}, found {found:08x}")


def read_state_file(path: str, data: bytes) -> Iterator[StateFrame]:
    """The frames of a file that was verified."""
    magic, written = _HEAD.unpack_from(data)
    if magic != _MAGIC:
        raise CheckpointError(f"{path} is no state file: expected it to begin with {_MAGIC!r}, found {magic!r}")
    if written > FORMAT:
        raise CheckpointError(f"state file {path} has format {written}; this version reads up to {FORMAT}")
    view = memoryview(data)
    at = _HEAD.size
    while at < len(data):
        (length,) = _NAME.unpack_from(view, at)
        at += _NAME.size
        operator = str(view[at : at + length], "utf-8")
        at += length
        key_group, size = _FRAME.unpack_from(view, at)
        at += _FRAME.size
        yield StateFrame(operator, key_group, view[at : at + size])
        at += size
