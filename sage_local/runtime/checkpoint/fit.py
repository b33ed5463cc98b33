"""Whether a checkpoint fits a program, and what each of its tasks begins with."""

from collections.abc import Sequence

from sage_local.core.ids import ChainId, TaskId
from sage_local.errors import CheckpointError
from sage_local.plan.physical import Plan
from sage_local.runtime.checkpoint.manifest import Manifest, OperatorPlace
from sage_local.runtime.protocol.snapshots import TaskRestore, TaskSnapshot

INPUT = "input of "
"""Begins the name under which stands what a task's gate knows of event time; no operator of the user's."""

SOURCE = "Source"
"""The kind of an operator that reads."""


def places(plan: Plan, kinds: dict[str, str]) -> tuple[OperatorPlace, ...]:
    """Every operator of ``plan``, in order. ``kinds``: the names of their classes, by operator."""
    return tuple(
        OperatorPlace(operator.name, kinds.get(operator.name, ""), chain.id, chain.parallelism)
        for chain in plan.chains
        for operator in chain.operators
    )


def fit(
    manifest: Manifest, operators: Sequence[OperatorPlace], *, max_parallelism: int, may_leave_state: bool
) -> dict[TaskId, TaskRestore]:
    """What the tasks of a program with ``operators`` begin with. Operators are found again by their names.

    Raises ``CheckpointError`` naming the operator that does not fit. ``may_leave_state``: state of operators that the
    program no longer has is left behind instead.
    """
    where = f"checkpoint {manifest.checkpoint} of job {manifest.job_name!r}"
    if manifest.max_parallelism != max_parallelism:
        raise CheckpointError(
            f"{where} was taken with max-parallelism = {manifest.max_parallelism}, which can not change;"
            f" found {max_parallelism}"
        )
    before = {place.name: place for place in manifest.operators}
    now = {place.name: place for place in operators}
    tasks = {task.task: task for task in manifest.tasks}
    for name in _with_state(manifest):
        if name not in now and not may_leave_state:
            known = ", ".join(repr(each) for each in now if each not in before) or "none"
            raise CheckpointError(
                f"{where} holds state of operator {name!r}, which the program does not have (new in it: {known}):"
                " give the operator its old name, or pass --allow-non-restored-state to leave its state behind"
            )
        if name in now and now[name].parallelism != before[name].parallelism:
            raise CheckpointError(
                f"{where} holds state of operator {name!r} at parallelism {before[name].parallelism};"
                f" this version can not restore it at parallelism {now[name].parallelism}"
            )
    return _restores(before, operators, tasks)


def _with_state(manifest: Manifest) -> list[str]:
    return sorted({summary.operator for task in manifest.tasks for summary in task.operators})


def _restores(
    before: dict[str, OperatorPlace], operators: Sequence[OperatorPlace], tasks: dict[TaskId, TaskSnapshot]
) -> dict[TaskId, TaskRestore]:
    # What a new source reads may reach any task but those that read a finished one.
    has_new_source = any(place.kind == SOURCE and place.name not in before for place in operators)
    chains: dict[int, list[OperatorPlace]] = {}
    for place in operators:
        chains.setdefault(place.chain, []).append(place)
    found: dict[TaskId, TaskRestore] = {}
    for chain, members in chains.items():
        for subtask in range(members[0].parallelism):
            earlier = {
                place.name: tasks[old]
                for place in members
                if place.name in before
                and (old := TaskId(ChainId(before[place.name].chain), subtask)) in tasks
                and before[place.name].parallelism == place.parallelism
            }
            if earlier:
                may_be_finished = members[0].name in earlier and (members[0].kind == SOURCE or not has_new_source)
                found[TaskId(ChainId(chain), subtask)] = _restore(members[0].name, earlier, may_be_finished)
    return found


def _restore(first: str, earlier: dict[str, TaskSnapshot], may_be_finished: bool) -> TaskRestore:
    files = {name: task.files for name, task in earlier.items()}
    if first in earlier:
        files[INPUT + first] = earlier[first].files
    return TaskRestore(files, may_be_finished and all(task.is_finished for task in earlier.values()))
