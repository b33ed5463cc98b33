"""Jobs that go on where an earlier one has ended, with real processes."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from sage_local import CheckpointError, CoordinatorLostError, JobError
from tests.eventually import eventually
from tests.job_site import await_end
from tests.recovery.programs import checkpoints, copying, read_output, write_input

pytestmark = pytest.mark.timeout(120)


def stopped(environment, tmp_path, kill=None):
    """A job over files that was ended half way, after a checkpoint; returns the lines of the input."""
    lines = write_input(tmp_path / "in")
    handle = copying(environment(), tmp_path).submit(detach=True)
    eventually(lambda: checkpoints(tmp_path), "a checkpoint")
    kill(handle) if kill else handle.stop()
    return lines, handle


def test_a_stopped_job_goes_on_where_it_stopped(environment, tmp_path):
    lines, handle = stopped(environment, tmp_path)
    handle.wait()
    before = read_output(tmp_path / "out")
    assert 0 < len(before) < len(lines)
    copying(environment(restore="latest"), tmp_path).submit()
    assert read_output(tmp_path / "out") == dict.fromkeys(lines, 1)


def test_a_cancelled_job_can_be_resumed(environment, tmp_path):
    lines, handle = stopped(environment, tmp_path, kill=lambda handle: handle.cancel())
    with pytest.raises(JobError):
        handle.wait()
    copying(environment(restore=str(tmp_path / "checkpoints" / "job")), tmp_path).submit()
    assert read_output(tmp_path / "out") == dict.fromkeys(lines, 1)


def test_when_the_coordinator_is_killed_its_workers_end_and_the_job_can_be_resumed(environment, tmp_path, site):
    def kill(handle):
        pids = list(site.processes())
        os.kill(site.only("sage_local.runtime.coordinator"), signal.SIGKILL)
        with pytest.raises(CoordinatorLostError):
            handle.wait()
        assert await_end(pids) == []

    lines, _ = stopped(environment, tmp_path, kill=kill)
    copying(environment(restore="latest"), tmp_path).submit()
    assert read_output(tmp_path / "out") == dict.fromkeys(lines, 1)


def test_a_finished_job_has_nothing_left_to_do_when_it_is_resumed(environment, tmp_path):
    lines = write_input(tmp_path / "in", 100)
    copying(environment(), tmp_path).submit()
    copying(environment(restore="latest"), tmp_path).submit()
    assert read_output(tmp_path / "out") == dict.fromkeys(lines, 1)


def test_resuming_the_first_time_begins_from_the_start_and_says_so(environment, tmp_path, capfd):
    assert environment(restore="latest").from_collection([1]).collect() == [1]
    assert "no checkpoint" in capfd.readouterr().err


def test_a_damaged_checkpoint_is_passed_over_for_the_one_before_and_said_to_be(environment, tmp_path, capfd):
    def cancel_behind_two(handle):
        eventually(lambda: len(checkpoints(tmp_path)) > 1, "a second checkpoint")
        handle.cancel()

    lines, handle = stopped(environment, tmp_path, kill=cancel_behind_two)
    with pytest.raises(JobError):
        handle.wait()
    newest = max(checkpoints(tmp_path), key=lambda path: int(path.parent.name.removeprefix("chk-")))
    newest.write_bytes(newest.read_bytes()[:-20])
    copying(environment(restore="latest"), tmp_path).submit()
    assert set(read_output(tmp_path / "out")) == lines
    told = capfd.readouterr().err
    assert "passed over for an older one" in told
    assert "what sinks committed with it comes again" in told


def test_an_operator_that_the_program_no_longer_has_is_named(environment, tmp_path):
    env = environment()
    env.from_collection(range(10)).key_by(lambda n: n).reduce(max, name="largest").collect()
    renamed = environment(restore="latest").from_collection(range(10)).key_by(lambda n: n).reduce(max, name="greatest")
    with pytest.raises(JobError, match=r"operator 'largest'.*'greatest'"):
        renamed.collect()


def test_state_may_be_left_behind(environment):
    environment().from_collection(range(10), name="numbers").key_by(lambda n: n).reduce(max, name="largest").collect()
    env = environment(restore="latest", **{"allow-non-restored-state": True})
    assert env.from_collection(range(3), name="others").collect() == [0, 1, 2]


def test_two_jobs_can_not_share_a_checkpoint_directory(environment, tmp_path):
    _, handle = stopped(environment, tmp_path, kill=lambda handle: None)
    with pytest.raises(JobError, match="two jobs can not share a checkpoint directory"):
        environment().from_collection([1]).collect()
    handle.cancel()
    with pytest.raises(JobError):
        handle.wait()


def test_a_restore_path_without_a_checkpoint_is_an_error(environment, tmp_path):
    with pytest.raises((JobError, CheckpointError), match="no complete checkpoint"):
        environment(restore=str(tmp_path)).from_collection([1]).collect()


COPY = """
    import sys
    from pathlib import Path
    from sage_local import LocalEnvironment
    from tests.recovery.programs import copying

    home = Path(sys.argv[1])
    config = {"parallelism": 2, "checkpoint.interval": "50ms", "checkpoint.dir": str(home / "checkpoints")}
    result = copying(LocalEnvironment("copy", config), home).submit()
    print("restarts", result.restarts)
"""


def test_the_command_line_resumes_a_killed_job(tmp_path, site, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    lines = write_input(tmp_path / "in")
    program = tmp_path / "copy.py"
    program.write_text(textwrap.dedent(COPY))
    command = [sys.executable, "-m", "sage_local", "run", "local"]
    job = [str(program), "--", str(tmp_path)]
    with subprocess.Popen([*command, *job], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as first:
        eventually(lambda: checkpoints(tmp_path, "copy"), "a checkpoint")
        os.kill(site.only("sage_local.runtime.coordinator"), signal.SIGKILL)
        first.communicate()
    assert first.returncode == 1
    again = subprocess.run([*command, "--resume", *job], capture_output=True, text=True, check=True)
    assert "restarts 0" in again.stdout
    assert read_output(tmp_path / "out") == dict.fromkeys(lines, 1)
