"""A launcher that runs nothing, for tests of what leads up to it."""

from types import SimpleNamespace

import pytest

from sage_local.api import submission
from sage_local.runtime.job import JobResult


class FakeLauncher:
    """Remembers what it was asked to run; ``collects`` is what its jobs gather."""

    def __init__(self):
        self.plans = []
        self.attached = []
        self.inline = []
        self.progress = []
        self.collects = []

    def launch(self, plan, *, attached, on_output=None, on_collected=None, on_progress=None):
        self._note(plan, on_progress)
        self.attached.append(attached)

        def wait():
            return self._finish(plan, on_collected)

        return SimpleNamespace(wait=wait, job_id="fake")

    def run_inline(self, plan, *, on_collected=None, on_progress=None):
        self._note(plan, on_progress)
        self.inline.append(plan)
        return self._finish(plan, on_collected)

    def _note(self, plan, on_progress):
        self.plans.append(plan)
        self.progress.append(on_progress)

    def _finish(self, plan, on_collected):
        if self.collects:
            on_collected("collect", self.collects)
        return JobResult("fake", plan.job_name, 0.0, ())

    def names(self, index=-1):
        """The operators of a plan, chain by chain."""
        return [operator.name for chain in self.plans[index].chains for operator in chain.operators]


@pytest.fixture
def launcher(monkeypatch):
    fake = FakeLauncher()
    monkeypatch.setattr(submission, "launcher", fake)
    return fake
