"""The kit passes a sink that keeps the rules, and finds every planted breach."""

import itertools
from collections import defaultdict

import pytest

from sage_local.functions import TwoPhaseCommitSink
from sage_local.testing import SinkUnderTest, check_two_phase_sink

VISIBLE: dict[int, list] = defaultdict(list)
PREPARED: dict[int, dict] = defaultdict(dict)
_numbers = itertools.count()


class TableSink(TwoPhaseCommitSink):
    """Transactions in a store that outlives the sink; a handle names one."""

    def __init__(self, place: int) -> None:
        self.place = place
        self.rows: list = []
        self.next = 0

    def open(self, context) -> None:
        self.subtask = context.subtask_index

    def write(self, value) -> None:
        self.rows.append(value)

    def prepare(self, checkpoint):
        handle = (self.subtask, self.next)
        self.next += 1
        PREPARED[self.place][handle] = self.rows
        self.rows = []
        return handle

    def commit(self, handle) -> None:
        VISIBLE[self.place] += PREPARED[self.place].pop(handle, [])

    def abort(self, handle) -> None:
        PREPARED[self.place].pop(handle, None)

    def snapshot(self):
        return self.next

    def recover(self, state) -> None:
        self.next = state or 0
        for handle in [each for each in PREPARED[self.place] if each[0] == self.subtask]:
            del PREPARED[self.place][handle]


class VisibleAtOnce(TableSink):
    def write(self, value) -> None:
        VISIBLE[self.place].append(value)


class VisibleWhenPrepared(TableSink):
    def prepare(self, checkpoint):
        handle = super().prepare(checkpoint)
        VISIBLE[self.place] += PREPARED[self.place][handle]
        PREPARED[self.place][handle] = []
        return handle


class CommitsAgain(TableSink):
    def commit(self, handle) -> None:
        VISIBLE[self.place] += PREPARED[self.place].get(handle, [])


class ForgetsThePrepared(TableSink):
    def commit(self, handle) -> None:
        if handle in getattr(self, "mine", ()):
            super().commit(handle)

    def prepare(self, checkpoint):
        handle = super().prepare(checkpoint)
        self.mine = [*getattr(self, "mine", ()), handle]
        return handle


class CommitsAllThereIs(TableSink):
    def commit(self, handle) -> None:
        for each in list(PREPARED[self.place]):
            super().commit(each)
        VISIBLE[self.place] += self.rows
        self.rows = []


class CleansUpForOthersToo(TableSink):
    def recover(self, state) -> None:
        super().recover(state)
        PREPARED[self.place].clear()


class AddsToWhatTheDeadLeft(TableSink):
    def recover(self, state) -> None:
        self.next = state or 0

    def prepare(self, checkpoint):
        handle = (self.subtask, self.next)
        self.next += 1
        PREPARED[self.place].setdefault(handle, [])
        PREPARED[self.place][handle] += self.rows
        self.rows = []
        return handle


class HandleOfNothingFails(TableSink):
    def prepare(self, checkpoint):
        assert self.rows, "no rows"
        return super().prepare(checkpoint)


class AbortFailsTwice(TableSink):
    def abort(self, handle) -> None:
        assert handle in PREPARED[self.place], "unknown transaction"
        super().abort(handle)


class LosesTheLast(TableSink):
    def end(self) -> None:
        self.rows = []


def places(sink):
    def place() -> SinkUnderTest:
        number = next(_numbers)
        return SinkUnderTest(new=lambda: sink(number), visible=lambda: VISIBLE[number])

    return place


def test_a_sink_that_keeps_the_rules_passes():
    assert "committing twice is committing once" in check_two_phase_sink(places(TableSink))


@pytest.mark.parametrize(
    "sink",
    [
        VisibleAtOnce,
        VisibleWhenPrepared,
        CommitsAgain,
        ForgetsThePrepared,
        CommitsAllThereIs,
        CleansUpForOthersToo,
        AddsToWhatTheDeadLeft,
        HandleOfNothingFails,
        AbortFailsTwice,
        LosesTheLast,
    ],
)
def test_a_breach_is_found(sink):
    with pytest.raises(AssertionError, match=r"\w+ \w+"):
        check_two_phase_sink(places(sink))


def test_too_few_records_tell_nothing():
    with pytest.raises(ValueError, match="at least 6"):
        check_two_phase_sink(lambda: SinkUnderTest(new=lambda: TableSink(-1), visible=list, records=("a",)))
