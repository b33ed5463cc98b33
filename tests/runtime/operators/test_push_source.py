"""The hand-over from a push source's thread, by the steps of both sides."""

from collections import deque
from typing import Any

import pytest

from sage_local.errors import SourceStoppedError
from sage_local.runtime.operators.push_source import Handover


class Interrupted(deque[Any]):
    """Before a record comes in, ``meanwhile`` happens on the worker's side."""

    def __init__(self, meanwhile: Any) -> None:
        super().__init__()
        self.meanwhile = meanwhile

    def append(self, record: Any) -> None:
        self.meanwhile()
        super().append(record)


def test_a_record_that_comes_just_after_the_stop_is_refused_and_not_lost() -> None:
    handover = Handover(lambda: None)
    taken: list[Any] = []

    def stopped_and_taken() -> None:
        handover.stop()
        taken.extend(handover.take(10))

    handover._records = Interrupted(stopped_and_taken)
    with pytest.raises(SourceStoppedError):
        handover.collect("a")
    assert taken == handover.take(10) == []


def test_a_record_that_was_taken_though_the_stop_came_first_counts() -> None:
    taken: list[Any] = []

    class Quick(deque[Any]):
        def append(self, record: Any) -> None:
            super().append(record)
            handover.stop()
            taken.extend(handover.take(10))

    handover = Handover(lambda: None)
    handover._records = Quick()
    handover.collect("a")
    assert taken == ["a"]
