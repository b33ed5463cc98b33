"""Frozen classes of slots, as ``dataclass(frozen=True, slots=True)`` makes them, at a twentieth of the price.

A job's processes define some two hundred of these at start-up and make instances of a few dozen. ``dataclasses``
compiles five functions for each class (about 0.3 ms); here ``__init__`` is compiled at the first instance and the rest
are closures over the names of the fields. For ``dataclasses.fields`` and ``replace`` the real thing is made when they
ask. Fields are annotations with or without a plain default; a class that needs ``field(...)`` is a dataclass.
"""

from collections.abc import Callable
from dataclasses import FrozenInstanceError, dataclass
from operator import attrgetter
from typing import Any, ClassVar, Never, TypeVar, dataclass_transform

T = TypeVar("T")

_set = object.__setattr__
_NO_DEFAULT = object()


@dataclass_transform(frozen_default=True)
def data(cls: type[T]) -> type[T]:
    """A class of data. Its fields are given by position or by name."""
    return _made(cls, keywords=False)


@dataclass_transform(frozen_default=True, kw_only_default=True)
def keyword_data(cls: type[T]) -> type[T]:
    """A class of data whose fields are given by name only: so a base class may have defaults."""
    return _made(cls, keywords=True)


def _made(original: type[T], *, keywords: bool) -> type[T]:
    own = original.__annotations__
    if any(
        annotation is ClassVar or getattr(annotation, "__origin__", None) is ClassVar for annotation in own.values()
    ):
        raise TypeError(f"{original.__qualname__}: class variables of a class of data are not annotated")
    body = dict(original.__dict__)
    defaults = {name: body.pop(name, _NO_DEFAULT) for name in own}
    inherited = _inherited(original)
    fields: dict[str, Any] = inherited | defaults
    for name in ("__dict__", "__weakref__"):
        body.pop(name, None)
    body["__slots__"] = tuple(name for name in own if name not in inherited)
    body["__sage_fields__"] = fields
    body.setdefault("__match_args__", () if keywords else tuple(fields))
    _add_methods(body, tuple(fields))
    metaclass: Any = type(original)
    made = metaclass(original.__name__, original.__bases__, body)
    made.__qualname__ = original.__qualname__
    if "__init__" not in body:
        made.__init__ = _first_init(made, fields, keywords=keywords)
    dataclassed = _Dataclassed(original, keywords=keywords)
    made.__dataclass_fields__ = _Asked(dataclassed, "__dataclass_fields__")
    made.__dataclass_params__ = _Asked(dataclassed, "__dataclass_params__")
    result: type[T] = made
    return result


def _inherited(cls: type) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for base in reversed(cls.__mro__[1:]):
        if "__sage_fields__" not in base.__dict__ and "__dataclass_fields__" in base.__dict__:
            raise TypeError(f"{cls.__qualname__}: {base.__qualname__} is a dataclass, so its subclasses have to be too")
        fields |= base.__dict__.get("__sage_fields__", {})
    return fields


def _add_methods(body: dict[str, Any], names: tuple[str, ...]) -> None:
    values = _values_of(names)

    def __eq__(self: Any, other: object) -> Any:
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    def __hash__(self: Any) -> int:
        return hash(values(self))

    def __repr__(self: Any) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{type(self).__qualname__}({shown})"

    def __getstate__(self: Any) -> tuple[Any, ...]:
        return values(self)

    def __setstate__(self: Any, state: tuple[Any, ...]) -> None:
        for name, value in zip(names, state, strict=True):
            _set(self, name, value)

    if "__eq__" not in body:
        body["__eq__"] = __eq__
    # A class that defines __eq__ alone has a None there, which the language put.
    if body.get("__hash__") is None:
        body["__hash__"] = __hash__
    for method in (__repr__, __getstate__, __setstate__):
        body.setdefault(method.__name__, method)
    body["__setattr__"] = _refuse_to_set
    body["__delattr__"] = _refuse_to_delete


def _values_of(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    if len(names) > 1:
        return attrgetter(*names)
    return lambda self: tuple(getattr(self, name) for name in names)


def _refuse_to_set(self: object, name: str, value: object) -> Never:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(self: object, name: str) -> Never:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _first_init(cls: Any, fields: dict[str, Any], *, keywords: bool) -> Callable[..., None]:
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        cls.__init__ = _compiled_init(cls, fields, keywords=keywords)
        cls.__init__(self, *args, **kwargs)

    return __init__


def _compiled_init(cls: type, fields: dict[str, Any], *, keywords: bool) -> Callable[..., None]:
    parameters = [name if default is _NO_DEFAULT else f"{name}=defaults[{name!r}]" for name, default in fields.items()]
    if keywords and parameters:
        parameters.insert(0, "*")
    lines = [f"def __init__(self, {', '.join(parameters)}):"]
    lines += [f"    set(self, {name!r}, {name})" for name in fields]
    lines += ["    self.__post_init__()"] if hasattr(cls, "__post_init__") else ["    pass"]
    scope: dict[str, Any] = {"set": _set, "defaults": fields}
    exec("\n".join(lines), scope)
    init: Callable[..., None] = scope["__init__"]
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    return init


class _Dataclassed:
    """The dataclass that the class would have been, for those who ask what ``dataclasses`` knows of it."""

    def __init__(self, original: type, *, keywords: bool) -> None:
        self._original = original
        self._keywords = keywords
        self._made: type | None = None

    def get(self) -> type:
        if self._made is None:
            self._made = dataclass(frozen=True, kw_only=self._keywords)(self._original)
        return self._made


class _Asked:
    """An attribute of the class that is looked up in the dataclass."""

    def __init__(self, dataclassed: _Dataclassed, name: str) -> None:
        self._dataclassed = dataclassed
        self._name = name

    def __get__(self, instance: object, owner: type) -> Any:
        return getattr(self._dataclassed.get(), self._name)
