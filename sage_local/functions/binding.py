"""From what a user gave to an operator to the plain callable that the runtime calls."""

import inspect
from collections.abc import Callable
from enum import Enum
from typing import Any

from sage_local.core.data import data
from sage_local.errors import FunctionError
from sage_local.functions.context import FunctionContext
from sage_local.functions.element_wise import FilterFunction, FlatMapFunction, KeySelector, MapFunction
from sage_local.functions.folds import ReduceFunction
from sage_local.functions.function import BaseFunction, Function
from sage_local.functions.sink import SinkFunction
from sage_local.functions.source import SourceFunction


@data
class Hooks:
    """What fits a role: a callable of ``arguments``, or a ``function_class`` that overrides one of ``names``.

    ``generates``: the result is gone through, so a generator function is what one would write.
    """

    operator: str
    function_class: type[Function]
    names: tuple[str, ...]
    arguments: int = 1
    generates: bool = False


class Role(Enum):
    """What a function is asked to be; the value is the name of its first hook."""

    MAP = "map"
    FILTER = "filter"
    FLAT_MAP = "flat_map"
    KEY = "get_key"
    REDUCE = "reduce"
    SINK = "write"
    BATCH_SINK = "write_batch"
    """A sink where batches of columns come: one that takes them need not take single records."""


_HOOKS = {
    Role.MAP: Hooks("map", MapFunction, ("map", "process")),
    Role.FILTER: Hooks("filter", FilterFunction, ("filter", "process")),
    Role.FLAT_MAP: Hooks("flat_map", FlatMapFunction, ("flat_map", "process"), generates=True),
    Role.KEY: Hooks("key_by", KeySelector, ("get_key",)),
    Role.REDUCE: Hooks("reduce", ReduceFunction, ("reduce",), arguments=2),
    Role.SINK: Hooks("sink", SinkFunction, ("write", "invoke")),
    Role.BATCH_SINK: Hooks("sink", SinkFunction, ("write", "invoke", "write_batch")),
}


def bind(function: Any, role: Role | str) -> Callable[..., Any]:
    """The callable to call with each record: a hook of ``function``, or ``function`` itself.

    Called when the graph is built, to refuse what does not fit with a ``FunctionError``, and again in each worker. The
    result of a function class is a bound method, so it sees what ``open`` has set.
    """
    return bind_hooks(function, _HOOKS[Role(role)])


def bind_hooks(function: Any, hooks: Hooks) -> Callable[..., Any]:
    """As ``bind``, for hooks that are no role of their own."""
    _refuse_class(function, hooks)
    target = _hook(function, hooks) if isinstance(function, Function) else function
    if not callable(target):
        raise FunctionError(f"{hooks.operator}() takes {_wanted(hooks)}, found {function!r}{_hint(function, hooks)}")
    _refuse_kind(target, hooks)
    _refuse_arity(target, hooks)
    return target  # type: ignore[no-any-return]  # callable() narrows Any no further


def open_function(function: Any, context: FunctionContext) -> None:
    """Run ``open`` of a function class, also when only its bound method is at hand; a plain callable has none."""
    owner = getattr(function, "__self__", function)
    if isinstance(owner, Function | SourceFunction):
        owner.open(context)


def close_function(function: Any) -> None:
    """Run ``close`` of what ``open_function`` opened."""
    owner = getattr(function, "__self__", function)
    if isinstance(owner, Function | SourceFunction):
        owner.close()


def refuse_class(function: Any, operator: str, expected: type) -> None:
    """Raise where a class was given for its instance, or something else than an instance of ``expected``."""
    if isinstance(function, type) and issubclass(function, Function | SourceFunction):
        name = function.__name__
        raise FunctionError(f"{operator}() takes an instance, found the class {name} itself: write {name}(...)")
    if not isinstance(function, expected):
        raise FunctionError(f"{operator}() takes an instance of {expected.__name__}, found {function!r}")


