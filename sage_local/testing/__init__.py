"""The public test kit: what connector authors and users hold their own functions to.

Does not hold tests of the engine. May import every room below ``cli``; each module stands alone.
"""

from importlib import import_module
from typing import Any

_HOMES = {
    "SinkUnderTest": "sage_local.testing.sink_conformance",
    "check_two_phase_sink": "sage_local.testing.sink_conformance",
}
__all__ = list(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll]  # one list, not two


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'sage_local.testing' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
