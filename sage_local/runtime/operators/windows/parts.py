"""How each aggregate looks in generated code."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sage_local.functions import AggregateFunction
from sage_local.functions.aggregates import Count, Max, Mean, Min, Sum
from sage_local.functions.multi import Multi, can_merge
from sage_local.runtime.codec.selectors import WHOLE, expression, selection
from sage_local.runtime.operators.windows.copying import independent
from sage_local.runtime.state.apart import apart
from sage_local.runtime.state.folding import MOST_STEPS, Accumulator, Operation, Steps

RECORD = "x"
"""The variable that holds the record in generated code."""


@dataclass(frozen=True, slots=True)
class Part:
    """Source text for one accumulator.

    ``first`` makes it from the first record. ``update`` adds a record: ``{a}`` reads the accumulator, ``{w}`` is where
    a new one is stored. ``result`` reads the result of ``{a}``; ``merge`` makes one of ``{a}`` and ``{b}`` and changes
    neither.
    """

    first: str
    update: str
    result: str = "{a}"
    merge: str | None = None
    may_be_none: bool = True
    steps: Steps | None = None
    """The same for the native loops, where they can do it."""
    names: tuple[str, ...] = ()
    """With steps of an ``Accumulator``: the result is a dict of its values by these names."""


@dataclass(slots=True)
class Scope:
    """What generated code refers to: ``names`` are its globals, ``selected`` holds selected values by expression."""

    names: dict[str, Any] = field(default_factory=dict)
    selected: dict[str, str] = field(default_factory=dict)
    locals: int = 0
    copies: bool = False
    """Whether accumulators live on when results were read: these are to be no part of them then."""

    def local(self) -> str:
        """A local variable of its own."""
        self.locals += 1
        return f"part{self.locals}"

    def name(self, value: Any, word: str) -> str:
        """A global variable that holds ``value``."""
        name = f"{word}{len(self.names)}"
        self.names[name] = value
        return name

    def result(self, text: str) -> str:
        """The result ``text`` of the user's code, which may be the accumulator itself or a part of it."""
        return f"{self.name(apart, 'apart')}({text})" if self.copies else text

    def select(self, selector: Callable[[Any], Any] | None) -> str:
        """The variable that holds the selected value of the record at hand."""
        if selector is None:
            return RECORD
        text = expression(selector, RECORD)
        if text == RECORD:
            return RECORD
        text = text or f"{self.name(selector, 'select')}({RECORD})"
        return self.selected.setdefault(text, f"v{len(self.selected)}")


def values_part() -> Part:
    """All records, in order of arrival."""
    return Part(f"[{RECORD}]", f"{{a}}.append({RECORD})", merge="{a} + {b}", may_be_none=False)


def reduce_part(function: Callable[[Any, Any], Any], scope: Scope) -> Part:
    """The fold of a reduce function."""
    reduce, own = scope.name(function, "reduce"), scope.name(independent, "own")
    return Part(
        RECORD,
        f"{{w}} = {reduce}({{a}}, {RECORD})",
        scope.result("{a}"),
        merge=f"{reduce}({own}({{a}}), {own}({{b}}))",
    )


def aggregate_part(function: AggregateFunction[Any, Any, Any], scope: Scope) -> Part:
    """An aggregate function. The built-in ones are written out; a subclass of one may do anything, so it is called."""
    if type(function) is Count:
        step = (int(Operation.COUNT), *WHOLE)
        return Part("1", "{w} = {a} + 1", merge="{a} + {b}", may_be_none=False, steps=(step,))
    if type(function) in (Sum, Min, Max):
        return _fold_part(function, scope)
    if type(function) is Mean:
        return _mean_part(scope.select(function.value))
    if type(function) is Multi:
        return _multi_part(function, scope)
    return _user_part(function, scope)


def _fold_part(function: Any, scope: Scope) -> Part:
    v = scope.select(function.value)
    if type(function) is Sum:
        return Part(v, f"{{w}} = {{a}} + {v}", merge="{a} + {b}", steps=_steps(Operation.SUM, function.value))
    sign = "<" if type(function) is Min else ">"
    steps = _steps(Operation.MIN if type(function) is Min else Operation.MAX, function.value)
    merge = f"({{b}} if {{b}} {sign} {{a}} else {{a}})"
    return Part(v, f"if {v} {sign} {{a}}: {{w}} = {v}", merge=merge, steps=steps)


def _steps(operation: Operation, selector: Callable[[Any], Any] | None) -> Steps | None:
    found = selection(selector)
    return None if found is None else ((int(operation), *found),)


def _mean_part(v: str) -> Part:
    return Part(
        f"(0 + {v}, 1)",
        f"{{w}} = ({{a}}[0] + {v}, {{a}}[1] + 1)",
        "{a}[0] / {a}[1]",
        "({a}[0] + {b}[0], {a}[1] + {b}[1])",
        may_be_none=False,
    )


def _multi_part(function: Multi, scope: Scope, *, is_inner: bool = False) -> Part:
    parts = [
        _multi_part(each, scope, is_inner=True) if type(each) is Multi else aggregate_part(each, scope)
        for each in function.aggregates.values()
    ]
    # Not format(): escaped braces of a Multi inside are to stay so.
    results = [part.result.replace("{a}", f"{{a}}[{i}]") for i, part in enumerate(parts)]
    named = ", ".join(f"{name!r}: {result}" for name, result in zip(function.aggregates, results, strict=True))
    merges = [
        part.merge.format(a=f"{{a}}[{i}]", b=f"{{b}}[{i}]") for i, part in enumerate(parts) if part.merge is not None
    ]
    # The native loops know no Multi inside another.
    steps = None if is_inner else _all_steps(parts)
    held = [scope.local() for _ in parts]
    # Stored when all are made: a record that one of them fails on counts for none.
    stored = (
        [f"{{w}} = [{', '.join(held)}]"] if steps is None else [f"{{a}}[{i}] = {each}" for i, each in enumerate(held)]
    )
    updates = [part.update.format(a=each, w=each) for each, part in zip(held, parts, strict=True)]
    # What the native loops can do, they do with accumulators of their own kind.
    made = "[{}]" if steps is None else f"{scope.name(Accumulator, 'made')}(({{}},))"
    return Part(
        made.format(", ".join(part.first for part in parts)),
        "\n".join([f"{', '.join(held)}, = {{a}}", *updates, *stored]),
        f"{{{{{named}}}}}",  # twice escaped: braces that outlive one more format()
        made.format(", ".join(merges)) if len(merges) == len(parts) else None,
        may_be_none=False,
        steps=steps,
        names=tuple(function.aggregates),
    )


def _all_steps(parts: list[Part]) -> Steps | None:
    steps = [part.steps[0] for part in parts if isinstance(part.steps, tuple)]
    return steps if len(steps) == len(parts) <= MOST_STEPS else None


def _user_part(function: AggregateFunction[Any, Any, Any], scope: Scope) -> Part:
    create, add = scope.name(function.create_accumulator, "create"), scope.name(function.add, "add")
    result, own = scope.name(function.get_result, "result"), scope.name(independent, "own")
    merge = f"{scope.name(function.merge, 'merge')}({own}({{a}}), {own}({{b}}))" if can_merge(function) else None
    read = scope.result(f"{result}({{a}})")
    return Part(f"{add}({create}(), {RECORD})", f"{{w}} = {add}({{a}}, {RECORD})", read, merge)
