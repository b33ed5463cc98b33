"""The leak check passes a clean job and names what another leaves behind."""

import os
import subprocess
import sys

import pytest

from sage_local import LocalEnvironment, OperatorError
from sage_local.testing import FaultPoint, Latch, ScriptedSource, leak_check


def test_a_job_leaves_nothing():
    with leak_check():
        assert LocalEnvironment("clean", {"parallelism": 2}).from_collection([1, 2]).map(str).collect() == ["1", "2"]


def test_a_job_that_fails_leaves_nothing_but_its_logs():
    with leak_check(), pytest.raises(OperatorError):
        LocalEnvironment("failing", {"parallelism": 2}).from_collection([1]).map(FaultPoint().around(abs)).collect()


def test_it_names_a_process():
    with pytest.raises(AssertionError, match=r"left behind:\n  process \d+: .*stdin\.read"), leak_check(grace_s=0):
        child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    child.communicate()


def test_it_names_a_descriptor_and_a_mapping():
    made = os.memfd_create("kept")
    with pytest.raises(AssertionError, match=r"descriptor \d+ of this process: /memfd:left"), leak_check(grace_s=0):
        left = os.memfd_create("left")
    os.close(left)
    os.close(made)


def test_it_names_a_job_that_still_runs(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))  # such a job keeps its run directory
    latch = Latch()
    env = LocalEnvironment("running", {"parallelism": 1})
    env.from_source(ScriptedSource([latch])).sink(abs)
    with pytest.raises(AssertionError, match=r"run directory of job running-.*, with alive"), leak_check(grace_s=0):
        handle = env.submit(detach=True)
    latch.open()
    handle.wait()


def test_what_the_block_raises_comes_out():
    with pytest.raises(KeyError), leak_check(grace_s=0):
        raise KeyError("of the test")


def test_it_is_a_decorator_and_restores_the_environment(monkeypatch):
    monkeypatch.setenv("SAGE_RUN_DIR", "/somewhere")

    @leak_check()
    def inside() -> str:
        return os.environ["SAGE_RUN_DIR"]

    assert inside() != "/somewhere"
    assert os.environ["SAGE_RUN_DIR"] == "/somewhere"
