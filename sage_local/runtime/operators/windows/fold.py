"""Folding batches into accumulators by key: one generated loop for each use.

The loops differ in where the key comes from and in whether the records of a batch are of one pane. All leave the list
iterator where the failing record was, so an error finds its record without any record having been counted.
"""

from collections import _count_elements  # type: ignore[attr-defined]  # Counter's own loop; in C over a plain dict
from collections.abc import Callable, Iterable, Iterator, Mapping
from textwrap import indent
from typing import Any, Final

from sage_local.core.elements import MAX_TIMESTAMP
from sage_local.functions import AggregateFunction, Role, bind
from sage_local.functions.aggregates import Count
from sage_local.runtime.codec.selectors import WHOLE, expression, selection
from sage_local.runtime.operators.windows.parts import RECORD, Part, Scope, aggregate_part, reduce_part, values_part
from sage_local.runtime.state.folding import PaneStacks, SessionQueue
from sage_local.runtime.state.folding import fold as native_fold
from sage_local.runtime.state.folding import fold_sessions as native_fold_sessions
from sage_local.runtime.state.folding import merge as native_merge
from sage_local.runtime.state.folding import results as native_results

Space = Any  # a mutable mapping of keys to accumulators
Loop = Callable[..., None]
Results = Callable[[tuple[Any, ...], tuple[Any, ...]], list[Any]]

_MISSING = object()


class _Empty:
    """The accumulator of a session without records yet. A class, so that it pickles by reference."""


EMPTY: Final = _Empty

_ONE = """\
def run(space, keys, it):
    get = space.get
    {loop}:
{body}"""

_MANY = """\
def run(find, keys, it, stamps):
    last = None
    {loop}:
        cell = {cell}
        if cell != last:
            last = cell
            space = find(cell)
            get = space.get
{body}"""

_BODY = """\
{select}
a = {get}
if a is {absent}:
    space[k] = {first}
else:
    {update}
"""

_ADD = """\
def run(space, k, x):
{body}"""

_MERGE_TWO = """\
def run(a, b):
    return {merge}
"""

_SESSIONS = """\
def run(sessions, keys, it, stamps):
    get = sessions.get
    for k, x, t in zip(keys, it, stamps):
{select}
        gap = {gap}
        s = get(k)
        if s is None or t > s[1] or t < s[0]:
{place}
{add}
"""

_SESSION = """\
def run(k, x, t, it):
{select}
    gap = {gap}
{place}
{add}
"""

_PLACE = """\
# Before a session is made: there is to be none of a record that can not be added.
first = {first}
s = place(k, t, gap)
if s is None:
    late(it)
    {leave}
if s[2] is EMPTY:
    s[2] = first
    {leave}
"""

_PROLONG = """\
a = s[2]
{update}
if t + gap > s[1]:
    s[1] = t + gap
"""

_COUNTS = """\
def run(space, keys, it, stamps, size, done):
    get = space.get
    for k, x, t in zip(keys, it, stamps):
{select}
        s = get(k)
        if s is None:
            s = space[k] = [1, {first}]
        else:
            a = s[1]
{update}
            s[0] += 1
        if s[0] == size:
            del space[k]
            done((k, s[1], t))
"""

_MERGE = """\
def run(target, items):
    get = target.get
    for k, b in items:
        a = get(k, MISSING)
        target[k] = b if a is MISSING else {merge}
"""

_RESULTS = """\
def run(keys, accumulators):
    return [{result} for k, a in zip(keys, accumulators)]
"""


