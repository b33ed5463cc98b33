"""The same object as in ``sage_local``."""

from sage_local import LocalEnvironment

__all__ = ["LocalEnvironment"]
