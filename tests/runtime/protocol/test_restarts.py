from sage_local.runtime.protocol.restarts import (
    ExponentialDelay,
    FailureRate,
    FixedDelay,
    GiveUp,
    NoRestart,
    Restart,
    Restarts,
)

MIDDLE = 0.5  # the random number that spreads nothing


def delays(restarts: Restarts, failures_at: list[int], random: float = MIDDLE) -> list[int | None]:
    """The delay after each failure, ``None`` where the job was given up."""
    found = []
    for now_ms in failures_at:
        restarts, decision = restarts.failed(now_ms, random)
        found.append(decision.delay_ms if isinstance(decision, Restart) else None)
        restarts = restarts.running(now_ms)
    return found


def test_without_a_strategy_the_first_failure_ends_the_job():
    _, decision = Restarts(NoRestart()).failed(0, MIDDLE)
    assert isinstance(decision, GiveUp)


def test_a_fixed_delay_is_the_same_until_the_attempts_are_used_up():
    assert delays(Restarts(FixedDelay(attempts=2, delay_ms=50)), [0, 1, 2]) == [50, 50, None]


EXPONENTIAL = ExponentialDelay(attempts=5, delay_ms=100, max_delay_ms=500, jitter=0.1, quiet_ms=10_000)


def test_an_exponential_delay_doubles_up_to_the_largest():
    assert delays(Restarts(EXPONENTIAL), [1, 2, 3, 4, 5, 6]) == [100, 200, 400, 500, 500, None]


def test_an_exponential_delay_starts_anew_after_a_quiet_time():
    assert delays(Restarts(EXPONENTIAL), [1, 2, 20_000]) == [100, 200, 100]


def test_jitter_spreads_in_both_directions_and_never_beyond_the_largest_delay():
    assert delays(Restarts(EXPONENTIAL), [1], random=0.0) == [90]
    assert delays(Restarts(EXPONENTIAL), [1, 2, 3, 4], random=1.0) == [110, 220, 440, 500]


def test_a_failure_rate_gives_up_only_when_failures_are_close_together():
    policy = FailureRate(failures=2, interval_ms=1000, delay_ms=10)
    assert delays(Restarts(policy), [0, 600, 1200, 1800]) == [10, 10, 10, 10]
    assert delays(Restarts(policy), [0, 300, 600]) == [10, 10, None]


def test_restarts_are_numbered():
    restarts = Restarts(FixedDelay(attempts=3, delay_ms=0))
    restarts, first = restarts.failed(0, MIDDLE)
    _, second = restarts.failed(1, MIDDLE)
    assert [first, second] == [Restart(0, 1), Restart(0, 2)]
