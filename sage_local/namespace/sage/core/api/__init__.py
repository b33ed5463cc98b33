"""The engine's API under its first name; the same objects as in ``sage_local``."""

from sage_local import LocalEnvironment

__all__ = ["LocalEnvironment"]
