"""How long an idle worker looks again before it sleeps."""

MAX_BUDGET_US = 20.0
"""About what a wake-up costs both sides together (docs/data-plane.md, Limits)."""
_STEP = 1.25


class SpinBudget:
    """Grows while spinning finds something, shrinks while it does not; ``allowed=False`` (a shared CPU): always 0."""

    def __init__(self, *, allowed: bool) -> None:
        self._allowed = allowed
        self._us = MAX_BUDGET_US

    @property
    def us(self) -> float:
        """How long to spin now; 0 when spinning has not paid off lately."""
        return self._us if self._allowed and self._us >= 1.0 else 0.0

    def found(self) -> None:
        """Spinning, or looking once more before going to sleep, found work."""
        self._us = min(max(self._us, 1.0) * _STEP * _STEP, MAX_BUDGET_US)

    def missed(self) -> None:
        """The worker had to sleep."""
        self._us /= _STEP
