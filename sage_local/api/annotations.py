"""Whether the annotations of functions that follow each other fit.

Only concrete classes on both sides are compared. What is not annotated, generic, a protocol or a union is let pass: a
type checker sees more of it, and a false alarm here would stop a program that works.
"""

import typing
from collections.abc import Iterable
from inspect import Parameter, signature
from types import UnionType
from typing import Any, NamedTuple

from sage_local.core.ids import NodeId
from sage_local.errors import TypeMismatchError
from sage_local.functions import Role, SourceFunction, bind
from sage_local.plan.graph import LogicalGraph, Node
from sage_local.plan.operators import Aggregate, Filter, FlatMap, Map, Operator, Reduce, Sink, Source

_TOWER = ((int, float), (int, complex), (float, complex))
"""The numeric tower of PEP 484, which ``issubclass`` does not know."""


class _Typed(NamedTuple):
    """What is known of a stream's records, and which operator says so."""

    cls: type
    operator: str


def check_annotations(graph: LogicalGraph) -> None:
    """Raise ``TypeMismatchError`` naming both operators where one returns what the next does not take."""
    produced: dict[NodeId, _Typed | None] = {}
    for node in graph.nodes:
        # Of a side output nothing is known: its type is not the operator's result.
        incoming = [None if source.tag is not None else produced[source.node] for source in node.inputs]
        for typed in incoming:
            _compare(typed, node)
        produced[node.id] = _produces(node, incoming)


def _compare(typed: _Typed | None, node: Node) -> None:
    taken = _taken(node.operator)
    if typed is not None and taken is not None and not _fits(typed.cls, taken):
        raise TypeMismatchError(
            f"operator {typed.operator!r} returns {typed.cls.__qualname__}, but operator {node.operator.name!r},"
            f" which follows it, takes {taken.__qualname__}"
        )


def _fits(returned: type, taken: type) -> bool:
    """A subclass fits. So does a base class: some of its instances may be meant."""
    if issubclass(returned, taken) or issubclass(taken, returned):
        return True
    return any(issubclass(returned, narrow) and taken is wide for narrow, wide in _TOWER)


def _taken(operator: Operator) -> type | None:
    """The class that the operator's function takes."""
    match operator:
        case Aggregate(function=function):
            return _parameter(function.add, 1)
        case Map(function=function):
            return _parameter(bind(function, Role.MAP), 0)
        case Filter(function=function):
            return _parameter(bind(function, Role.FILTER), 0)
        case FlatMap(function=function):
            return _parameter(bind(function, Role.FLAT_MAP), 0)
        case Reduce(function=function):
            return _parameter(bind(function, Role.REDUCE), 0)
        # Where batches of columns come, one that takes them is shown no record.
        case Sink(function=function) if not hasattr(function, "write_batch"):
            return _parameter(bind(function, Role.SINK), 0)
        case _:
            return None


def _produces(node: Node, incoming: list[_Typed | None]) -> _Typed | None:
    operator = node.operator
    if isinstance(operator, Map):
        cls = _concrete(_returned(bind(operator.function, Role.MAP)))
    elif isinstance(operator, FlatMap):
        cls = _concrete(_element(_returned(bind(operator.function, Role.FLAT_MAP))))
    elif isinstance(operator, Source):
        cls = _concrete(_source_element(type(operator.source)))
    elif isinstance(operator, Aggregate):
        cls = tuple
    else:
        # These pass on what they take. Of several streams it is too much to say what they have in common.
        return incoming[0] if len(incoming) == 1 else None
    return None if cls is None else _Typed(cls, operator.name)


def _parameter(function: Any, index: int) -> type | None:
    """The annotated class of a positional parameter."""
    try:
        parameters = list(signature(function).parameters.values())
    except (TypeError, ValueError):
        return None
    if index >= len(parameters) or parameters[index].kind not in (
        Parameter.POSITIONAL_ONLY,
        Parameter.POSITIONAL_OR_KEYWORD,
    ):
        return None
    # A class called as a function takes what its constructor takes.
    target = vars(function).get("__init__") if isinstance(function, type) else function
    return _concrete(_hints(target).get(parameters[index].name))


def _returned(function: Any) -> Any:
    """A class called as a function returns its instances."""
    return function if isinstance(function, type) else _hints(function).get("return")


def _hints(function: Any) -> dict[str, Any]:
    target = function if hasattr(function, "__annotations__") else type(function).__call__
    try:
        return typing.get_type_hints(target)
    except (AttributeError, NameError, SyntaxError, TypeError):
        # An annotation that means nothing here (an import for type checkers only, a sentence) says nothing.
        return {}


def _element(iterable: Any) -> Any:
    """``X`` of ``Iterable[X]``, ``list[X]``, ``Generator[X, ...]``, ``tuple[X, ...]``; ``str`` of ``str``."""
    if iterable is str:
        return str
    origin, arguments = typing.get_origin(iterable), typing.get_args(iterable)
    if not isinstance(origin, type) or not issubclass(origin, Iterable) or not arguments:
        return None
    if issubclass(origin, tuple) and arguments[1:] != (Ellipsis,):
        return None
    return arguments[0]


def _source_element(source: type) -> Any:
    """``X`` of a source class that derives from ``SourceFunction[X]``."""
    for cls in source.__mro__:
        for base in getattr(cls, "__orig_bases__", ()):
            if typing.get_origin(base) is SourceFunction:
                return typing.get_args(base)[0]
    return None


def _concrete(annotation: Any) -> type | None:
    """The class that ``annotation`` stands for, where ``issubclass`` can tell something about it."""
    cls = typing.get_origin(annotation) or annotation
    if not isinstance(cls, type) or cls in (Any, object, UnionType) or getattr(cls, "_is_protocol", False):
        return None
    return dict if typing.is_typeddict(cls) else cls
