"""The names of operators."""

from functools import partial
from typing import Any

from sage_local.errors import PlanError


def operator_name(given: str | None, function: Any, otherwise: str) -> str:
    """``given``, else the name of ``function`` or of its class, else (a lambda) the operator's own word."""
    if given is not None:
        if not isinstance(given, str) or not given.strip() or not given.isprintable():
            raise PlanError(f"name: expected a line of text that is not empty, found {given!r}")
        return str.__str__(given)  # a subclass of str would have to be importable in every process
    while isinstance(function, partial):
        function = function.func
    name = getattr(function, "__name__", None)
    if not isinstance(name, str):
        return otherwise if function is None else type(function).__name__
    return otherwise if name == "<lambda>" else name


class UniqueNames:
    """Tells operators of one graph apart: the second ``map`` becomes ``map-2``."""

    def __init__(self) -> None:
        self._claimed: set[str] = set()

    def claim(self, name: str) -> str:
        """``name``, or the first free one of ``name-2``, ``name-3``, ..."""
        unique, number = name, 1
        while unique in self._claimed:
            number += 1
            unique = f"{name}-{number}"
        self._claimed.add(unique)
        return unique
