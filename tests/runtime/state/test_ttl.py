from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage_local.core.clock import ManualClock
from sage_local.errors import PlanError
from sage_local.functions.aggregates import Count
from sage_local.functions.folding_state import AggregatingStateDescriptor, ReducingStateDescriptor
from sage_local.functions.state import (
    ListStateDescriptor,
    MapStateDescriptor,
    ValueStateDescriptor,
)
from sage_local.functions.ttl import StateTtlConfig, TtlUpdate
from sage_local.runtime.state.keyed import KeyedState
from sage_local.runtime.state.memory import MemoryBackend
from tests.runtime.state.backends import GROUPS, key_groups

TTL = StateTtlConfig(100)
ON_READ = StateTtlConfig(100, update=TtlUpdate.ON_READ_AND_WRITE)


class Kept:
    """Keyed state at key ``a`` under a clock of its own."""

    def __init__(self, now_ms: int = 0) -> None:
        self.clock = ManualClock(now_ms)
        self.backend = MemoryBackend(key_groups, track_changes=True)
        self.of = KeyedState("op", self.backend, self.clock)
        self.at("a")

    def at(self, key: object) -> None:
        self.backend.cursor.key = key


@pytest.fixture
def kept() -> Kept:
    return Kept()


def test_a_value_is_gone_exactly_when_its_time_is_over(kept):
    value = kept.of.state(ValueStateDescriptor("v", default=0, ttl=TTL))
    value.update(1)
    kept.clock.advance(99)
    assert value.value() == 1
    kept.clock.advance(1)
    assert value.value() == 0
    assert not kept.backend.table("state:v (value, ttl)").space()


def test_a_write_starts_the_time_anew_and_a_read_does_not(kept):
    value = kept.of.state(ValueStateDescriptor("v", ttl=TTL))
    value.update(1)
    kept.clock.advance(60)
    value.update(2)
    kept.clock.advance(60)
    assert value.value() == 2
    kept.clock.advance(60)
    assert value.value() is None


def test_a_read_starts_the_time_anew_where_that_is_asked_for(kept):
    value = kept.of.state(ValueStateDescriptor("v", ttl=ON_READ))
    value.update(1)
    for _ in range(5):
        kept.clock.advance(60)
        assert value.value() == 1
    kept.clock.advance(100)
    assert value.value() is None


def test_folds_begin_anew_after_their_time(kept):
    total = kept.of.state(ReducingStateDescriptor("r", lambda a, b: a + b, ttl=TTL))
    count = kept.of.state(AggregatingStateDescriptor("g", Count(), ttl=TTL))
    total.add(1)
    count.add(1)
    kept.clock.advance(100)
    total.add(5)
    assert total.get() == 5
    assert count.get() is None


def test_elements_of_a_list_expire_one_by_one(kept):
    items = kept.of.state(ListStateDescriptor("l", ttl=TTL))
    items.add("old")
    kept.clock.advance(60)
    items.add("young")
    assert items.get() == ["old", "young"]
    kept.clock.advance(60)
    assert items.get() == ["young"]
    kept.clock.advance(60)
    assert items.get() == []
    assert not kept.backend.table("state:l (list, ttl)").space()


def test_entries_of_a_map_expire_one_by_one(kept):
    entries = kept.of.state(MapStateDescriptor("m", ttl=TTL))
    entries.put("old", 1)
    kept.clock.advance(60)
    entries.put("young", 2)
    kept.clock.advance(60)
    assert not entries.contains("old")
    assert entries.items() == [("young", 2)]
    kept.clock.advance(60)
    assert entries.is_empty()
    assert not kept.backend.table("state:m (map, ttl)").space()


def test_reading_keeps_elements_and_entries_where_that_is_asked_for(kept):
    items = kept.of.state(ListStateDescriptor("l", ttl=ON_READ))
    entries = kept.of.state(MapStateDescriptor("m", ttl=ON_READ))
    items.add(1)
    entries.put("x", 1)
    for _ in range(3):
        kept.clock.advance(60)
        assert (items.get(), entries.get("x")) == ([1], 1)


