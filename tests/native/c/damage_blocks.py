"""Damages blocks of rows in every place; run under sanitizers by ``test_c_core.py``, with the extension as argument."""

import contextlib
import pickle
import sys
from typing import Any

from _extension import load

SAMPLE: tuple[list[Any] | None, ...] = (
    [1, 2, 3, 400000],
    ["a", "é", "", "x"],
    ["ascii", "", "y", "z" * 300],
    [
        {"a": 1.5, "b": (None, b"x")},
        {"a": 2.5, "b": (3, b"")},
        {"a": 0.0, "b": (None, b"y")},
        {"a": 1.0, "b": (4, b"")},
    ],
    [True, False, True, True],
    [1, "mixed", (), None],
    None,
)


def main() -> None:
    native = load(sys.argv[1])
    whole = native.pack_rows((*SAMPLE, SAMPLE[0]), pickle.dumps)
    assert native.unpack_rows(whole, pickle.loads) == (*SAMPLE, SAMPLE[0])
    for position in range(len(whole)):
        for byte in (0, 1, 2, 7, 13, 14, 15, 127, 128, 255, whole[position] ^ 1, whole[position] ^ 128):
            damaged = bytearray(whole)
            damaged[position] = byte
            with contextlib.suppress(ValueError):
                native.unpack_rows(damaged, lambda view: [1, "mixed", (), None])
        with contextlib.suppress(ValueError):
            native.unpack_rows(whole[:position], lambda view: [1, "mixed", (), None])


main()
