"""The key at hand."""

from typing import Final

from sage_local.runtime.native import Cursor

__all__ = ["NO_KEY", "Cursor"]


class _NoKey:
    """Stands for the key where there is none. Unhashable, so that no use of it as one goes unnoticed."""

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]  # the point of the class

    def __repr__(self) -> str:
        return "<no key>"


NO_KEY: Final = _NoKey()