def test_what_is_never_read_again_is_removed_by_sweeping(kept):
    value = kept.of.state(ValueStateDescriptor("v", ttl=TTL))
    for key in range(50):
        kept.at(key)
        value.update(key)
    assert kept.of.next_sweep() is not None
    kept.clock.set(kept.of.next_sweep() - 1)
    kept.of.sweep()
    assert len(kept.backend.table("state:v (value, ttl)").space()) == 50
    kept.clock.advance(1)
    kept.of.sweep(limit=20)
    assert len(kept.backend.table("state:v (value, ttl)").space()) == 30
    kept.of.sweep()
    assert not kept.backend.table("state:v (value, ttl)").space()
    assert kept.of.next_sweep() is None


def test_sweeping_looks_only_at_what_is_due(kept, monkeypatch):
    """No scan: what is alive is not touched, however much of it there is."""
    value = kept.of.state(ValueStateDescriptor("v", ttl=TTL))
    looked_at = []
    ((_, sweep),) = kept.of._sweeps
    kept.of._sweeps[0] = (kept.of._sweeps[0][0], lambda key, now: (looked_at.append(key), sweep(key, now)))
    kept.at("old")
    value.update(0)
    kept.clock.advance(50)
    for key in range(1000):
        kept.at(key)
        value.update(key)
    kept.clock.advance(60)
    kept.of.sweep()
    assert looked_at == ["old"]


@given(
    steps=st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["write", "read", "sweep"]), st.integers(0, 70)), max_size=40
    ),
    on_read=st.booleans(),
)
def test_a_value_is_there_exactly_for_its_time(steps, on_read):
    kept = Kept()
    value = kept.of.state(ValueStateDescriptor("v", ttl=ON_READ if on_read else TTL))
    expires: dict[str, int] = {}
    for key, what, pause in steps:
        kept.clock.advance(pause)
        now = kept.clock.now_ms()
        kept.at(key)
        alive = expires.get(key, 0) > now
        if what == "write":
            value.update(now)
            expires[key] = now + 100
        elif what == "read":
            assert (value.value() is not None) == alive
            if alive and on_read:
                expires[key] = now + 100
        else:
            kept.of.sweep()
    kept.clock.advance(200)
    kept.of.sweep()
    assert not kept.backend.table("state:v (value, ttl)").space()


def test_the_time_to_live_survives_a_snapshot(kept):
    kept.of.state(ValueStateDescriptor("v", ttl=TTL)).update(1)
    kept.of.state(ListStateDescriptor("l", ttl=TTL)).add(1)
    kept.of.state(MapStateDescriptor("m", ttl=TTL)).put(1, 1)
    again = Kept(now_ms=60)
    chunks = kept.backend.snapshot(range(GROUPS))
    again.backend.restore(chunk for of_group in chunks.values() for chunk in of_group)
    value = again.of.state(ValueStateDescriptor("v", ttl=TTL))
    again.of.state(ListStateDescriptor("l", ttl=TTL))
    again.of.state(MapStateDescriptor("m", ttl=TTL))
    assert value.value() == 1
    again.clock.advance(60)
    again.of.sweep()
    assert all(not again.backend.table(f"state:{name}").space() for name in "vlm")


@pytest.mark.parametrize("ttl", [0, -1, "soon", 1.5, timedelta(0), None])
def test_a_time_to_live_must_be_a_duration(ttl):
    with pytest.raises(PlanError, match="ttl of state must be"):
        StateTtlConfig(ttl)


def test_a_time_to_live_reads_as_all_durations_do():
    assert StateTtlConfig("1h") == StateTtlConfig(timedelta(hours=1)) == StateTtlConfig(3_600_000)
