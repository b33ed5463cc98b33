"""What the machine allows, with the interface of ``columns_exchange.Ends``: two processes that do nothing but copy."""

import ctypes
import mmap
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
NATIVE = HERE.parent / "native"
LINE = 64
WORDS_BYTES = 4096
"""For the counters before the slots."""


def compile_limit(folder: Path) -> None:
    """The library with the two loops, for ``Copies``."""
    sources = [HERE / "native" / "limits.c", NATIVE / "ring.c", NATIVE / "doorbell.c"]
    command = ["cc", "-O2", "-std=c11", "-shared", "-fPIC", "-o", folder / "limits.so", *sources]
    subprocess.run(command, check=True)


class Copies:
    """``size`` bytes from one of so many ``sources`` to shared memory, ``capacity`` of it, and from there elsewhere."""

    def __init__(self, folder: Path, *, rows: int, size: int, capacity: int, sources: int) -> None:
        self._loops = ctypes.CDLL(str(folder / "limits.so"))
        self._rows = rows
        self._memory = mmap.mmap(-1, WORDS_BYTES + capacity)
        self._words = ctypes.c_char.from_buffer(self._memory)
        self._slots = ctypes.c_char.from_buffer(self._memory, WORDS_BYTES)
        self._sizes = [ctypes.c_uint64(number) for number in (capacity, sources, size)]
        # Written to, or all of it would be one page of zeros.
        self._own = ctypes.create_string_buffer(b"1" * (sources * (size + LINE)))

    def send(self, stream: Iterator[Any]) -> None:
        """As many bytes for each of these batches."""
        capacity, sources, size = self._sizes
        count = ctypes.c_uint64(sum(1 for _ in stream))
        self._loops.copy_send(*map(ctypes.byref, (self._words, self._slots)), capacity, self._own, sources, size, count)

    def receive(self, read: Callable[[Any], int], count: int, schema: Any) -> int:
        """The bytes of so many batches; the number of their rows."""
        capacity, _, size = self._sizes
        places = map(ctypes.byref, (self._words, self._slots))
        self._loops.copy_receive(*places, capacity, self._own, size, ctypes.c_uint64(count))
        return count * self._rows
