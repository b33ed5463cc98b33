"""What checkpoints ask of a program, and a directory that they can not be written to."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from sage_local import ConfigError, OperatorError, PlanError, SourceFunction
from sage_local.testing import Latch, ScriptedSource
from tests.eventually import eventually
from tests.recovery.programs import RESTARTS, checkpoints, slow

pytestmark = pytest.mark.timeout(120)


def test_state_that_can_not_be_pickled_is_named_with_its_operator(environment):
    def keep(a, b):
        return lambda: b

    env = environment()
    with pytest.raises(OperatorError, match=r"operator 'last'.*can not be pickled"):
        env.from_collection(range(300)).map(slow).key_by(lambda n: 0).reduce(keep, name="last").map(
            lambda f: 1
        ).collect()


def test_a_job_goes_on_when_its_checkpoint_directory_fails_and_says_so(environment, tmp_path, capfd):
    """The directory becomes a file for a while: what a full disk or a lost mount does to every write."""
    disk, file, errors, healed = tmp_path / "disk", tmp_path / "file", [], Latch()

    def mount(target):
        (tmp_path / "next").symlink_to(target)
        (tmp_path / "next").replace(tmp_path / "checkpoints")

    def is_told():
        errors.append(capfd.readouterr().err)
        return "was given up" in "".join(errors)

    disk.mkdir()
    file.touch()
    mount(disk)
    env = environment(parallelism=1)
    env.from_source(ScriptedSource([1, healed, 2])).print()
    with ThreadPoolExecutor() as caller:
        result = caller.submit(env.submit)
        eventually(lambda: checkpoints(tmp_path), "a checkpoint")
        mount(file)
        eventually(is_told, "a warning")
        mount(disk)
        healed.open()
        assert result.result().operators[-1].records_in == 2
        assert result.result().checkpoints_given_up >= 1


class Shouting(SourceFunction):
    def run(self, ctx):
        ctx.collect(1)


def test_a_source_that_can_not_be_read_again_is_refused_with_checkpoints(environment):
    with pytest.raises(PlanError, match=r"'shout'.*replayable"):
        environment().from_source(Shouting(), name="shout").collect()


def test_the_inline_engine_refuses_checkpoints_and_restarts(environment):
    with pytest.raises(ConfigError, match="inline takes no checkpoints"):
        environment(execution__engine="inline").from_collection([1]).collect()
    with pytest.raises(ConfigError, match="inline does not restart"):
        environment(
            execution__engine="inline", checkpoint__interval=None, checkpoint__dir=None, **RESTARTS
        ).from_collection([1]).collect()