def refuse_unreadable(source: SourceFunction[Any]) -> None:
    """Raise where ``source`` overrides neither form of reading, or one of them by half."""
    kind = type(source)
    overridden = [
        name for name in ("run", "splits", "open_split") if getattr(kind, name) is not getattr(SourceFunction, name)
    ]
    if "run" in overridden or overridden == ["splits", "open_split"]:
        return
    found = f"only {overridden[0]}()" if overridden else "none of them"
    raise FunctionError(
        "from_source() takes a source that overrides run(), or splits() and open_split();"
        f" {kind.__name__} overrides {found}"
    )


def _refuse_class(function: Any, hooks: Hooks) -> None:
    if isinstance(function, type) and issubclass(function, Function | SourceFunction):
        refuse_class(function, hooks.operator, hooks.function_class)


def _hook(function: Function, hooks: Hooks) -> Any:
    """The bound method of the first overridden hook."""
    if isinstance(function, hooks.function_class):
        names: tuple[str, ...] = hooks.names
    elif isinstance(function, BaseFunction) and hooks.arguments == 1:
        names = ("process",)
    else:
        raise FunctionError(f"{hooks.operator}() takes {_wanted(hooks)}, found the {_kind(function)} {_name(function)}")
    for name in names:
        if _overrides(function, name, hooks):
            return getattr(function, name)
    missing = " nor ".join(f"{name}()" for name in names)
    overrides = "overrides neither" if len(names) > 1 else "does not override"
    raise FunctionError(f"the {_name(function)} given to {hooks.operator}() {overrides} {missing}")


def _overrides(function: Function, name: str, hooks: Hooks) -> bool:
    """Whether ``name`` comes from the user, and not from the class which declares the hook."""
    if name in getattr(function, "__dict__", {}):
        return True
    owner = next((cls for cls in type(function).__mro__ if name in vars(cls)), None)
    declaring = {BaseFunction, hooks.function_class, *(other.function_class for other in _HOOKS.values())}
    return owner is not None and owner not in declaring


def _refuse_kind(target: Any, hooks: Hooks) -> None:
    """A generator or coroutine function called like a plain one never runs its body: refuse it here."""
    if inspect.iscoroutinefunction(target) or inspect.isasyncgenfunction(target):
        raise FunctionError(f"{hooks.operator}() takes a plain function, found the asynchronous {_name(target)}")
    if inspect.isgeneratorfunction(target) and not hooks.generates:
        raise FunctionError(
            f"{hooks.operator}() takes a function that returns, found the generator function {_name(target)}:"
            " flat_map() takes those"
        )


def _refuse_arity(target: Any, hooks: Hooks) -> None:
    try:
        signature = inspect.signature(target)
    except (TypeError, ValueError):
        # Some callables written in C do not tell; then the first record shows.
        return
    try:
        signature.bind(*[None] * hooks.arguments)
    except TypeError as error:
        count = "one argument" if hooks.arguments == 1 else f"{hooks.arguments} arguments"
        found = f"{_name(target)}{signature}"
        hint = f"; an instance is written {_name(target)}(...)" if isinstance(target, type) else ""
        raise FunctionError(
            f"{hooks.operator}() calls its function with {count}, found {found}: {error}{hint}"
        ) from None


def _hint(function: Any, hooks: Hooks) -> str:
    """For a column: behind a function of single records a stream of columns is one of rows."""
    if hooks.function_class is KeySelector and isinstance(function, str | int):
        return f"; this is a stream of rows, not of columns: write key_by(lambda row: row[{function!r}])"
    return ""


def _wanted(hooks: Hooks) -> str:
    return f"a callable or a {hooks.function_class.__name__}"


def _kind(function: Function) -> str:
    """The role that ``function`` does have, for messages."""
    for cls in type(function).__mro__:
        if cls.__module__.startswith("sage_local."):
            return cls.__name__
    return "function"


def _name(target: Any) -> str:
    name = getattr(target, "__qualname__", None)
    return name if isinstance(name, str) else type(target).__name__
