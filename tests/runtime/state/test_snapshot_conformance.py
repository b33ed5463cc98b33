"""The suite of every backend: what it gives of its contents, whole, in changes or in slices, restores them."""

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sage_local.core.clock import ManualClock
from sage_local.errors import InternalError, StateError
from sage_local.functions.folding_state import ReducingStateDescriptor
from sage_local.functions.state import ListStateDescriptor, MapStateDescriptor, ValueStateDescriptor
from sage_local.functions.ttl import StateTtlConfig
from sage_local.runtime.state.backend import VOID, KeyedBackend
from sage_local.runtime.state.capture import Capture
from sage_local.runtime.state.keyed import KeyedState
from sage_local.runtime.state.memory import MemoryBackend, MemoryTable
from sage_local.runtime.state.timers import Timer
from tests.runtime.state.backends import ALL, BACKENDS, GROUPS, all_of, at, contents, key_groups

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
            part.restore(
                chunk for group, of in chunks.items() for chunk in of if group * parallelism // GROUPS == subtask
            )
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
    chunks = all_of(old.snapshot(ALL))
    for writes in rounds:
        for key, namespace, value in writes:
            space = old.table("t").space(namespace)
            old.table("t").changed([key], namespace)
            if value is None:
                space.pop(key, None)
                old.timers("event").delete(1, key)
            else:
                space[key] = value
                old.timers("event").register(1, key)
        chunks += all_of(old.delta(ALL))
    new = BACKENDS[name]()
    new.restore(chunks)
    assert contents(new, "t") == contents(old, "t")
    assert set(new.timers("event")) == set(old.timers("event"))


pieces = st.just("piece")
steps = st.one_of(
    st.tuples(keys, namespaces, st.one_of(st.none(), st.integers(), st.just("append"))),
    st.tuples(st.just("drop"), namespaces),
)


def act(backend: KeyedBackend, step: tuple) -> None:
    """Change the table, in place too, and say so before."""
    table = backend.table("t")
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


def rest_of(capture: Capture) -> list[bytes]:
    """The chunks that it has yet to give."""
    chunks = []
    while (piece := capture.advance()) is not None:
        chunks += [chunk for _, chunk in piece]
    return chunks


def captured_meanwhile(backend, take_step, before, between, meanwhile, *, changes_only, seen):
    """What ``backend`` had when it was captured, as ``seen`` shows it, and what another makes of the capture.

    ``take_step(backend, step)`` is done ``before`` the snapshot that ``changes_only`` builds on, ``between`` it and the
    capture, and ``meanwhile``, where a step ``"piece"`` takes the next piece of the capture.
    """
    old = backend()
    for step in before:
        take_step(old, step)
    chunks = all_of(old.snapshot(ALL)) if changes_only else []
    for step in between:
        take_step(old, step)
    expected = copy.deepcopy(seen(old))
    capture = old.capture(ALL, changes_only=changes_only)
    for step in meanwhile:
        if step == "piece":
            chunks += [chunk for _, chunk in capture.advance() or ()]
        else:
            take_step(old, step)
    chunks += rest_of(capture)
    new = backend()
    new.restore(chunks)
    return expected, seen(new)


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("changes_only", [False, True])
@given(before=st.lists(steps), between=st.lists(steps), meanwhile=st.lists(steps | pieces))
@settings(max_examples=60)
def test_a_capture_has_what_there_was_whatever_happens_meanwhile(name, changes_only, before, between, meanwhile):
    expected, restored = captured_meanwhile(
        BACKENDS[name],
        act,
        before,
        between,
        meanwhile,
        changes_only=changes_only,
        seen=lambda backend: contents(backend, "t"),
    )
    assert restored == expected


moments = st.integers(0, 3)
waits = st.one_of(
    st.tuples(st.sampled_from(["register", "delete"]), moments, keys, namespaces),
    st.tuples(st.just("pop_due"), moments),
)


def wait(backend: KeyedBackend, step: tuple) -> None:
    what, *arguments = step
    done = getattr(backend.timers("event"), what)(*arguments)
    list(done or ())


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("changes_only", [False, True])
@given(before=st.lists(waits), between=st.lists(waits), meanwhile=st.lists(waits | pieces))
@settings(max_examples=60)
def test_a_capture_has_the_timers_there_were_whatever_happens_meanwhile(name, changes_only, before, between, meanwhile):
    expected, restored = captured_meanwhile(
        BACKENDS[name],
        wait,
        before,
        between,
        meanwhile,
        changes_only=changes_only,
        seen=lambda backend: set(backend.timers("event")),
    )
    assert restored == expected


def test_many_timers_of_one_group_are_told_in_pieces_and_come_back_whole(backend, new_backend):
    for at_ms in range(12_000):
        backend.timers("event").register(at_ms, 3)
    new = new_backend()
    new.restore(all_of(backend.snapshot(ALL)))
    assert len(new.timers("event")) == 12_000


@pytest.mark.parametrize("is_final", [False, True])
def test_a_namespace_that_is_dropped_and_comes_back_is_captured_as_it_was(backend, new_backend, is_final):
    table = backend.table("t")
    table.space(10).update(a=[1], b=[2])
    act(backend, ("a", 10, "append"))
    capture = backend.capture(ALL, changes_only=False)
    act(backend, ("a", 10, "append"))
    table.drop(10, is_final=is_final)
    act(backend, ("b", 10, 7))
    table.drop(10, is_final=is_final)
    chunks = rest_of(capture)
    new = new_backend()
    new.restore(chunks)
    assert contents(new, "t") == {10: {"a": [1, 1], "b": [2]}}


