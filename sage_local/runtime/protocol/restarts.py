"""Whether and when a failed job starts again: a policy, what happened so far, and a decision for each failure."""

from dataclasses import replace

from sage_local.core.data import data


@data
class NoRestart:
    """The first failure ends the job."""


@data
class FixedDelay:
    """``attempts`` restarts, each after ``delay_ms``."""

    attempts: int
    delay_ms: int


@data
class ExponentialDelay:
    """Each wait is twice the one before, from ``delay_ms`` to ``max_delay_ms``, spread by up to ``jitter`` of itself.

    A job that ran for ``quiet_ms`` without a failure has its ``attempts`` and its first delay back.
    """

    attempts: int
    delay_ms: int
    max_delay_ms: int
    jitter: float
    quiet_ms: int


@data
class FailureRate:
    """Restarts after ``delay_ms`` as long as no more than ``failures`` fall within any ``interval_ms``."""

    failures: int
    interval_ms: int
    delay_ms: int


Policy = NoRestart | FixedDelay | ExponentialDelay | FailureRate


@data
class Restart:
    """Start again after ``delay_ms``; this is restart number ``number`` since the last quiet time, from 1."""

    delay_ms: int
    number: int


@data
class GiveUp:
    """The failure ends the job; ``reason`` is for the log."""

    reason: str


Decision = Restart | GiveUp


@data
class Restarts:
    """The failures that still count. Times are milliseconds of a clock that never goes back."""

    policy: Policy
    used: int = 0
    running_since_ms: int = 0
    failed_at_ms: tuple[int, ...] = ()

    def running(self, now_ms: int) -> "Restarts":
        """The job runs (again) from now on."""
        return replace(self, running_since_ms=now_ms)

    def failed(self, now_ms: int, random: float) -> tuple["Restarts", Decision]:
        """What to do about a failure now. ``random`` is from 0 to 1, drawn by the caller."""
        match self.policy:
            case NoRestart():
                return self, GiveUp("restart.strategy is none")
            case FixedDelay(attempts, delay_ms):
                return self._attempt(attempts, delay_ms)
            case ExponentialDelay():
                return self._exponential(self.policy, now_ms, random)
            case FailureRate():
                return self._within_rate(self.policy, now_ms)

    def _attempt(self, attempts: int, delay_ms: int) -> tuple["Restarts", Decision]:
        if self.used >= attempts:
            return self, GiveUp(f"all {attempts} restarts are used up")
        used = self.used + 1
        return replace(self, used=used), Restart(delay_ms, used)

    def _exponential(self, policy: ExponentialDelay, now_ms: int, random: float) -> tuple["Restarts", Decision]:
        was_quiet = now_ms - self.running_since_ms >= policy.quiet_ms
        state = replace(self, used=0) if was_quiet else self
        # The exponent is bounded: after 60 doublings any first delay is beyond any largest one.
        wanted_ms = min(policy.delay_ms * 2 ** min(state.used, 60), policy.max_delay_ms)
        spread = 1 + policy.jitter * (2 * random - 1)
        return state._attempt(policy.attempts, min(round(wanted_ms * spread), policy.max_delay_ms))

    def _within_rate(self, policy: FailureRate, now_ms: int) -> tuple["Restarts", Decision]:
        recent = (*(at for at in self.failed_at_ms if now_ms - at < policy.interval_ms), now_ms)
        state = replace(self, failed_at_ms=recent, used=self.used + 1)
        if len(recent) > policy.failures:
            reason = f"{len(recent)} failures within {policy.interval_ms} ms, allowed are {policy.failures}"
            return state, GiveUp(reason)
        return state, Restart(policy.delay_ms, state.used)
