from hypothesis import given
from hypothesis import strategies as st

from sage_local.runtime.state.snapshot import StateSnapshot, owned_key_groups


@given(st.integers(1, 300), st.data())
def test_key_groups_are_owned_as_records_are_partitioned(max_parallelism, data):
    parallelism = data.draw(st.integers(1, max_parallelism))
    for subtask in range(parallelism):
        for group in owned_key_groups(subtask, parallelism, max_parallelism):
            assert group * parallelism // max_parallelism == subtask
    assert sum(len(owned_key_groups(s, parallelism, max_parallelism)) for s in range(parallelism)) == max_parallelism


def test_snapshots_of_subtasks_join():
    parts = [StateSnapshot({0: [b"a"]}, [b"x"]), StateSnapshot({1: [b"b"]}, [b"y"])]
    assert StateSnapshot.joined(parts) == StateSnapshot({0: [b"a"], 1: [b"b"]}, [b"x", b"y"])
