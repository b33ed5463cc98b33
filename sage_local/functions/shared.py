"""What the functions of one process have loaded once, for all of them and for every execution."""

from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


class SharedObjects:
    """Of one worker process. Used from its one thread, in ``open``."""

    def __init__(self) -> None:
        self._loaded: dict[str, Any] = {}

    def get(self, name: str, load: Callable[[], T]) -> T:
        """The object of that name, made by ``load`` where there is none. What ``load`` raises comes out."""
        if name not in self._loaded:
            self._loaded[name] = load()
        found: T = self._loaded[name]
        return found
