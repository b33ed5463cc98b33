"""User code that does to its process what no function should: end it, fork it, rob it, or never return."""

import contextlib
import io
import multiprocessing
import os
import signal
import subprocess
import sys
import threading

import pytest

from sage_local import JobCancelledError, JobError, MapFunction, OperatorError, WorkerLostError
from sage_local.cli.progress import status_text
from tests.eventually import eventually


@pytest.mark.parametrize(
    ("end", "how"),
    [
        (lambda: os._exit(0), "its process exited with code 0"),
        (lambda: os.abort(), "killed by SIGABRT"),
        (lambda: os.kill(0, signal.SIGKILL), "killed by SIGKILL"),
        (lambda: (signal.setitimer(signal.ITIMER_REAL, 0.01), signal.pause()), "killed by SIGALRM"),
    ],
    ids=["os._exit", "os.abort", "the whole group", "SIGALRM"],
)
def test_a_function_that_ends_its_worker_fails_the_job(environment, capfd, end, how):
    with pytest.raises(WorkerLostError, match=rf"worker \d .*'deadly'.* was lost: {how}"):
        environment().from_collection([1]).map(lambda _: end(), name="deadly").collect()


@pytest.mark.parametrize("where", ["open", "call"])
def test_sys_exit_in_a_function_is_its_failure(environment, where):
    class Leaves(MapFunction):
        def open(self, context):
            if where == "open":
                sys.exit(3)

        def map(self, value):
            sys.exit(3)

    with pytest.raises(OperatorError, match=r"operator 'leave' .* failed.*: SystemExit: 3"):
        environment().from_collection([1]).map(Leaves(), name="leave").collect()


def test_a_debugger_in_a_worker_is_told_where_it_has_a_terminal(environment):
    stops = environment(1).from_collection([1]).map(lambda value: breakpoint() or value, name="stop")
    with (
        contextlib.redirect_stdout(io.StringIO()) as out,
        pytest.raises(OperatorError, match=r"'stop' .* record 1: bdb\.BdbQuit: a worker has no terminal .*--inline"),
    ):
        stops.collect()
    assert "(Pdb)" in out.getvalue()


def forks_and_waits(value):
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return value


def forks_and_leaves_it(value):
    if os.fork() == 0:
        signal.pause()
        os._exit(0)
    return value


def forks_and_terminates_it(value):
    child = os.fork()
    if child == 0:
        signal.pause()
        os._exit(0)
    os.kill(child, signal.SIGTERM)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGTERM
    return value


def has_a_pool_of_its_own(value):
    """Whose processes are ended with SIGTERM while they wait for work."""
    with multiprocessing.get_context("fork").Pool(2) as pool:
        return pool.map(abs, [-value])[0]


def starts_a_program(value):
    # Into the life of the process, so that nothing warns of it: the test is what becomes of it.
    sys.modules["__main__"].started = subprocess.Popen(["sleep", "1000"])
    return value


def starts_threads(value):
    threading.Thread(target=threading.Event().wait).start()
    threading.Thread(target=threading.Event().wait, daemon=True).start()
    return value


def changes_directory(value):
    os.chdir("/")
    return value


def changes_to_nowhere(value):
    import tempfile

    directory = tempfile.mkdtemp()
    os.chdir(directory)
    os.rmdir(directory)
    return value


def sets_signal_handlers(value):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGCHLD):
        signal.signal(number, signal.SIG_IGN)
    return value


def signals_the_group(value):
    os.kill(0, signal.SIGTERM)
    os.kill(0, signal.SIGINT)
    return value


def lowers_its_limits(value):
    import resource

    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
    return value


def takes_other_cpus(value):
    os.sched_setaffinity(0, range(os.cpu_count()))
    os.nice(1)
    return value


def sees_no_input(value):
    assert sys.stdin.read() == ""
    return value


@pytest.mark.parametrize(
    "function",
    [
        forks_and_waits,
        forks_and_leaves_it,
        forks_and_terminates_it,
        has_a_pool_of_its_own,
        starts_a_program,
        starts_threads,
        changes_directory,
        changes_to_nowhere,
        sets_signal_handlers,
        signals_the_group,
        lowers_its_limits,
        takes_other_cpus,
        sees_no_input,
    ],
)
def test_what_a_function_does_to_its_process_does_no_harm(environment, function):
    """What it started goes with its worker, and the caller's own directory and handlers stay as they are."""
    before = os.getcwd(), signal.getsignal(signal.SIGINT)
    numbers = environment().from_collection([1, 2, 3]).map(function).rebalance().map(abs)
    assert sorted(numbers.collect()) == [1, 2, 3]
    assert (os.getcwd(), signal.getsignal(signal.SIGINT)) == before