def test_the_changes_during_a_capture_are_in_the_next_delta(backend, new_backend):
    for key in range(10):
        act(backend, (key, VOID, 1))
    capture = backend.capture(ALL, changes_only=False)
    act(backend, (3, VOID, 2))
    chunks = rest_of(capture)
    new = new_backend()
    new.restore([*chunks, *all_of(backend.delta(ALL))])
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
    before = {
        name: copy.deepcopy(contents(backend, f"state:{name} ({name})"))
        for name in ("value", "list", "map", "reducing")
    }
    capture = backend.capture(ALL, changes_only=False)
    write(2)
    elements.clear()
    chunks = rest_of(capture)
    new = new_backend()
    new.restore(chunks)
    assert {name: contents(new, f"state:{name} ({name})") for name in before} == before
    assert contents(new, "state:expiring (value, ttl)")[VOID]["key"][0] == 1


def test_a_capture_that_is_closed_leaves_everything_as_it_was(backend):
    act(backend, (1, VOID, []))
    capture = backend.capture(ALL, changes_only=False)
    capture.advance()
    capture.close()
    act(backend, (1, VOID, lambda: None))
    assert capture.advance() is None


def test_a_value_that_can_not_be_copied_for_a_capture_is_named(backend):
    backend.table("t").space()["k"] = [lambda: None]
    backend.capture(ALL, changes_only=False)
    with pytest.raises(StateError, match=r"state 't' for key 'k' can not be pickled"):
        act(backend, ("k", VOID, 2))


def test_a_value_changed_in_place_is_in_the_next_delta(backend, new_backend, state):
    """Reading a value that can be changed marks its key: users do write ``state.value().append(x)``."""
    handles = [
        state.state(ValueStateDescriptor("v")),
        state.state(MapStateDescriptor("m")),
        state.state(ListStateDescriptor("l")),
    ]
    at(state, "a")
    handles[0].update([1])
    handles[1].put("x", [1])
    handles[2].add([1])
    chunks = all_of(backend.snapshot(ALL))
    handles[0].value().append(2)
    handles[1].get("x").append(2)
    handles[2].get()[0].append(2)
    chunks += all_of(backend.delta(ALL))
    new = new_backend()
    new.restore(chunks)
    restored = KeyedState("op", new, ManualClock())
    at(restored, "a")
    assert restored.state(ValueStateDescriptor("v")).value() == [1, 2]
    assert restored.state(MapStateDescriptor("m")).get("x") == [1, 2]
    assert restored.state(ListStateDescriptor("l")).get() == [[1, 2]]


def test_a_delta_holds_what_was_touched_and_nothing_else(backend, state):
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


def test_a_snapshot_does_not_see_later_changes(backend, new_backend, state):
    lines = state.state(ValueStateDescriptor("lines"))
    at(state, "a")
    lines.update([1])
    chunks = backend.snapshot(ALL)
    lines.value().append(2)
    new = new_backend()
    new.restore(all_of(chunks))
    assert new.table("state:lines (value)").space()["a"] == [1]


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        (ValueStateDescriptor("s"), ValueStateDescriptor("s", ttl=StateTtlConfig("1h")), "'value', found 'value, ttl'"),
        (ValueStateDescriptor("s", ttl=StateTtlConfig("1h")), ValueStateDescriptor("s"), "'value, ttl', found 'value'"),
        (ReducingStateDescriptor("s", max), ListStateDescriptor("s"), "'reducing', found 'list'"),
    ],
)
def test_a_restored_state_of_another_kind_is_refused_by_name(backend, new_backend, state, before, now, told):
    at(state, "a")
    handle = state.state(before)
    handle.update(1) if isinstance(before, ValueStateDescriptor) else handle.add(1)
    new = new_backend()
    new.restore(all_of(backend.snapshot(ALL)))
    restored = KeyedState("op", new, ManualClock())
    restored.state(ValueStateDescriptor("other"))
    with pytest.raises(StateError, match=f"state 's' of operator 'op': expected .* checkpoint has, {told}: give the"):
        restored.state(now)


def test_state_of_a_key_group_that_is_not_owned_is_an_internal_error(backend):
    backend.table("t").space()["a"] = 1
    others = [group for group in ALL if group != key_groups(["a"])[0]]
    with pytest.raises(InternalError, match="owns groups"):
        backend.snapshot(others)


def test_a_value_that_can_not_be_pickled_is_named(backend):
    backend.table("state:lock (value)").space()["a"] = (x for x in ())
    with pytest.raises(StateError, match=r"state 'lock' for key 'a' can not be pickled"):
        backend.snapshot(ALL)


def test_timers_come_back_with_their_namespaces(backend, new_backend):
    backend.timers("event").register(5, "a", 10)
    backend.timers("processing").register(7, "b")
    new = new_backend()
    new.restore(all_of(backend.snapshot(ALL)))
    assert list(new.timers("event")) == [Timer(5, "a", 10)]
    assert list(new.timers("processing")) == [Timer(7, "b")]


def test_without_deltas_a_key_is_said_once_between_two_captures(monkeypatch):
    backend = MemoryBackend(key_groups, track_changes=False)
    last = KeyedState("op", backend, ManualClock()).state(ValueStateDescriptor("last"))
    said = []
    changed = MemoryTable.changed
    monkeypatch.setattr(
        MemoryTable, "changed", lambda self, keys, *namespace: said.extend(keys) or changed(self, keys, *namespace)
    )
    backend.cursor.key = "k"
    for _ in range(2):
        last.update([1])
        last.value().append(2)
        backend.snapshot(ALL)
    assert said == ["k", "k"]
