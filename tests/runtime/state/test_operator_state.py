import pytest

from sage_local.errors import StateError
from sage_local.functions.state import BroadcastStateDescriptor, ListStateDescriptor
from sage_local.functions.ttl import StateTtlConfig
from sage_local.runtime.state.operator_state import OperatorState

OFFSETS = ListStateDescriptor("offsets")
RULES = BroadcastStateDescriptor("rules")


@pytest.mark.parametrize("parallelism", [1, 2, 3, 5])
def test_every_element_goes_to_exactly_one_subtask(parallelism):
    snapshots = []
    for subtask in range(3):
        state = OperatorState("source")
        state.operator_state(OFFSETS).add_all([subtask * 10, subtask * 10 + 1])
        snapshots.append(state.snapshot())
    dealt = []
    for subtask in range(parallelism):
        state = OperatorState("source")
        state.restore(snapshots, subtask=subtask, parallelism=parallelism)
        dealt.append(state.operator_state(OFFSETS).get())
    assert sorted(element for share in dealt for element in share) == [0, 1, 10, 11, 20, 21]
    assert max(map(len, dealt)) - min(map(len, dealt)) <= 1


@pytest.mark.parametrize("parallelism", [1, 4])
def test_broadcast_state_is_whole_in_every_subtask(parallelism):
    snapshots = []
    for _ in range(2):
        state = OperatorState("rules")
        state.broadcast_state(RULES).put_all({"a": 1, "b": 2})
        state.broadcast_state(RULES).remove("a")
        snapshots.append(state.snapshot())
    for subtask in range(parallelism):
        state = OperatorState("rules")
        state.restore(snapshots, subtask=subtask, parallelism=parallelism)
        assert state.read_only(RULES).items() == [("b", 2)]


def test_the_reading_side_can_not_write():
    state = OperatorState("rules")
    rules = state.read_only(RULES)
    for write in (lambda: rules.put("a", 1), lambda: rules.remove("a"), rules.clear, lambda: rules.put_all({})):
        with pytest.raises(StateError, match=r"broadcast state 'rules' can be changed in process_broadcast\(\) only"):
            write()
    state.broadcast_state(RULES).put("a", 1)
    assert rules.get("a") == 1


def test_descriptors_that_do_not_fit_are_refused():
    state = OperatorState("op")
    state.operator_state(ListStateDescriptor("s"))
    with pytest.raises(StateError, match="two different descriptors of the name 's'"):
        state.broadcast_state(BroadcastStateDescriptor("s"))
    with pytest.raises(StateError, match="expected a ListStateDescriptor"):
        state.operator_state(RULES)
    with pytest.raises(StateError, match="can not have a ttl"):
        state.operator_state(ListStateDescriptor("t", ttl=StateTtlConfig("1s")))