def closes_1(value):
    os.close(1)
    return value


def closes_2(value):
    os.close(2)
    return value


def puts_a_file_in_place_of_1(value):
    os.close(1)
    sys.modules["__main__"].taken = os.open(os.devnull, os.O_RDONLY)
    return value


@pytest.mark.parametrize("function", [closes_1, closes_2, puts_a_file_in_place_of_1])
def test_a_function_that_closes_standard_output_does_not_take_it_from_print(environment, function):
    env = environment(1)
    env.from_collection([1]).map(function).print()
    with contextlib.redirect_stdout(io.StringIO()) as out:
        env.submit()
    assert out.getvalue() == "1\n"


@pytest.mark.parametrize("first", [0, 3])
def test_a_function_that_closes_the_engines_descriptors_is_told_so(environment, first):
    """As programs do that make themselves daemons."""
    env = environment(1)
    env.from_collection([1]).map(lambda value: os.closerange(first, 1000), name="close all").print()
    with pytest.raises(
        JobError, match=r"worker 0 can not go on: user code .*'close all'.* closed descriptors .*Errno 9"
    ):
        env.submit()


def closes_sys_stdout(value):
    sys.stdout.close()
    return value


def test_a_closed_sys_stdout_fails_who_prints_and_nobody_else(environment):
    env = environment(1)
    env.from_collection([1]).map(closes_sys_stdout).print()
    with pytest.raises(OperatorError, match=r"operator 'print' .* failed: ValueError: I/O operation on closed file"):
        env.submit()
    assert environment(1).from_collection([1]).map(closes_sys_stdout).collect() == [1]


def comes_back(value):
    child = os.fork()
    if child:
        os.waitpid(child, 0)
    return value


def comes_back_alone(value):
    os.fork()
    return value


def raises_in_the_child(value):
    child = os.fork()
    if child == 0:
        raise ValueError("in the child")
    os.waitpid(child, 0)
    return value


@pytest.mark.parametrize("function", [comes_back, comes_back_alone, raises_in_the_child])
def test_a_forked_child_that_comes_back_does_not_become_a_second_worker(environment, function):
    """It would write into the same rings: the job fails instead, and the reason is told."""
    with (
        contextlib.redirect_stderr(io.StringIO()) as err,
        pytest.raises(WorkerLostError, match=r"worker \d .*'fork'.* was lost: killed by SIGABRT"),
    ):
        environment().from_collection([1, 2, 3]).map(function, name="fork").collect()
    assert "'fork'" in err.getvalue()
    assert "came back from the user's function; end it with os._exit()" in err.getvalue()


def test_a_killed_zygote_fails_the_job(environment):
    def kills(value):
        os.kill(os.getppid(), signal.SIGKILL)
        signal.pause()

    with pytest.raises(JobError, match="the zygote, the process that workers are forked from, ended unexpectedly"):
        environment().from_collection([1]).map(kills).collect()


def never_returns(value):
    threading.Event().wait()


class NeverOpens(MapFunction):
    def open(self, context):
        never_returns(None)

    def map(self, value):
        return value


@pytest.mark.slow
def test_a_function_that_never_returns_is_named_and_its_stack_can_be_read(environment):
    """Be it in ``open`` or in a call. Side by side: it takes some seconds until a call is long enough to wonder."""
    handles = []
    for function in (never_returns, NeverOpens()):
        env = environment(1)
        env.from_collection([1]).map(function, name="stuck").print()
        handles.append(env.submit(detach=True))
    for handle in handles:
        assert_is_told_to_be_stuck(handle)
        handle.cancel()
    for handle in handles:
        with pytest.raises(JobCancelledError):
            handle.wait()


def assert_is_told_to_be_stuck(handle):
    progress = eventually(lambda: (seen := handle.metrics()).long_calls and seen, "a long call")
    (call,) = progress.long_calls
    assert (call.operator, call.subtask) == ("stuck", 0)
    assert f"stuck (subtask 1) in one call for {int(call.duration_s)}s" in status_text(progress)
    command = [sys.executable, "-m", "sage_local", "stack", handle.job_id]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "worker 0 (pid " in shown
    assert "in never_returns" in shown
