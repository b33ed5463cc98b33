"""What one setting is: a row of the table."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from sage_local.config.kinds import Kind
from sage_local.errors import ConfigError

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True, eq=False)
class Setting(Generic[T_co]):
    """A key with the type, default and meaning of its value.

    ``default`` is a value, or a function of no arguments where the machine decides; ``default_text`` says what it means
    where the value does not. ``unbuilt``, where present, names the guarantee which this version does not give for any
    value but those in ``built``: writing another one is understood, and refused by ``submit``.
    """

    key: str
    kind: Kind[T_co]
    default: T_co | Callable[[], T_co]
    meaning: str
    default_text: str | None = None
    unbuilt: str | None = None
    built: tuple[T_co, ...] = ()

    def parse(self, written: object, origin: str) -> T_co:
        """The value of what somebody wrote; ``ConfigError`` names the key, both forms and where it was written."""
        value = self.kind.read(written)
        if value is None:
            raise ConfigError(f"{self.key}: expected {self.kind.expected}, found {written!r} ({origin})")
        return value

    def resolve_default(self) -> T_co:
        """The value when nobody wrote one."""
        # A type checker can not know that no value is itself callable.
        return self.default() if callable(self.default) else self.default  # pyright: ignore[reportReturnType]

    def is_built(self, value: object) -> bool:
        """Whether this version keeps the promise of ``value``."""
        return self.unbuilt is None or value in self.built
