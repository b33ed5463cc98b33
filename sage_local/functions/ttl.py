"""Time to live of state."""

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

from sage_local.config.kinds import duration_ms
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
        written = ttl // timedelta(milliseconds=1) if isinstance(ttl, timedelta) else ttl
        ttl_ms = duration_ms().read(written)
        if ttl_ms is None or ttl_ms <= 0:
            raise StateError(
                f"ttl must be a duration of at least 1 ms, such as timedelta(hours=1) or '1h', found {ttl!r}"
            )
        if not isinstance(update, TtlUpdate):
            raise StateError(f"update must be a TtlUpdate, found {update!r}")
        object.__setattr__(self, "ttl_ms", ttl_ms)
        object.__setattr__(self, "update", update)
