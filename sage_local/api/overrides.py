"""What the command line says to the programs that it runs.

``sage run`` and ``sage plan`` execute the user's file in their own process; what they want of its ``submit`` calls
stands here. One value for the process and not a context variable, since programs submit from threads of their own too.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from sage_local.config import Layer
from sage_local.core.data import keyword_data
from sage_local.plan.physical import Plan
from sage_local.runtime.job import JobResult
from sage_local.runtime.protocol.progress import Progress


@keyword_data
class Overrides:
    """``layers`` win over every other setting, a later one over an earlier one."""

    layers: tuple[Layer, ...] = ()
    on_planned: Callable[[Plan], None] | None = None
    """Called with the plan of each job before anything of it starts."""
    on_progress: Callable[[Progress], None] | None = None
    on_result: Callable[[JobResult], None] | None = None
    """Called with what each finished job did."""


class Planned(BaseException):
    """Ends the program at its first ``submit``. Not an ``Exception``, so that programs let it pass."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self.plan = plan


def no_further(plan: Plan) -> NoReturn:
    """For ``on_planned``: raises ``Planned`` instead of starting anything."""
    raise Planned(plan)


_current = Overrides()


def current_overrides() -> Overrides:
    """What applies now."""
    return _current


@contextmanager
def overriding(overrides: Overrides) -> Iterator[None]:
    """Apply ``overrides`` to every ``submit`` and ``collect`` of this process until the block ends."""
    global _current
    before, _current = _current, overrides
    try:
        yield
    finally:
        _current = before
