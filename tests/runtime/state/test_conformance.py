import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sage_local.core.clock import ManualClock
from sage_local.errors import InternalError, StateError
from sage_local.functions.aggregates import Count
from sage_local.functions.folding_state import AggregatingStateDescriptor, ReducingStateDescriptor
from sage_local.functions.state import (
    BroadcastStateDescriptor,
    ListStateDescriptor,
    MapStateDescriptor,
    ValueStateDescriptor,
)
from sage_local.functions.ttl import StateTtlConfig
from sage_local.runtime.state.backend import VOID, KeyedBackend
from sage_local.runtime.state.keyed import KeyedState
from sage_local.runtime.state.timers import Timer
from tests.runtime.state.backends import BACKENDS, GROUPS, key_groups

ALL = range(GROUPS)


@pytest.fixture(params=BACKENDS)
def new_backend(request):
    return BACKENDS[request.param]


@pytest.fixture
def backend(new_backend) -> KeyedBackend:
    return new_backend()


@pytest.fixture
def state(backend) -> KeyedState:
    return KeyedState("op", backend, ManualClock())


def at(state: KeyedState, key: object) -> None:
    state.backend.cursor.key = key


def contents(backend: KeyedBackend, name: str) -> dict:
    table = backend.table(name)
    return {namespace: dict(table.space(namespace)) for namespace in table.namespaces() if table.space(namespace)}


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


keys = st.one_of(st.integers(-3, 3), st.text("ab", max_size=2), st.tuples(st.integers(0, 2), st.none()))
namespaces = st.sampled_from([VOID, 10, 20])
writes = st.lists(st.tuples(keys, namespaces, st.one_of(st.none(), st.integers(), st.lists(st.integers(), max_size=2))))


