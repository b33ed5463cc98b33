"""The chain compiler: neighbouring map, filter and flat_map become one Python function over a list.

A comprehension is the fastest loop that Python code can run, and the interpreter keeps the books for errors: each user function is called on
a source line of its own, so the line of the traceback names the operator; the list iterator's length hint tells which record was at hand;
and what later operators were given stands in local variables (``x1``, ``x2``, …) of the frame. So nothing is spent per record on the chance of an error.

A chain ``map, filter, map`` becomes::

    def run(it, stamps):
        return [
    f2(
    x1)
    for x0 in it
    if f1(
    x1 := f0(
    x0))
    ]
"""

import linecache
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import count
from types import TracebackType
from typing import Any

from sage_local.runtime.operators.explosion import Explosion
from sage_local.runtime.protocol.blame import record_at

_serial = count()


class Kind(Enum):
    """What a function does with a record."""

    MAP = "map"
    FILTER = "filter"
    FLAT_MAP = "flat_map"


class Stamps(Enum):
    """Whether records come with timestamps."""

    NONE = "none"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class Fault:
    """Where a compiled function failed: the operator's index in the stage, and its record."""

    index: int
    record: Any


class Stage:
    """A compiled run of operators, of which at most one changes the number of records: so counts are known for each.

    ``run(iterator, stamps)`` takes a list's iterator and a list of timestamps (or ``None``). Without a flat_map it returns the list of results,
    with one an iterator of such lists. With timestamps, ``(result, timestamp)`` stands for each result; a flat_map then gives ``(results, timestamp)``.
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
        scope["explosion"] = Explosion()
        exec(compile(text, self._filename, "exec"), scope)
        self.run: Callable[[Iterator[Any], list[int] | None], Any] = scope["run"]

    def fault(self, values: list[Any], iterator: Iterator[Any], error: BaseException) -> Fault:
        """Where ``error`` came from, when ``run(iterator, …)`` over ``values`` raised it."""
        frames = [
            entry for entry in _entries(error.__traceback__) if entry.tb_frame.f_code.co_filename == self._filename
        ]
        index = self._source.owner(frames[-1].tb_lineno)
        variable = self._source.inputs[index]
        if variable == "x0":
            return Fault(index, record_at(values, iterator))
        outermost = next(entry.tb_frame for entry in frames if entry.tb_frame.f_code.co_name == "run")
        return Fault(index, outermost.f_locals[variable])

    def forget(self) -> None:
        """Drop the source text; tracebacks of this stage show none from now on."""
        linecache.cache.pop(self._filename, None)


def _entries(traceback: TracebackType | None) -> Iterator[TracebackType]:
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


@dataclass(slots=True)
class _Source:
    """Text being written; ``owners`` maps a line number to the operator called there, ``inputs`` an operator to the variable it was given."""

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

    def call(self, opening: str, calls: Sequence[int], value: str, closing: str) -> None:
        """``calls`` nested, the first innermost, around the variable ``value``; one line each."""
        for index in reversed(calls):
            self.add(f"{opening}f{index}(", index)
            opening = f"{self.inputs[index]} := " if index != calls[0] else ""
        self.add(f"{opening}{value}{')' * len(calls)}{closing}")

    def owner(self, line: int) -> int:
        """The operator to name for ``line``. What the loop itself raises (no memory) counts as the last one's."""
        return self.owners.get(line, self.last)


def _generate(kinds: Sequence[Kind], stamps: Stamps) -> _Source:
    if not kinds or Kind.FLAT_MAP in kinds[:-1] or sum(kind is not Kind.MAP for kind in kinds) > 1:
        raise ValueError(
            f"a stage is maps and one filter, or maps and a flat_map behind, found {[k.value for k in kinds]}"
        )
    source = _Source(inputs=_inputs(kinds), last=len(kinds) - 1)
    source.add("def run(it, stamps):")
    loop = "for x0 in it" if stamps is Stamps.NONE else "for x0, stamp in zip(it, stamps)"
    if kinds[-1] is Kind.FLAT_MAP:
        _generate_flat_map(source, loop, len(kinds), stamps)
    else:
        _generate_comprehension(source, loop, kinds, stamps)
    return source


def _inputs(kinds: Sequence[Kind]) -> list[str]:
    """The variable that holds each operator's input, and as last that of the stage's result: a filter hands on its own input."""
    inputs = ["x0"]
    for index, kind in enumerate(kinds):
        inputs.append(inputs[index] if kind is Kind.FILTER else f"x{index + 1}")
    return inputs


def _generate_comprehension(source: _Source, loop: str, kinds: Sequence[Kind], stamps: Stamps) -> None:
    left, right = ("", "") if stamps is Stamps.NONE else ("(", ", stamp)")
    behind = kinds.index(Kind.FILTER) + 1 if Kind.FILTER in kinds else 0
    source.add("    return [")
    source.call(left, range(behind, len(kinds)), source.inputs[behind], right)
    source.add(loop)
    if behind:
        source.call("if ", range(behind), "x0", "")
    source.add("]")


def _generate_flat_map(source: _Source, loop: str, operators: int, stamps: Stamps) -> None:
    last = operators - 1
    source.add("    out = []")
    source.add(f"    {loop}:")
    source.call("        got = ", range(operators), "x0", "")
    if stamps is Stamps.KEPT:
        source.add("        for part in explosion.parts(got):", last)
        source.add("            yield part, stamp")
        return
    source.add("        if type(got) is list:")
    source.add("            out += got")
    source.add("        else:")
    source.add("            out = yield from explosion.pour(got, out)", last)
    source.add("        if len(out) >= explosion.limit:")
    source.add("            yield from explosion.cut(out)")
    source.add("            out = []")
    source.add("    if out:")
    source.add("        yield out")
