"""Time to live of state."""

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

from sage_local.errors import StateError


class TtlUpdate(Enum):
    """What starts the time to live anew."""

    ON_CREATE_AND_WRITE = "on-create-and-write"
    ON_READ_AND_WRITE = "on-read-and-write"


@dataclass(frozen=True, slots=True, init=False)
class StateTtlConfig:
    """State is gone ``ttl`` after it was last written (or read): never returned from then on, removed soon after.

    The time is processing time. ``ttl`` is a ``timedelta``, a number of milliseconds or text such as ``"30s"``.
    """

    ttl_ms: int
    update: TtlUpdate

    def __init__(self, ttl: timedelta | int | str, *, update: TtlUpdate = TtlUpdate.ON_CREATE_AND_WRITE) -> None:
        # Imported here: every function's context knows this module, few programs have state that expires.
        from sage_local.windowing.duration import positive_ms

        ttl_ms = positive_ms(ttl, "ttl of state")
        if not isinstance(update, TtlUpdate):
            raise StateError(f"update must be a TtlUpdate, found {update!r}")
        object.__setattr__(self, "ttl_ms", ttl_ms)
        object.__setattr__(self, "update", update)
