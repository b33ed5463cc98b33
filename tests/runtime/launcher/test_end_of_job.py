"""However a job ends: one clear result, and nothing left of it."""

import contextlib
import io
import os
import signal
import sys
import threading
import types

import pytest

from sage_local import JobCancelledError, JobError, LocalEnvironment, OperatorError, SerializationError, WorkerLostError
from sage_local.errors import CoordinatorLostError
from sage_local.runtime.launcher import JobHandle
from tests.job_site import JobSite, await_end


def endless():
    """One record, and no end."""
    yield "ready"
    threading.Event().wait()


def start_endless(on: LocalEnvironment) -> JobHandle:
    """A detached job whose only record has come through, so that every process of it is at work."""
    on.from_generator(endless).print()
    handle = on.submit(detach=True)
    while handle.metrics().operators[-1].records_in == 0:
        pass
    return handle


def environment(parallelism: int = 2) -> LocalEnvironment:
    return LocalEnvironment("test-job", config={"parallelism": parallelism})


def test_a_job_that_finishes_leaves_nothing(site: JobSite, capsys: pytest.CaptureFixture[str]) -> None:
    env = environment()
    env.from_collection(range(100)).map(lambda x: x * x).print()
    result = env.submit()
    assert capsys.readouterr().out.split() == [str(x * x) for x in range(100)]
    assert [(each.records_in, each.records_out) for each in result.operators][-1] == (100, 0)
    assert list(site.root.iterdir()) == []


def test_the_exception_of_user_code_is_the_cause(site: JobSite) -> None:
    def parse(x: int) -> int:
        if x == 7:
            raise ValueError("seven is odd")
        return x

    env = environment()
    env.from_collection(range(10)).map(parse, name="parse").print()
    with pytest.raises(
        OperatorError, match=r"operator 'parse' .* failed on record 7: ValueError: seven is odd"
    ) as caught:
        env.submit()
    assert isinstance(caught.value.__cause__, ValueError)
    assert "in parse" in "".join(caught.value.__cause__.__notes__)
    site.assert_nothing_is_left()


@pytest.mark.parametrize(
    ("end", "how"),
    [
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "killed by SIGKILL"),
        (lambda: os.kill(os.getpid(), signal.SIGSEGV), "killed by SIGSEGV"),
        (lambda: os._exit(3), "exited with code 3"),
    ],
    ids=["SIGKILL", "SIGSEGV", "os._exit"],
)
def test_a_worker_that_dies_fails_the_job_with_its_operators_named(site: JobSite, end, how: str) -> None:
    env = environment()
    env.from_collection([1]).map(lambda _: end(), name="deadly").print()
    with pytest.raises(WorkerLostError, match=how) as caught:
        env.submit()
    assert "deadly" in caught.value.operators
    site.assert_nothing_is_left()


def test_what_can_not_be_sent_is_refused_and_nothing_is_left(site: JobSite) -> None:
    class Client:
        def __init__(self):
            self.lock = threading.Lock()

        def __call__(self, value):
            return value

    env = environment()
    env.from_collection([1]).map(Client(), name="call").print()
    with pytest.raises(SerializationError, match=r"operator 'call' .*function\.lock is a _thread\.lock"):
        env.submit()
    site.assert_nothing_is_left()
    assert list(site.root.iterdir()) == []


def test_a_module_that_workers_can_not_import_is_named(site: JobSite, monkeypatch: pytest.MonkeyPatch) -> None:
    ghost = types.ModuleType("ghost")
    exec("def haunt(value): return value", vars(ghost))
    monkeypatch.setitem(sys.modules, "ghost", ghost)
    env = environment()
    env.from_collection([1]).map(ghost.haunt).print()
    with pytest.raises(JobError, match=r"could not load the job: ModuleNotFoundError: No module named 'ghost'"):
        env.submit()
    site.assert_nothing_is_left()


def test_output_goes_to_what_standard_output_is_at_that_moment(site: JobSite) -> None:
    env = environment()
    env.from_collection(["here"]).print()
    with contextlib.redirect_stdout(io.StringIO()) as text:
        env.submit()
    assert text.getvalue() == "here\n"


def test_an_error_of_the_callers_stdout_cancels_the_job(site: JobSite) -> None:
    class Closed(io.StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError("nobody reads")

    env = environment()
    env.from_generator(endless).print()
    with contextlib.redirect_stdout(Closed()), pytest.raises(BrokenPipeError):
        env.submit()
    site.assert_nothing_is_left()


def test_a_job_runs_in_a_thread_and_leaves_signals_alone(site: JobSite) -> None:
    before = signal.getsignal(signal.SIGINT)
    results: list[list[int]] = []
    env = environment()
    thread = threading.Thread(target=lambda: results.append(env.from_collection([1, 2]).map(abs).collect()))
    thread.start()
    thread.join()
    assert results == [[1, 2]]
    assert signal.getsignal(signal.SIGINT) is before


def test_the_coordinators_death_ends_every_worker(site: JobSite) -> None:
    handle = start_endless(environment())
    everyone = list(site.processes())
    os.kill(site.only("coordinator.__main__ import"), signal.SIGKILL)
    with pytest.raises(CoordinatorLostError, match="killed by signal 9"):
        handle.wait()
    assert await_end(everyone) == []
    site.assert_nothing_is_left()


def test_the_zygotes_death_ends_every_worker(site: JobSite) -> None:
    handle = start_endless(environment())
    everyone = list(site.processes())
    os.kill(site.only("worker.zygote import"), signal.SIGKILL)
    with pytest.raises(JobError, match="zygote"):
        handle.wait()
    assert await_end(everyone) == []
    site.assert_nothing_is_left()


def test_a_stopped_job_finishes(site: JobSite, capsys: pytest.CaptureFixture[str]) -> None:
    handle = start_endless(environment())
    handle.stop()
    assert handle.wait().name == "test-job"
    site.assert_nothing_is_left()


def test_sigterm_stops_a_job_that_has_no_caller_to_hear_it(site: JobSite) -> None:
    handle = start_endless(environment())
    os.kill(site.only("coordinator.__main__ import"), signal.SIGTERM)
    assert handle.wait().name == "test-job"
    site.assert_nothing_is_left()


def test_a_cancelled_job_says_so_every_time(site: JobSite) -> None:
    handle = start_endless(environment())
    handle.cancel()
    for _ in range(2):
        with pytest.raises(JobCancelledError):
            handle.wait()
    site.assert_nothing_is_left()


def test_metrics_can_be_asked_for_while_a_job_runs_and_after(site: JobSite) -> None:
    handle = start_endless(environment())
    assert [each.name for each in handle.metrics().operators] == ["endless", "print"]
    handle.stop()
    handle.wait()
    assert handle.metrics().operators[0].records_out == 1


def test_the_callers_sys_path_argv_and_directory_are_the_workers(site: JobSite) -> None:
    env = environment(1)
    seen = env.from_collection([1]).map(lambda _: (sys.path, sys.argv, os.getcwd())).collect()
    assert seen == [([os.path.abspath(entry) for entry in sys.path], sys.argv, os.getcwd())]