class Fold:
    """What a window does with its records: ``reduce``, ``aggregate``, or, with neither, keeps them.

    ``key_selector`` is bound. ``cell`` is source text that tells the pane of a record from its time ``t``; its names
    are in ``cell_names``. ``copies``: accumulators live on when their results were read.
    """

    def __init__(
        self,
        reduce: Any,
        aggregate: AggregateFunction[Any, Any, Any] | None,
        key_selector: Callable[[Any], Any] | None,
        cell: str = "0",
        cell_names: dict[str, Any] | None = None,
        *,
        copies: bool = False,
    ) -> None:
        self._scope = Scope({"MISSING": _MISSING, **(cell_names or {})}, copies=copies)
        self._part = self._make_part(reduce, aggregate)
        self._cell = cell
        self._key = None if key_selector is None else expression(key_selector, RECORD)
        self._key_selection = None if key_selector is None else selection(key_selector)
        self._steps = self._part.steps
        self._counts_only = type(aggregate) is Count
        self._loops: dict[tuple[bool, bool], Loop] = {}
        self.can_merge = self._part.merge is not None
        self._merges: dict[bool, Loop] = {}
        self._merge_two: Callable[[Any, Any], Any] | None = None
        self._add: Callable[[Space, Any, Any], None] | None = None

    def _make_part(self, reduce: Any, aggregate: AggregateFunction[Any, Any, Any] | None) -> Part:
        if reduce is not None:
            return reduce_part(bind(reduce, Role.REDUCE), self._scope)
        return values_part() if aggregate is None else aggregate_part(aggregate, self._scope)

    @property
    def leaves_accumulators(self) -> bool:
        """Whether nobody changes an accumulator when its window is over: the user's code may."""
        return self._steps is not None

    @property
    def selects_keys(self) -> bool:
        """Whether the loops can do without a list of keys."""
        return self._key is not None

    def add_to_one(self, space: Space, keys: list[Any] | None, records: Iterator[Any]) -> None:
        """Fold ``records`` into ``space``. Without ``keys`` they are selected, which needs ``selects_keys``."""
        if self._counts_only and keys is not None and type(space) is dict:
            _count_elements(space, keys)
            return
        if self._steps is not None and type(space) is dict and (keys is not None or self._key_selection is not None):
            native_fold(space, keys, records, self._key_selection or WHOLE, self._steps)
            return
        self._loop(one=True, keyed=keys is not None)(space, keys, records)

    def add_to_many(
        self, find: Callable[[int], Space], keys: list[Any] | None, records: Iterator[Any], times: Iterable[int]
    ) -> None:
        """Fold each record into the space that ``find`` has for its pane."""
        self._loop(one=False, keyed=keys is not None)(find, keys, records, times)

    def merge_into(self, target: Space, accumulators: Mapping[Any, Any]) -> None:
        """Merge ``accumulators`` by key into ``target``, behind those that are there.

        Accumulators that are in ``target`` alone may be changed, all others are replaced.
        """
        self._merge(target, accumulators, before=False)

    def merge_before(self, target: Space, accumulators: Mapping[Any, Any]) -> None:
        """As ``merge_into``, before those that are there."""
        self._merge(target, accumulators, before=True)

    def _merge(self, target: Space, accumulators: Mapping[Any, Any], *, before: bool) -> None:
        if self._steps is not None and type(target) is dict and type(accumulators) is dict:
            native_merge(target, accumulators, before, self._steps)
        else:
            self._merging(before=before)(target, accumulators.items())

    def merge_two(self, first: Any, second: Any) -> Any:
        """One accumulator of both; neither is changed."""
        if self._merge_two is None:
            assert self._part.merge is not None
            self._merge_two = self._compile(_MERGE_TWO.format(merge=self._part.merge.format(a="a", b="b")))
        return self._merge_two(first, second)

    @property
    def add(self) -> Callable[[Space, Any, Any], None]:
        """A function that folds one record of a given key into a space."""
        if self._add is None:
            body = self._body(keyed=True).replace("get(k", "space.get(k")
            self._add = self._compile(_ADD.format(body=indent(body, " " * 4)))
        return self._add

    def _merging(self, *, before: bool) -> Loop:
        found = self._merges.get(before)
        if found is None:
            assert self._part.merge is not None
            merge = self._part.merge.format(a="b", b="a") if before else self._part.merge.format(a="a", b="b")
            found = self._merges[before] = self._compile(_MERGE.format(merge=merge))
        return found

    def results(self, *, with_key: bool) -> Results:
        """A function from keys and their accumulators to results, or to ``(key, result)``."""
        if isinstance(self._steps, list):
            names = self._part.names
            return lambda keys, accumulators: native_results(keys, accumulators, names, with_key)
        result = self._part.result.format(a="a")
        run: Results = self._compile(_RESULTS.format(result=f"(k, {result})" if with_key else result))
        return run

    def pane_stacks(self, per_slide: int, *, with_key: bool) -> PaneStacks | None:
        """Native stacks of panes that give such ``results``; ``None`` where there are none for this fold."""
        if not isinstance(self._steps, list):
            return None
        return PaneStacks(self._steps, self._part.names, per_slide, with_key)

    def _loop(self, *, one: bool, keyed: bool) -> Loop:
        found = self._loops.get((one, keyed))
        if found is None:
            found = self._loops[one, keyed] = self._compile(self._text(one=one, keyed=keyed))
        return found

    def _text(self, *, one: bool, keyed: bool) -> str:
        variables = [*(["k"] if keyed else []), RECORD, *([] if one else ["t"])]
        iterables = [*(["keys"] if keyed else []), "it", *([] if one else ["stamps"])]
        zipped = iterables[0] if len(iterables) == 1 else f"zip({', '.join(iterables)})"
        body = self._body(keyed=keyed)
        template = _ONE if one else _MANY
        return template.format(
            loop=f"for {', '.join(variables)} in {zipped}", cell=self._cell, body=indent(body, " " * 8)
        )

    def _body(self, *, keyed: bool) -> str:
        part = self._part
        select = [f"{name} = {text}" for text, name in self._scope.selected.items()]
        absent = "MISSING" if part.may_be_none else "None"
        return _BODY.format(
            select="\n".join([*([] if keyed else [f"k = {self._key}"]), *select]),
            get="get(k, MISSING)" if part.may_be_none else "get(k)",
            absent=absent,
            first=part.first,
            update=part.update.format(a="a", w="space[k]").replace("\n", "\n    "),
        )

    def _select(self, depth: int = 2) -> str:
        return indent("\n".join(f"{name} = {text}" for text, name in self._scope.selected.items()), " " * 4 * depth)

    def _update(self, stored: str, spaces: int) -> str:
        return indent(self._part.update.format(a="a", w=stored), " " * spaces)

    def _compile(self, text: str) -> Any:
        scope = dict(self._scope.names)
        exec(compile(text, "<sage window>", "exec"), scope)
        return scope["run"]


