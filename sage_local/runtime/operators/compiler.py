"""The chain compiler: neighbouring map, filter, flat_map and sink become one Python function over a list.

A comprehension is the fastest loop that Python code can run, and the interpreter keeps the books for errors: each user
function is called on a source line of its own, so the line of the traceback names the operator; the list iterator's
length hint tells which record was at hand; and what later operators were given stands in local variables (``x1``,
``x2``, …) of the frame. So nothing is spent per record on the chance of an error.

A chain ``map, filter, map`` becomes::

    def run(it, stamps):
        return [
    f2(x1)
    for x0 in it
    for x1 in [f0(x0)]
    if f1(x1)
    ]

CPython compiles ``for x1 in [...]`` in a comprehension to an assignment. ``x1 := ...`` would be a variable of ``run``:
before CPython 3.12 that is a cell, and some 2 ns more for each.
"""

import linecache
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import count
from types import TracebackType
from typing import Any

from sage_local.core.data import data
from sage_local.runtime.protocol.blame import record_at

_serial = count()


class Kind(Enum):
    """What a function does with a record."""

    MAP = "map"
    FILTER = "filter"
    FLAT_MAP = "flat_map"
    SINK = "write"
    """A map whose results nobody wants: what they are is up to the caller of the stage."""


CHANGES_NUMBER = frozenset({Kind.FILTER, Kind.FLAT_MAP})
"""Those that give more or fewer records than they take."""


class Stamps(Enum):
    """Whether records come with timestamps."""

    NONE = "none"
    KEPT = "kept"


@data
class Fault:
    """Where a compiled function failed: the operator's index in the stage, and its record."""

    index: int
    record: Any


class Stage:
    """A compiled run of operators, of which at most one changes the number of records: so counts are known for each.

    ``run(iterator, stamps)`` takes a list's iterator and a list of timestamps (or ``None``) and returns the list of
    results; with a flat_map a generator of what its calls return. With timestamps, ``(result, timestamp)`` stands for
    each of them.
    """

    def __init__(
        self, name: str, kinds: Sequence[Kind], functions: Sequence[Callable[[Any], Any]], stamps: Stamps = Stamps.NONE
    ) -> None:
        source = _generate(kinds, stamps)
        self._filename = f"<sage chain {name}#{next(_serial)}>"
        self._source = source
        text = source.text
        # Tracebacks and debuggers then show the source.
        linecache.cache[self._filename] = (len(text), None, text.splitlines(keepends=True), self._filename)
        scope: dict[str, Any] = {f"f{index}": function for index, function in enumerate(functions)}
        exec(compile(text, self._filename, "exec"), scope)
        self.run: Callable[[Iterator[Any], list[int] | None], Any] = scope["run"]

    def fault(self, values: list[Any], iterator: Iterator[Any], made: Any, error: BaseException) -> Fault:
        """Where ``error`` came from: ``run(iterator, …)`` over ``values``, or going through what that had made."""
        # A generator turns a StopIteration of what it calls into a RuntimeError, which knows nothing of the frames
        # before.
        frames = self._frames(error) or self._frames(error.__cause__)
        # Without a frame of ours: raised by an iterable that a flat_map returned, while its loop was suspended.
        index = self._source.owner(frames[-1].tb_lineno) if frames else self._source.last
        variable = self._source.inputs[index]
        taken = record_at(values, iterator)
        if variable == "x0":
            return Fault(index, taken)
        places = [entry.tb_frame for entry in frames] if frames else [made.gi_frame]
        given = (place.f_locals[variable] for place in places if variable in place.f_locals)
        # What stops the loop itself (Ctrl-C, no memory) may do so before there is anything to give.
        return Fault(index, next(given, taken))

    def _frames(self, error: BaseException | None) -> list[TracebackType]:
        traceback = None if error is None else error.__traceback__
        return [entry for entry in _entries(traceback) if entry.tb_frame.f_code.co_filename == self._filename]

    def forget(self) -> None:
        """Drop the source text; tracebacks of this stage show none from now on."""
        linecache.cache.pop(self._filename, None)


def _entries(traceback: TracebackType | None) -> Iterator[TracebackType]:
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


@dataclass(slots=True)
class _Source:
    """Text being written.

    ``owners`` maps a line number to the operator called there, ``inputs`` an operator to the variable it was given.
    """

    last: int
    lines: list[str] = field(default_factory=list)
    owners: dict[int, int] = field(default_factory=dict)
    inputs: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"

    def add(self, line: str, owner: int | None = None) -> None:
        self.lines.append(line)
        if owner is not None:
            self.owners[len(self.lines)] = owner

    def owner(self, line: int) -> int:
        """The operator to name for ``line``. What the loop itself raises (no memory) counts as the last one's."""
        return self.owners.get(line, self.last)


def _generate(kinds: Sequence[Kind], stamps: Stamps) -> _Source:
    changing = sum(kind in CHANGES_NUMBER for kind in kinds)
    if not kinds or {Kind.FLAT_MAP, Kind.SINK} & {*kinds[:-1]} or changing > 1:
        found = [kind.value for kind in kinds]
        raise ValueError(f"a stage is maps, one filter and a sink at the end, or maps and a flat_map, found {found}")
    source = _Source(inputs=_inputs(kinds), last=len(kinds) - 1)
    left, right = ("", "") if stamps is Stamps.NONE else ("(", ", stamp)")
    opening, closing = "()" if kinds[-1] is Kind.FLAT_MAP else "[]"
    last = None if kinds[-1] is Kind.FILTER else source.last
    result = source.inputs[-1] if last is None else f"f{last}({source.inputs[last]})"
    source.add("def run(it, stamps):")
    source.add(f"    return {opening}")
    source.add(f"{left}{result}{right}", last)
    source.add("for x0 in it" if stamps is Stamps.NONE else "for x0, stamp in zip(it, stamps)")
    for index, kind in enumerate(kinds[:last]):
        call = f"f{index}({source.inputs[index]})"
        source.add(f"if {call}" if kind is Kind.FILTER else f"for {source.inputs[index + 1]} in [{call}]", index)
    source.add(closing)
    return source


def _inputs(kinds: Sequence[Kind]) -> list[str]:
    """The variable that holds each operator's input, and as last that of the stage's result.

    A filter hands on its own input.
    """
    inputs = ["x0"]
    for index, kind in enumerate(kinds):
        inputs.append(inputs[index] if kind is Kind.FILTER else f"x{index + 1}")
    return inputs
