"""What is sent to the coordinator: the plan twice, once without and once with the user's objects."""

import os
import sys
from dataclasses import replace
from types import ModuleType

from sage_local.config import CHECKPOINT_DIR, LATEST, MEMORY_BYTES, RESTORE
from sage_local.plan.operators import Operator
from sage_local.plan.physical import Plan
from sage_local.runtime.control.processes import import_path
from sage_local.runtime.job import Deployment
from sage_local.runtime.launcher.serialization import pickle_deployment
from sage_local.runtime.memory.budget import budget_bytes
from sage_local.runtime.protocol.client_messages import Submission


def submission_of(plan: Plan, *, attached: bool, wants_progress: bool) -> Submission:
    """Everything the job needs from this process.

    Raises ``SerializationError`` naming the operator and the member at fault.
    """
    # Fixed here, since every process computes ring sizes from it: a limit that changed in between must not tear them
    # apart.
    settings = plan.settings.resolved(MEMORY_BYTES, budget_bytes(plan.settings))
    for place in (CHECKPOINT_DIR, RESTORE):
        # The coordinator has another working directory.
        settings = settings.resolved(place, _absolute(settings[place]))
    plan = replace(plan, settings=settings)
    return Submission(
        plan=without_user_objects(plan),
        deployment=pickle_deployment(Deployment(plan, main_classes(sys.modules["__main__"]))),
        sys_path=import_path(sys.path),
        argv=tuple(sys.argv),
        attached=attached,
        wants_progress=wants_progress,
        kinds=kinds_of(plan),
    )


def kinds_of(plan: Plan) -> dict[str, str]:
    """What each operator of ``plan`` is, by its name: ``without_user_objects`` it does not say."""
    return {operator.name: type(operator).__name__ for chain in plan.chains for operator in chain.operators}


def _absolute(place: str | None) -> str | None:
    """A local path as seen from here; a URI, or the word for a job's own checkpoints, as it is."""
    if place is None or place == LATEST or "://" in place:
        return place
    return os.path.abspath(os.path.expanduser(place))


def without_user_objects(plan: Plan) -> Plan:
    """``plan`` with the names of its operators only, so that a process without the user's modules can read it."""
    chains = tuple(
        replace(chain, operators=tuple(Operator(name=operator.name) for operator in chain.operators))
        for chain in plan.chains
    )
    return replace(plan, chains=chains, edges=tuple(replace(edge, key_selector=None) for edge in plan.edges))


def main_classes(main: ModuleType) -> dict[str, type]:
    """The classes that ``main`` defines, by name. Nested ones are found through those that hold them."""
    return {
        name: value
        for name, value in vars(main).items()
        if isinstance(value, type) and value.__module__ == main.__name__ and value.__qualname__ == name
    }
