"""Several jobs: at once, one inside another, from threads and from forks."""

import os
import signal
import threading

import pytest

from sage_local import LocalEnvironment, OperatorError
from sage_local.errors import JobError


def endless():
    yield 1
    threading.Event().wait()


def started(environment):
    env = environment()
    env.from_generator(endless).sink(lambda _: None)
    return env.submit(detach=True)


def test_two_jobs_run_at_once(environment):
    first, second = started(environment), started(environment)
    assert first.job_id != second.job_id
    for job in (first, second):
        while job.metrics().operators[-1].records_in == 0:
            pass
    first.stop()
    assert first.wait().operators[0].records_out == 1
    assert second.metrics().operators[0].records_out == 1
    second.stop()
    second.wait()


def test_jobs_are_submitted_from_threads(environment):
    results = {}

    def run(index):
        numbers = environment().from_collection(range(10)).map(lambda number: number + index)
        results[index] = sorted(numbers.rebalance().map(abs).collect())

    threads = [threading.Thread(target=run, args=(index,)) for index in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {index: list(range(index, index + 10)) for index in range(3)}


def test_a_program_is_submitted_twice_and_from_several_threads(environment, capsys):
    env = environment()
    env.from_collection(iter([1, 2])).map(str).print()
    env.submit()
    env.submit()
    threads = [threading.Thread(target=env.submit) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(capsys.readouterr().out.split()) == ["1"] * 4 + ["2"] * 4


@pytest.mark.parametrize("engine", ["processes", "inline"])
def test_a_job_runs_inside_a_function_of_another(environment, engine):
    def tenfold(value):
        inner = LocalEnvironment("inner", config={"parallelism": 1, "execution.engine": engine})
        return inner.from_collection([value]).map(lambda number: number * 10).collect()

    assert environment().from_collection([1, 2]).map(tenfold).collect() == [[10], [20]]


def test_a_job_that_fails_inside_a_function_fails_the_job_around_it(environment):
    def fails(value):
        inner = LocalEnvironment("inner", config={"parallelism": 1})
        return inner.from_collection([value]).map(lambda number: 1 / 0, name="divide").collect()

    message = r"operator 'outer' .* failed on record 1: .*operator 'divide' .* failed on record 1: ZeroDivisionError"
    with pytest.raises(OperatorError, match=message):
        environment().from_collection([1]).map(fails, name="outer").collect()


def test_a_job_inside_a_job_that_is_cancelled_goes_with_it(environment):
    """Its caller is a worker, which is killed: whoever loses its caller ends."""

    def runs_for_ever(value):
        inner = LocalEnvironment("inner", config={"parallelism": 1})
        inner.from_generator(endless).sink(lambda _: os.kill(waiting, signal.SIGUSR2))
        inner.submit()

    waiting = os.getpid()
    arrived = threading.Event()
    before = signal.signal(signal.SIGUSR2, lambda *_: arrived.set())
    try:
        env = environment(1)
        env.from_collection([1]).map(runs_for_ever).sink(lambda _: None)
        handle = env.submit(detach=True)
        assert arrived.wait(40)
        handle.cancel()
        with pytest.raises(JobError, match="was cancelled"):
            handle.wait()
    finally:
        signal.signal(signal.SIGUSR2, before)


def test_a_forked_child_can_not_take_the_callers_job(environment):
    """It shares the socket: what one of the two receives the other never gets."""
    handle = started(environment)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        told = []
        for act in (handle.wait, handle.stop, handle.cancel, handle.metrics):
            try:
                act()
            except JobError as error:
                told.append(str(error))
        os.write(writer, "\n".join(told).encode())
        os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as pipe:
        told = pipe.read().splitlines()
    assert (
        told
        == [
            f"job {handle.job_id} was submitted by process {os.getpid()}, whose fork this is: wait for it there;"
            f" from elsewhere there is `sage stop {handle.job_id}`"
        ]
        * 4
    )
    handle.stop()
    assert handle.wait().name == "hostile"


def test_a_forked_child_that_outlives_the_caller_does_not_keep_its_job(program):
    """It holds the caller's socket open, but it is not the caller."""
    done = program(
        """
        import os, signal, sys, threading
        from sage_local import LocalEnvironment

        def endless():
            yield 1
            threading.Event().wait()

        def fork_and_die():
            if os.fork() == 0:
                signal.pause()
            os.kill(os.getpid(), signal.SIGKILL)

        env = LocalEnvironment("hostile", config={"parallelism": 1})
        env.from_generator(endless).print()
        sys.stdout = type("Out", (), {"write": lambda self, text: fork_and_die(), "flush": lambda self: None})()
        env.submit()
        """,
        before=["bash", "-c", 'setsid "$0" "$@" > /dev/null 2>&1 & echo $!; wait $!; '],
    )
    group = int(done.stdout)
    os.killpg(group, signal.SIGKILL)  # the child; everything else must be gone by itself


def test_a_forked_child_submits_jobs_of_its_own(environment):
    env = environment()
    stream = env.from_collection([1]).map(abs)
    assert stream.collect() == [1]
    child = os.fork()
    if child == 0:
        os._exit(0 if stream.collect() == [1] else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert stream.collect() == [1]


def test_a_caller_that_ignores_the_end_of_children_still_gets_its_result(program):
    done = program(
        """
        import signal
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        from sage_local import LocalEnvironment
        print(LocalEnvironment("hostile").from_collection([1]).map(abs).collect())
        """
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "[1]\n", "")
