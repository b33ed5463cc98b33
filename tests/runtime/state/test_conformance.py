"""The suite of every backend: state objects upon it."""

import pytest

from sage_local.errors import StateError
from sage_local.functions.aggregates import Count
from sage_local.functions.folding_state import AggregatingStateDescriptor, ReducingStateDescriptor
from sage_local.functions.state import (
    BroadcastStateDescriptor,
    ListStateDescriptor,
    MapStateDescriptor,
    ValueStateDescriptor,
)
from sage_local.functions.ttl import StateTtlConfig
from tests.runtime.state.backends import at


def test_a_value_belongs_to_its_key(state):
    seen = state.state(ValueStateDescriptor("seen", default=0))
    for key in "aba":
        at(state, key)
        seen.update(seen.value() + 1)
    at(state, "a")
    assert seen.value() == 2
    at(state, "c")
    assert seen.value() == 0


def test_none_is_a_value_unlike_no_value(state):
    last = state.state(ValueStateDescriptor("last", default=7))
    at(state, "a")
    last.update(None)
    assert last.value() is None
    last.clear()
    assert last.value() == 7


def test_equal_keys_are_one_key(state):
    seen = state.state(ValueStateDescriptor("seen", default=0))
    at(state, 1)
    seen.update(5)
    at(state, 1.0)
    assert seen.value() == 5
    at(state, True)
    assert seen.value() == 5


def test_a_value_made_by_the_default_factory_is_kept_when_it_is_changed_in_place(state):
    lines = state.state(ValueStateDescriptor("lines", default_factory=list))
    at(state, "a")
    lines.value().append(1)
    at(state, "b")
    assert lines.value() == []
    at(state, "a")
    assert lines.value() == [1]


def test_a_list_keeps_its_order_and_hands_out_copies(state):
    items = state.state(ListStateDescriptor("items"))
    at(state, "a")
    assert items.get() == []
    items.add(1)
    items.add_all([2, 3])
    items.get().append(4)
    assert items.get() == [1, 2, 3]
    items.update([9])
    assert items.get() == [9]
    items.update([])
    assert items.get() == []


def test_a_map_has_the_usual_operations(state):
    entries = state.state(MapStateDescriptor("entries"))
    at(state, "a")
    assert entries.is_empty()
    assert entries.get("x") is None
    entries.remove("x")
    entries.put("x", 1)
    entries.put_all({"y": 2, "z": 3})
    entries.remove("y")
    assert entries.items() == [("x", 1), ("z", 3)]
    assert (entries.keys(), entries.values()) == (["x", "z"], [1, 3])
    assert entries.contains("x")
    assert entries.get("y", 0) == 0
    at(state, "b")
    assert entries.is_empty()
    at(state, "a")
    entries.clear()
    assert entries.is_empty()


def test_reducing_and_aggregating_state_fold(state):
    total = state.state(ReducingStateDescriptor("total", lambda a, b: a + b))
    count = state.state(AggregatingStateDescriptor("count", Count()))
    at(state, "a")
    assert (total.get(), count.get()) == (None, None)
    for number in (1, 2, 3):
        total.add(number)
        count.add(number)
    assert (total.get(), count.get()) == (6, 3)
    total.clear()
    count.clear()
    assert (total.get(), count.get()) == (None, None)


@pytest.mark.parametrize(
    ("descriptor", "access"),
    [
        (ValueStateDescriptor("s"), lambda state: state.value()),
        (ValueStateDescriptor("s"), lambda state: state.update(1)),
        (ValueStateDescriptor("s", ttl=StateTtlConfig(1)), lambda state: state.value()),
        (ValueStateDescriptor("s", ttl=StateTtlConfig(1)), lambda state: state.update(1)),
        (ListStateDescriptor("s"), lambda state: state.get()),
        (ListStateDescriptor("s"), lambda state: state.clear()),
        (ListStateDescriptor("s", ttl=StateTtlConfig(1)), lambda state: state.add(1)),
        (MapStateDescriptor("s"), lambda state: state.put(1, 1)),
        (MapStateDescriptor("s", ttl=StateTtlConfig(1)), lambda state: state.put(1, 1)),
        (ReducingStateDescriptor("s", max), lambda state: state.add(1)),
    ],
)
def test_state_without_a_key_says_so(state, descriptor, access):
    handle = state.state(descriptor)
    with pytest.raises(StateError, match=r"state 's' was used where there is no key"):
        access(handle)


def test_two_descriptors_of_one_name_are_refused(state):
    first = state.state(ValueStateDescriptor("s", default=0))
    assert state.state(ValueStateDescriptor("s", default=0)) is first
    with pytest.raises(StateError, match=r"operator 'op' has two different descriptors of the name 's'"):
        state.state(ValueStateDescriptor("s", default=1))
    with pytest.raises(StateError, match=r"ListStateDescriptor\('s'\)"):
        state.state(ListStateDescriptor("s"))


def test_what_is_no_descriptor_of_keyed_state_is_refused(state):
    with pytest.raises(StateError, match="expected a state descriptor"):
        state.state("seen")
    with pytest.raises(StateError, match="does not describe keyed state"):
        state.state(BroadcastStateDescriptor("rules"))


def test_per_window_state_is_apart_per_window_and_dropped_with_it(state):
    descriptor = ValueStateDescriptor("fired", default=0)
    at(state, "a")
    state.window_state(descriptor, 10).update(1)
    state.window_state(descriptor, 20).update(2)
    at(state, "b")
    state.window_state(descriptor, 10).update(3)
    at(state, "a")
    state.drop_window_state(10)
    assert state.window_state(descriptor, 10).value() == 0
    assert state.window_state(descriptor, 20).value() == 2
    at(state, "b")
    assert state.window_state(descriptor, 10).value() == 3


def test_per_window_state_can_not_expire(state):
    at(state, "a")
    with pytest.raises(StateError, match="can not have a ttl"):
        state.window_state(ValueStateDescriptor("s", ttl=StateTtlConfig("1h")), 10)


def test_dropping_a_namespace_returns_what_it_held(backend):
    table = backend.table("panes")
    table.space(10).update(a=1, b=2)
    table.space(20).update(a=3)
    assert dict(table.drop(10)) == {"a": 1, "b": 2}
    assert dict(table.drop(10)) == {}
    assert list(table.namespaces()) == [20]
    assert table.find(10) is None
