"""Pickling the deployment by value, and saying what is at fault when that fails."""

import io
import sys
from collections import ChainMap
from collections.abc import Iterator
from dataclasses import fields, replace
from functools import partial
from types import MethodType
from typing import Any, ClassVar

from sage_local.errors import SerializationError
from sage_local.plan.operators import Operator
from sage_local.plan.physical import Plan
from sage_local.runtime.job import Deployment

MAX_DEPTH = 6
"""How deep the search for the member at fault goes."""


def pickle_deployment(deployment: Deployment) -> bytes:
    """``deployment`` by value, the user's ``__main__`` included. Raises ``SerializationError``."""
    try:
        return _dumps(deployment)
    except Exception as error:
        # Pickling runs the user's __reduce__ and __getstate__, which may raise anything.
        return _second_try(deployment, error)


def _dumps(value: Any) -> bytes:
    import cloudpickle

    class ByValue(cloudpickle.Pickler):  # type: ignore[misc]  # it comes without annotations
        # cloudpickle reads an open text file to its end and sends what it found: not what the user's function expects.
        dispatch_table: ClassVar[Any] = ChainMap({io.TextIOWrapper: _refuse_file}, cloudpickle.Pickler.dispatch_table)

    with io.BytesIO() as buffer:
        ByValue(buffer, protocol=5).dump(value)
        return buffer.getvalue()


def _refuse_file(file: io.TextIOWrapper) -> Any:
    for name in ("stdout", "stderr"):
        if file is getattr(sys, name):
            return getattr, (sys, name)
    raise TypeError(f"cannot pickle the open file {file.name!r}")


def _second_try(deployment: Deployment, error: Exception) -> bytes:
    """Leave out classes of ``__main__`` that can not be pickled: that their instances can not travel is no error."""
    kept = {name: each for name, each in deployment.main_classes.items() if _failure(each) is None}
    culprit = _culprit(deployment.plan)
    if culprit is not None or len(kept) == len(deployment.main_classes):
        raise SerializationError(culprit or f"the plan can not be pickled: {error!r}") from error
    return _dumps(replace(deployment, main_classes=kept))


def _culprit(plan: Plan) -> str | None:
    for chain in plan.chains:
        for operator in chain.operators:
            if (found := _operator_at_fault(operator)) is not None:
                return found
    return None


def _operator_at_fault(operator: Operator) -> str | None:
    for field in fields(operator):
        value = getattr(operator, field.name)
        if (error := _failure(value)) is not None:
            path, member = _member_at_fault(value, field.name)
            return (
                f"operator {operator.name!r} can not be sent to a worker: {path} is a {_type_name(member)}"
                f" ({type(error).__name__}: {error}); create it in open(), which runs in the worker"
            )
    return None


def _member_at_fault(value: Any, path: str) -> tuple[str, Any]:
    """The innermost member that can not be pickled by itself, and the way to it."""
    for _ in range(MAX_DEPTH):
        for name, member in _members(value):
            if _failure(member) is not None:
                path, value = f"{path}{name}", member
                break
        else:
            break
    return path, value


def _members(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from ((f"[{key!r}]", member) for key, member in value.items())
    elif isinstance(value, list | tuple | set | frozenset):
        yield from ((f"[{index}]", member) for index, member in enumerate(value))
    elif callable(value) and (bound := getattr(value, "__self__", None)) is not None:
        yield "'s object", bound
        if isinstance(value, MethodType):
            yield from _referred_to(value.__func__)
    elif isinstance(value, partial):
        yield "'s function", value.func
        yield from ((f"'s argument {index}", member) for index, member in enumerate(value.args))
        yield from ((f"'s argument {name!r}", member) for name, member in value.keywords.items())
    elif callable(value) and hasattr(value, "__code__"):
        yield from _referred_to(value)
    elif not _reduces_itself(value):  # others decide for themselves what of them is pickled
        yield from ((f".{name}", member) for name, member in getattr(value, "__dict__", {}).items())


def _reduces_itself(value: Any) -> bool:
    return any("__reduce__" in vars(kind) for kind in type(value).__mro__[:-1])


def _referred_to(function: Any) -> Iterator[tuple[str, Any]]:
    """What a function takes with it: its closure, the globals it names, and its defaults."""
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        yield f"'s variable {name!r}", cell.cell_contents
    for name in function.__code__.co_names:
        if name in function.__globals__:
            yield f"'s global {name!r}", function.__globals__[name]
    yield from ((f"'s default {index}", member) for index, member in enumerate(function.__defaults__ or ()))


def _failure(value: Any) -> Exception | None:
    try:
        _dumps(value)
    except Exception as error:
        # As above: anything may be raised, and here it is the answer.
        return error
    return None


def _type_name(value: Any) -> str:
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
