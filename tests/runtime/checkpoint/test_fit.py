import pytest

from sage_local.core.ids import ChainId, TaskId
from sage_local.errors import CheckpointError
from sage_local.runtime.checkpoint.fit import INPUT, fit
from sage_local.runtime.checkpoint.manifest import Manifest, OperatorPlace
from sage_local.runtime.protocol.snapshots import FileRef, OperatorSummary, TaskSnapshot


def task(chain: int, subtask: int, *operators: str, finished: bool = False) -> TaskSnapshot:
    ref = FileRef(f"chk-1/{chain}-{subtask}.state", 1, 0)
    summaries = tuple(OperatorSummary(name, {}, 1) for name in operators)
    return TaskSnapshot(TaskId(ChainId(chain), subtask), (ref,), summaries, finished)


READ = OperatorPlace("read", "Source", 0, 1)
COUNT = OperatorPlace("count", "Reduce", 1, 2)
OUT = OperatorPlace("out", "Sink", 1, 2)
TASKS = (task(0, 0, "read", finished=True), task(1, 0, "count"), task(1, 1, "count"))
MANIFEST = Manifest(1, "job", "run", 0, 0, 128, (READ, COUNT, OUT), TASKS)


def restored(*operators, manifest=MANIFEST, may_leave_state=False, max_parallelism=128):
    return fit(manifest, operators, max_parallelism=max_parallelism, may_leave_state=may_leave_state)


def paths(restore, name):
    return [ref.path for ref in restore.operators.get(name, ())]


def test_each_subtask_gets_its_own_files():
    found = restored(READ, COUNT, OUT)
    assert paths(found[TaskId(ChainId(1), 1)], "count") == ["chk-1/1-1.state"]
    assert paths(found[TaskId(ChainId(1), 1)], INPUT + "count") == ["chk-1/1-1.state"]


def test_a_finished_task_stays_finished():
    found = restored(READ, COUNT, OUT)
    assert found[TaskId(ChainId(0), 0)].is_finished
    assert not found[TaskId(ChainId(1), 0)].is_finished


def test_operators_are_found_by_name_wherever_they_are_chained_now():
    moved = OperatorPlace("count", "Reduce", 7, 2)
    found = restored(READ, moved, OperatorPlace("out", "Sink", 8, 2))
    assert paths(found[TaskId(ChainId(7), 1)], "count") == ["chk-1/1-1.state"]


def test_a_new_operator_begins_with_nothing():
    found = restored(READ, COUNT, OUT, OperatorPlace("new", "Map", 1, 2))
    assert paths(found[TaskId(ChainId(1), 0)], "new") == []


def test_an_operator_whose_state_has_no_place_is_named():
    with pytest.raises(CheckpointError, match=r"operator 'count'.*new in it: 'total'"):
        restored(READ, OperatorPlace("total", "Reduce", 1, 2), OUT)


def test_state_may_be_left_behind_on_request():
    assert restored(READ, OUT, may_leave_state=True)[TaskId(ChainId(0), 0)].is_finished


def test_an_operator_without_state_may_go():
    assert set(restored(READ, COUNT)) == {task.task for task in TASKS}


def test_another_parallelism_is_refused_by_name():
    with pytest.raises(CheckpointError, match="operator 'count' at parallelism 2"):
        restored(READ, OperatorPlace("count", "Reduce", 1, 3), OUT)


def test_another_number_of_key_groups_is_refused():
    with pytest.raises(CheckpointError, match="max-parallelism = 128"):
        restored(READ, COUNT, OUT, max_parallelism=64)


def test_a_finished_task_works_again_for_a_new_source():
    tasks = tuple(task(place.task.chain, place.task.subtask, "count", finished=True) for place in TASKS)
    manifest = Manifest(1, "job", "run", 0, 0, 128, (READ, COUNT, OUT), tasks)
    found = restored(OperatorPlace("other", "Source", 0, 1), COUNT, OUT, manifest=manifest)
    assert not found[TaskId(ChainId(1), 0)].is_finished
