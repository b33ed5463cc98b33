"""The native loops over sessions: records go in, sessions that are over come out, and the queue says when to look."""

from typing import Any

import pytest

from sage_local.runtime.native import Accumulator, fold_sessions, look_at_sessions

SUM, COUNT = 0, 3
STEPS = [(SUM, 1, 1), (COUNT, 0, None)]
GAP = 10
MOST = 2**63 - 1


class Queue:
    """In slots of four milliseconds."""

    def __init__(self) -> None:
        self.queued: dict[Any, int] = {}
        self.keys_of: dict[int, list[Any]] = {}
        self.given = (self.queued, self.keys_of, 4, self.put)

    def put(self, key: Any, slot: int) -> None:
        assert slot not in self.keys_of
        self.keys_of[slot] = [key]


def add(
    sessions: dict[Any, Any], queue: Queue, *records: tuple[Any, int, int], over_up_to: int = -MOST
) -> list[tuple[Any, int]]:
    """Each record is a key, a value and a time; returns keys and times of those that were handed on."""
    elsewhere: list[tuple[Any, int]] = []
    keys, times = [key for key, _, _ in records], [time for _, _, time in records]
    fold_sessions(
        sessions,
        keys,
        iter(records),
        times,
        GAP,
        over_up_to,
        queue.given,
        STEPS,
        lambda key, _, time: elsewhere.append((key, time)),
    )
    return elsewhere


def test_records_go_into_the_session_of_their_key_or_elsewhere() -> None:
    sessions: dict[str, list[Any]] = {"a": [0, 10, Accumulator([5, 1]), None]}
    assert add(sessions, Queue(), ("a", 1, 3), ("a", 2, 12), ("a", 4, 40), ("a", 5, -1)) == [("a", 40), ("a", -1)]
    assert sessions == {"a": [0, 22, Accumulator([8, 3]), None]}


def test_the_first_session_of_a_key_begins_and_is_queued() -> None:
    sessions: dict[str, list[Any]] = {}
    queue = Queue()
    assert add(sessions, queue, ("a", 1, 3), ("b", 2, -9), ("a", 3, 5), ("c", 4, 2)) == []
    assert sessions == {
        "a": [3, 15, Accumulator([4, 2]), None],
        "b": [-9, 1, Accumulator([2, 1]), None],
        "c": [2, 12, Accumulator([4, 1]), None],
    }
    assert queue.queued == {"a": 12, "b": 0, "c": 11}
    assert queue.keys_of == {3: ["a"], 0: ["b"], 2: ["c"]}


def test_what_would_be_over_already_or_end_beyond_all_time_is_handed_on() -> None:
    sessions: dict[str, list[Any]] = {}
    assert add(sessions, Queue(), ("a", 1, 3), ("b", 1, 4), ("c", 1, MOST - 3), over_up_to=12) == [
        ("a", 3),
        ("c", MOST - 3),
    ]
    assert list(sessions) == ["b"]


def test_sessions_that_are_over_come_out_and_others_are_looked_at_later() -> None:
    sessions: dict[str, list[Any]] = {}
    queue = Queue()
    add(sessions, queue, ("over", 1, -2), ("prolonged", 1, -1), ("prolonged", 1, 7), ("early", 1, 1), ("stale", 1, 0))
    queue.queued["stale"] = 100
    keys = queue.keys_of.pop(1) + queue.keys_of.pop(2)
    one = Accumulator([1, 1])
    assert look_at_sessions(sessions, ["nobody", *keys], queue.given, 1, 7) == ([(8, "over", one, -2)], [], [])
    assert look_at_sessions(sessions, keys, queue.given, 2, 8) == ([], [], ["early"])
    assert look_at_sessions(sessions, ["early"], queue.given, 2, 10) == (
        [(11, "early", one, 1)],
        [],
        [],
    )
    assert list(sessions) == ["prolonged", "stale"]
    assert (queue.queued, queue.keys_of) == ({"prolonged": 16, "stale": 100}, {4: ["prolonged"]})


@pytest.mark.parametrize("session", [[0, 4, [1], [[9, 12, [1], None]]], [0, 2**64, [1], None]])
def test_what_is_not_clear_is_left_as_it_is(session: list[Any]) -> None:
    queue = Queue()
    queue.queued["a"] = 3
    sessions = {"a": session}
    assert look_at_sessions(sessions, ["a"], queue.given, 0, 5) == ([], ["a"], [])
    assert (sessions, queue.queued) == ({"a": session}, {"a": 3})


def test_a_time_beyond_int64_is_left_as_it_is() -> None:
    queue = Queue()
    queue.queued["a"] = 2**70
    assert look_at_sessions({"a": [0, 1, 1, None]}, ["a"], queue.given, 0, MOST - 1) == ([], ["a"], [])


@pytest.mark.parametrize("session", [(), [], [0, 1, 1], [0, "x", 1, None], ["x", 1, 1, None], None])
def test_what_is_no_session_is_refused(session: Any) -> None:
    queue = Queue()
    queue.queued["a"] = 0
    with pytest.raises(TypeError):
        add({"a": session}, queue, ("a", 1, 0))
    if session != ["x", 1, 1, None]:
        with pytest.raises(TypeError):
            look_at_sessions({"a": session}, ["a"], queue.given, 0, 5)
    with pytest.raises(TypeError):
        look_at_sessions({}, ["a"], ({}, {}, 4), 0, 5)  # the point of the test
    with pytest.raises(ValueError, match="millisecond"):
        look_at_sessions({}, ["a"], ({}, {}, 0, print), 0, 5)
