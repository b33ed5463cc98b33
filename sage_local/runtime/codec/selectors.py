"""Selectors that need not be called: ``lambda r: r[2]`` only takes an item, which a loop can do by itself.

As source text for generated loops, and as what the native ones are told.
"""

import ast
import dis
import operator
from collections.abc import Callable, Iterator
from enum import IntEnum
from types import FunctionType
from typing import Any

from sage_local.functions.aggregates import Field
from sage_local.runtime.native import select


class Selection(IntEnum):
    """Where a value comes from; the numbers are those of ``native/py_selector.h``."""

    WHOLE = 0
    """The record itself."""
    ITEM = 1
    FIELD = 2
    """The item of a dict, the attribute of any other record."""
    ATTRIBUTE = 3


WHOLE: tuple[int, object] = (int(Selection.WHOLE), None)

_SIMPLE = (bool, int, str)
_ODD = {"VARARGS", "VARKEYWORDS", "GENERATOR", "COROUTINE", "ASYNC_GENERATOR", "ITERABLE_COROUTINE"}
_IGNORED = {"RESUME", "CACHE", "NOP", "PRECALL", "COPY_FREE_VARS"}
_LOADS = {"LOAD_FAST", "LOAD_FAST_BORROW", "LOAD_FAST_CHECK"}
_CONSTANTS = {"LOAD_CONST", "LOAD_SMALL_INT"}


def expression(selector: Callable[[Any], Any], record: str) -> str | None:
    """An expression in the variable ``record`` that does what ``selector(record)`` does; ``None``: it is not simple.

    Simple is the record itself, one of its items by a literal, or one of its attributes.
    """
    if isinstance(selector, operator.itemgetter):
        items = selector.__reduce__()[1]
        return f"{record}[{items[0]!r}]" if len(items) == 1 and type(items[0]) in _SIMPLE else None
    if type(selector) is not FunctionType or not _takes_one_argument(selector):
        return None
    steps = [step for step in dis.get_instructions(selector) if step.opname not in _IGNORED]
    # One that loads anything else first is no selector: a constant, a global, a local that nothing was put into.
    if not steps or steps[0].opname not in _LOADS or steps[0].argval != selector.__code__.co_varnames[0]:
        return None
    return _of_code(steps, record)


def selection(selector: Callable[[Any], Any] | None) -> tuple[int, object] | None:
    """The same for the native loops: how a value is selected, and by what; ``None``: only by a call."""
    if selector is None:
        return WHOLE
    if isinstance(selector, Field):
        return int(Selection.FIELD), selector.name
    text = expression(selector, "x")
    if text is None:
        return None
    if text.startswith("x."):
        return int(Selection.ATTRIBUTE), text[2:]
    return WHOLE if text == "x" else (int(Selection.ITEM), ast.literal_eval(text[2:-1]))


def is_identity(selector: Callable[[Any], Any]) -> bool:
    """Whether ``selector`` is ``lambda value: value`` under whatever names."""
    return expression(selector, "x") == "x"


def selecting(selector: Callable[[Any], Any]) -> Callable[[Iterator[Any]], list[Any]]:
    """A function from records to what ``selector`` says of each.

    When something raises, a list iterator it was given stands behind the record at fault.
    """
    found = selection(selector)
    if found is not None:
        return lambda records: select(records, found)
    # Not map(): it would take a StopIteration out of the selector for the end of the records.
    return lambda records: [selector(record) for record in records]


def _takes_one_argument(function: FunctionType) -> bool:
    code = function.__code__
    flags = {name for bit, name in dis.COMPILER_FLAG_NAMES.items() if code.co_flags & bit}
    return code.co_argcount == 1 and code.co_kwonlyargcount == 0 and not code.co_freevars and not flags & _ODD


def _of_code(steps: list[dis.Instruction], record: str) -> str | None:
    if steps[-1].opname != "RETURN_VALUE":
        return None
    match steps[1:-1]:
        case []:
            return record
        case [attribute] if attribute.opname == "LOAD_ATTR":
            return f"{record}.{attribute.argval}"
        case [constant, subscript] if constant.opname in _CONSTANTS and _is_subscript(subscript):
            return f"{record}[{constant.argval!r}]" if type(constant.argval) in _SIMPLE else None
        case _:
            return None


def _is_subscript(step: dis.Instruction) -> bool:
    return step.opname == "BINARY_SUBSCR" or (step.opname == "BINARY_OP" and step.argrepr == "[]")