class SessionFold(Fold):
    """Folds into sessions: lists of start, end, accumulator and more.

    ``gap`` is source text; ``names`` holds what it refers to, and ``place(key, time, gap)``, which finds the session of
    a record that is not in the key's latest one, or returns ``None``; then ``late(iterator)`` is called.
    """

    def __init__(
        self,
        reduce: Any,
        aggregate: AggregateFunction[Any, Any, Any] | None,
        key_selector: Callable[[Any], Any] | None,
        gap: str,
        names: dict[str, Any],
    ) -> None:
        super().__init__(reduce, aggregate, key_selector)
        self._scope.names.update(names, EMPTY=EMPTY)
        self._loop_over_sessions: Loop = self._compile(self._sessions(_SESSIONS, gap, depth=2, leave="continue"))
        self._gap_ms = int(gap) if gap.isdigit() and int(gap) < MAX_TIMESTAMP else None
        self._add_elsewhere = self._compile(self._sessions(_SESSION, gap, depth=1, leave="return"))

    def _sessions(self, template: str, gap: str, *, depth: int, leave: str) -> str:
        """The loop over records (``depth`` 2: placing one is the exception), or what is done with a single one."""
        place = _PLACE.format(first=self._part.first, leave=leave)
        add = _PROLONG.format(update=self._update("s[2]", 0))
        return template.format(
            select=self._select(depth),
            gap=gap,
            place=indent(place, " " * (12 if depth == 2 else 4)),
            add=indent(add, " " * 4 * depth),
        )

    def add_to_sessions(
        self,
        sessions: Space,
        keys: list[Any],
        records: Iterator[Any],
        times: list[int],
        over_up_to: int,
        queue: SessionQueue,
    ) -> None:
        """Fold each record into its session; ``over_up_to`` and ``queue`` are for sessions that begin."""
        if self._steps is None or self._gap_ms is None or type(sessions) is not dict:
            self._loop_over_sessions(sessions, keys, records, times)
            return
        add = self._add_elsewhere
        native_fold_sessions(
            sessions,
            keys,
            records,
            times,
            self._gap_ms,
            over_up_to,
            queue,
            self._steps,
            lambda k, x, t: add(k, x, t, records),
        )


class CountFold(Fold):
    """Folds into pairs of a number of records and an accumulator.

    ``add_counting(space, keys, records, stamps, size, done)`` calls ``done((key, accumulator, stamp))`` when there are
    ``size`` records.
    """

    def __init__(self, reduce: Any, aggregate: AggregateFunction[Any, Any, Any] | None) -> None:
        super().__init__(reduce, aggregate, None)
        text = _COUNTS.format(select=self._select(), first=self._part.first, update=self._update("s[1]", 12))
        self.add_counting: Loop = self._compile(text)
