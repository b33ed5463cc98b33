"""Folds records of all sorts, some of which raise or change what is in use; run under sanitizers by ``test_c_core.py``,
with the extension as argument."""

import contextlib
import sys
from typing import Any

from _extension import load

SELECTIONS = [(0, None), (1, 0), (1, -1), (1, 9), (1, "key"), (2, "key"), (3, "real"), (3, "missing")]


class Meddling:
    """Empties everything it can reach while it is being used."""

    def __init__(self, *reached: Any) -> None:
        self.reached = reached

    def _meddle(self) -> int:
        for each in self.reached:
            each.clear()
        return 0

    def __hash__(self) -> int:
        return self._meddle()

    def __eq__(self, other: object) -> bool:
        return bool(self._meddle())

    def __lt__(self, other: object) -> bool:
        return bool(self._meddle())

    def __gt__(self, other: object) -> bool:
        return not self._meddle()

    def __add__(self, other: object) -> "Meddling":
        self._meddle()
        return self

    __radd__ = __add__

    def __getitem__(self, item: object) -> int:
        return self._meddle()


def batch(*reached: Any) -> list[Any]:
    plain = [(1, 2), [3, 4], {"key": 5}, 6, 2**80, "text", None, (), 1.5]
    return [*plain, Meddling(*reached), (Meddling(*reached), Meddling(*reached)), *plain]


def fold_everything(native: Any) -> None:
    for key in SELECTIONS:
        for value in SELECTIONS:
            for steps in ([(operation, *value) for operation in range(4)], ((0, *value),), ((1, *value),)):
                space: dict[Any, Any] = {}
                records = batch(space)
                left = iter(records)
                while left.__length_hint__():
                    with contextlib.suppress(Exception):
                        native.fold(space, None, left, key, steps)


def fold_sessions(native: Any) -> None:
    for steps in ([(0, 0, None), (3, 0, None)], ((2, 0, None),)):
        sessions: dict[Any, Any] = {}
        keys: list[Any] = ["a", "b"] * 20
        times: list[Any] = [*range(-5, 5), 2**63 - 1, 2**63, "x"] * 3
        records = batch(sessions, keys, times)
        for session in ([0, 5, [1, 1], None], [0, 5, 1, None], [0, 2**63, [1], None], [0, "x", 1, None], [], 5):
            sessions["a"] = session
            left = iter(records)
            queue = new_queue()
            while left.__length_hint__():
                with contextlib.suppress(Exception):
                    native.fold_sessions(sessions, keys, left, times, 3, -9, queue, steps, lambda *_: None)
            for key in ["a", "b", *batch(sessions, *queue[:2])]:
                with contextlib.suppress(Exception):
                    queue[0][key] = sessions.__setitem__(key, session) or 0
            for time in (0, 5, 2**63 - 2):
                with contextlib.suppress(Exception):
                    native.look_at_sessions(sessions, list(queue[0]), queue, 0, time)


def new_queue() -> tuple[Any, ...]:
    keys_of: dict[int, Any] = {}
    return {}, keys_of, 2, lambda key, slot: keys_of.update({slot: [key]})


def merge_everything(native: Any) -> None:
    for steps in ([(operation, 0, None) for operation in range(4)], ((0, 0, None),), ((2, 0, None),)):
        for before in (False, True):
            target: dict[Any, Any] = {}
            source: dict[Any, Any] = {}
            for number, value in enumerate(batch(target, source)):
                target[number] = [value, 1, value, *batch(target, source)]
                source[number] = [1, value, value, 1] if number % 2 else value
            while source:
                with contextlib.suppress(Exception):
                    native.merge(target, source, before, steps)
                source.popitem()


def reduce_everything(native: Any) -> None:
    state: dict[Any, Any] = {}
    keys: list[Any] = []
    updates: list[Any] = []
    keys += [*batch(state, keys, updates), "a", "a"]
    with contextlib.suppress(Exception):
        native.reduce(state, keys, iter([1] * 40), lambda a, b: a + b, updates, True)
    for kept in ([Meddling(state)], {"a": Meddling(state)}, {1, 2}):
        with contextlib.suppress(Exception):
            native.reduce(state, ["a"] * 3, iter([kept] * 3), lambda a, b: state.clear() or a, updates, True)


def select_everything(native: Any) -> None:
    for selection in SELECTIONS:
        with contextlib.suppress(Exception):
            native.select(iter(batch([])), selection)
        for record in batch([]):
            with contextlib.suppress(Exception):
                native.bounds(native.select(iter([record, record]), selection))


def main() -> None:
    native = load(sys.argv[1])
    for exercise in (fold_everything, fold_sessions, merge_everything, reduce_everything, select_everything):
        exercise(native)


main()
