"""One simulated job from its start to its end, through every execution that faults make necessary."""

from collections.abc import Callable

from sage_local.errors import CheckpointError, SageError
from sage_local.plan.physical import Plan
from sage_local.runtime.job import Deployment
from sage_local.runtime.launcher.serialization import pickle_deployment
from sage_local.runtime.launcher.simulation.faults import Fault
from sage_local.runtime.launcher.simulation.job import SimulatedJob
from sage_local.runtime.launcher.simulation.storage import Disk
from sage_local.runtime.launcher.simulation.store import Store
from sage_local.runtime.launcher.simulation.world import World
from sage_local.runtime.protocol.job_state import Phase

MOST_STEPS = 30_000
"""A run of some hundred records takes a few thousand: more is a hang."""


class SimulationStuckError(SageError):
    """The job does not come to its end."""


class Simulation:
    """The user, who submits the job, resumes it whenever its coordinator is gone, and may stop it once.

    ``stop_after``: ask the job to stop after so many steps, and resume it then.
    """

    def __init__(self, plan: Plan, world: World, store: Store, *, stop_after: int | None = None) -> None:
        self._plan = plan
        self._world = world
        self._store = store
        self._disk = Disk(world)
        self._pickled = pickle_deployment(Deployment(plan))
        self._stop_after = stop_after
        self._before = 0
        self._was_stopped = False
        self._submit(resumes=False)
        world.state = lambda: self._job.where

    @property
    def executions(self) -> int:
        """How often the job's tasks began."""
        return self._before + self._job.executions

    def run(self) -> None:
        """Until the job has finished. Raises ``SimulationStuckError`` and whatever the engine raises."""
        world = self._world
        self._go_on(self._job.begin)
        for step in range(MOST_STEPS):
            world.pass_time(0.4)
            self._disk.decay()
            if world.strikes(Fault.CLOCK_JUMPS, "machine"):
                world.set_clock()
            if step == self._stop_after:
                self._was_stopped = True
                self._go_on(self._job.stop)
            self._go_on(self._job.step)
            if self._store.breaches:
                raise SageError(self._store.breaches[0])
            if self._job.outcome is not None and not self._goes_on_after(self._job.outcome.phase):
                return
        raise SimulationStuckError(f"the job has not ended after {MOST_STEPS} steps")

    def _submit(self, *, resumes: bool) -> None:
        run = f"run-{self._before}"
        self._job = SimulatedJob(
            self._plan, self._pickled, self._disk, self._world, run, self._restored, resumes=resumes
        )

    def _resubmit(self, *, resumes: bool) -> None:
        self._before = self.executions
        self._submit(resumes=resumes)
        self._go_on(self._job.begin)

    def _go_on(self, act: Callable[[], object]) -> None:
        """Let the coordinator do something."""
        try:
            if self._world.survives(act):
                return
        except CheckpointError as error:
            # Nothing is left to resume from, as ``_restored`` will see: the user begins anew.
            self._world.tell(f"the job is not resumed: {error}")
            self._resubmit(resumes=False)
            return
        self._world.tell("the coordinator is gone, and its workers with it; the job is resumed")
        self._resubmit(resumes=True)

    def _goes_on_after(self, phase: Phase) -> bool:
        """Whatever ended the job but its input is followed by another run."""
        if phase is Phase.FINISHED and not self._was_stopped:
            return False
        self._world.tell(f"the job has {'stopped' if phase is Phase.FINISHED else phase.value}, and is resumed")
        self._was_stopped = False
        self._resubmit(resumes=True)
        return True

    def _restored(self, checkpoint: int) -> None:
        """The oracle's own look at every start: only damaged checkpoints may be passed over."""
        self._world.tell(f"execution {self.executions} begins with checkpoint {checkpoint or 'none'}")
        newer = [each for each in self._disk.completed if each > checkpoint]
        for each in newer:
            if not self._disk.is_damaged(each):
                raise SageError(f"checkpoint {each} is whole, and was passed over for {checkpoint or 'none'}")
        if newer:
            self._store.take_back(checkpoint)