@pytest.mark.parametrize("name", BACKENDS)
@given(writes=writes, timers=st.lists(st.tuples(st.integers(), keys, namespaces)))
@settings(max_examples=50)
def test_a_snapshot_restores_at_any_parallelism(name, writes, timers):
    """Chunks hold one key group each, so any division of the groups among subtasks gets all of the state, once."""
    old = BACKENDS[name]()
    for key, namespace, value in writes:
        old.table("t").space(namespace)[key] = value
    for timestamp, key, namespace in timers:
        old.timers("event").register(timestamp, key, namespace)
    chunks = old.snapshot(ALL)
    for parallelism in (1, 2, 3):
        parts = [BACKENDS[name]() for _ in range(parallelism)]
        for subtask, part in enumerate(parts):
            part.restore(chunk for group, chunk in chunks.items() if group * parallelism // GROUPS == subtask)
        merged: dict = {}
        for part in parts:
            for namespace, values in contents(part, "t").items():
                assert not merged.setdefault(namespace, {}).keys() & values.keys()
                merged[namespace].update(values)
        assert merged == contents(old, "t")
        assert sorted(map(repr, (t for part in parts for t in part.timers("event")))) == sorted(
            map(repr, old.timers("event"))
        )


@pytest.mark.parametrize("name", BACKENDS)
@given(rounds=st.lists(st.lists(st.tuples(keys, namespaces, st.one_of(st.none(), st.integers()))), max_size=4))
@settings(max_examples=50)
def test_a_snapshot_and_its_deltas_restore_the_last_contents(name, rounds):
    """``None`` stands for a removal."""
    old = BACKENDS[name]()
    chunks = list(old.snapshot(ALL).values())
    for writes in rounds:
        for key, namespace, value in writes:
            space = old.table("t").space(namespace)
            if value is None:
                space.pop(key, None)
                old.timers("event").delete(1, key)
            else:
                space[key] = value
                old.timers("event").register(1, key)
            old.table("t").changed([key], namespace)
        chunks += old.delta(ALL).values()
    new = BACKENDS[name]()
    new.restore(chunks)
    assert contents(new, "t") == contents(old, "t")
    assert set(new.timers("event")) == set(old.timers("event"))


steps = st.one_of(
    st.just("piece"),
    st.tuples(keys, namespaces, st.one_of(st.none(), st.integers(), st.just("append"))),
    st.tuples(st.just("drop"), namespaces),
)


def act(backend: KeyedBackend, step: tuple) -> None:
    """Change the announced table, in place too, and say so before."""
    table = backend.table("t", announces=True)
    if step[0] == "drop" and len(step) == 2:
        if step[1] is not VOID:
            table.drop(step[1])
        return
    key, namespace, value = step
    table.changed([key], namespace)
    space = table.space(namespace)
    if value is None:
        space.pop(key, None)
    elif value == "append":
        space.setdefault(key, []).append(1) if isinstance(space.get(key, []), list) else None
    else:
        space[key] = value


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("changes_only", [False, True])
@given(before=st.lists(steps), between=st.lists(steps), meanwhile=st.lists(steps))
@settings(max_examples=60)
def test_a_capture_has_what_there_was_whatever_happens_meanwhile(name, changes_only, before, between, meanwhile):
    old = BACKENDS[name]()
    for step in before:
        if step != "piece":
            act(old, step)
    chunks = list(old.snapshot(ALL).values()) if changes_only else []
    for step in between:
        if step != "piece":
            act(old, step)
    expected = copy.deepcopy(contents(old, "t"))
    capture = old.capture(ALL, changes_only=changes_only)
    for step in meanwhile:
        if step == "piece":
            chunks += [chunk for _, chunk in capture.advance() or ()]
        else:
            act(old, step)
    while (piece := capture.advance()) is not None:
        chunks += [chunk for _, chunk in piece]
    new = BACKENDS[name]()
    new.restore(chunks)
    assert contents(new, "t") == expected


def test_the_changes_during_a_capture_are_in_the_next_delta(backend, new_backend):
    for key in range(10):
        act(backend, (key, VOID, 1))
    capture = backend.capture(ALL, changes_only=False)
    act(backend, (3, VOID, 2))
    chunks = []
    while (piece := capture.advance()) is not None:
        chunks += [chunk for _, chunk in piece]
    new = new_backend()
    new.restore([*chunks, *backend.delta(ALL).values()])
    assert contents(new, "t") == contents(backend, "t")
    assert list(backend.delta(ALL)) == []


def test_state_objects_announce_what_they_are_about_to_change(backend, new_backend, state):
    """Of every kind, some changed in place: a capture that comes to them later sees none of it."""
    kinds = [
        ValueStateDescriptor("value", default_factory=list),
        ListStateDescriptor("list"),
        MapStateDescriptor("map"),
        ReducingStateDescriptor("reducing", lambda a, b: a + b),
        ValueStateDescriptor("expiring", ttl=StateTtlConfig(ttl="1h")),
    ]
    value, elements, entries, reducing, expiring = [state.state(each) for each in kinds]

    def write(n):
        value.value().append(n)
        elements.add(n)
        entries.put("n", n)
        reducing.add(n)
        expiring.update(n)

    at(state, "key")
    write(1)
    before = {name: copy.deepcopy(contents(backend, f"state:{name}")) for name in ("value", "list", "map", "reducing")}
    capture = backend.capture(ALL, changes_only=False)
    write(2)
    elements.clear()
    chunks = []
    while (piece := capture.advance()) is not None:
        chunks += [chunk for _, chunk in piece]
    new = new_backend()
    new.restore(chunks)
    assert {name: contents(new, f"state:{name}") for name in before} == before
    assert contents(new, "state:expiring")[VOID]["key"][0] == 1


def test_a_capture_that_is_closed_leaves_everything_as_it_was(backend):
    act(backend, (1, VOID, []))
    capture = backend.capture(ALL, changes_only=False)
    capture.advance()
    capture.close()
    act(backend, (1, VOID, lambda: None))
    assert capture.advance() is None


def test_a_value_that_can_not_be_copied_for_a_capture_is_named(backend):
    backend.table("t", announces=True).space()["k"] = [lambda: None]
    backend.capture(ALL, changes_only=False)
    with pytest.raises(StateError, match=r"state 't' for key 'k' can not be pickled"):
        act(backend, ("k", VOID, 2))


def test_a_value_changed_in_place_is_in_the_next_delta(backend, new_backend):
    """Reading a value that can be changed marks its key: users do write ``state.value().append(x)``."""
    state = KeyedState("op", backend, ManualClock())
    handles = [
        state.state(ValueStateDescriptor("v")),
        state.state(MapStateDescriptor("m")),
        state.state(ListStateDescriptor("l")),
    ]
    at(state, "a")
    handles[0].update([1])
    handles[1].put("x", [1])
    handles[2].add([1])
    chunks = list(backend.snapshot(ALL).values())
    handles[0].value().append(2)
    handles[1].get("x").append(2)
    handles[2].get()[0].append(2)
    chunks += backend.delta(ALL).values()
    new = new_backend()
    new.restore(chunks)
    restored = KeyedState("op", new, ManualClock())
    at(restored, "a")
    assert restored.state(ValueStateDescriptor("v")).value() == [1, 2]
    assert restored.state(MapStateDescriptor("m")).get("x") == [1, 2]
    assert restored.state(ListStateDescriptor("l")).get() == [[1, 2]]


def test_a_delta_holds_what_was_touched_and_nothing_else(backend):
    state = KeyedState("op", backend, ManualClock())
    seen = state.state(ValueStateDescriptor("seen"))
    for key in range(100):
        at(state, key)
        seen.update(key)
    backend.snapshot(ALL)
    assert backend.delta(ALL) == {}
    at(state, 5)
    seen.value()
    assert backend.delta(ALL) == {}
    seen.update(6)
    assert list(backend.delta(ALL)) == key_groups([5])


def test_a_snapshot_does_not_see_later_changes(backend, new_backend):
    state = KeyedState("op", backend, ManualClock())
    lines = state.state(ValueStateDescriptor("lines"))
    at(state, "a")
    lines.update([1])
    chunks = backend.snapshot(ALL)
    lines.value().append(2)
    new = new_backend()
    new.restore(chunks.values())
    assert new.table("state:lines").space()["a"] == [1]


def test_state_of_a_key_group_that_is_not_owned_is_an_internal_error(backend):
    backend.table("t").space()["a"] = 1
    others = [group for group in ALL if group != key_groups(["a"])[0]]
    with pytest.raises(InternalError, match="owns groups"):
        backend.snapshot(others)


def test_a_value_that_can_not_be_pickled_is_named(backend):
    backend.table("state:lock").space()["a"] = (x for x in ())
    with pytest.raises(StateError, match=r"state 'lock' for key 'a' can not be pickled"):
        backend.snapshot(ALL)


def test_timers_come_back_with_their_namespaces(backend, new_backend):
    backend.timers("event").register(5, "a", 10)
    backend.timers("processing").register(7, "b")
    new = new_backend()
    new.restore(backend.snapshot(ALL).values())
    assert list(new.timers("event")) == [Timer(5, "a", 10)]
    assert list(new.timers("processing")) == [Timer(7, "b")]
