from typing import Any

import pytest


class RecordingContext:
    """Keeps what a push source emits; ``is_running`` until ``stop_after`` records were collected."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.collected: list[Any] = []
        self._stop_after = stop_after

    def collect(self, value: Any, /) -> None:
        self.collected.append(value)

    @property
    def is_running(self) -> bool:
        return self._stop_after is None or len(self.collected) < self._stop_after


@pytest.fixture
def recording() -> type[RecordingContext]:
    return RecordingContext
