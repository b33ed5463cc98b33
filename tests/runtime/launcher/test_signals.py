"""What happens to a job when its caller gets a signal."""

import os
import re
import signal
from collections.abc import Iterator
from subprocess import Popen

from sage_local.runtime.launcher.control import connect, jobs
from tests.eventually import PATIENCE_S
from tests.job_site import JobSite, await_end

SILENT = """
    import threading
    from sage_local import LocalEnvironment

    def endless():
        yield "ready"
        threading.Event().wait()

    env = LocalEnvironment("signals", config={"parallelism": 2})
    env.from_generator(endless).map(str.upper).print()
    env.submit()
    print("after\\n", end="")
"""
"""One write for the last line: ``print`` writes its end by itself, and a detached job's output may come between."""
DETACHED = """
    handle = env.submit(detach=True)
    while handle.metrics().operators[-1].records_in == 0:
        pass
"""
"""What the job prints may come at any moment from now on."""
STUCK = """
    import threading
    from sage_local import LocalEnvironment

    def stuck(value):
        print("READY", flush=True)
        threading.Event().wait()

    env = LocalEnvironment("signals", config={"parallelism": 1})
    env.from_collection([1]).map(stuck).print()
    env.submit()
"""


def running(site: JobSite, program: str) -> tuple[Popen[str], list[int]]:
    """The program once its job runs, and the pids of the job's processes."""
    caller = site.script(program)
    assert caller.stdout is not None
    if (line := caller.stdout.readline()) != "READY\n":
        caller.kill()
        raise AssertionError(f"the program did not start: {line!r}, {ended(caller)}")
    return caller, list(site.processes())


def ended(caller: Popen[str]) -> tuple[int, str, str]:
    """Exit code, the rest of standard output, and standard error."""
    out, err = caller.communicate(timeout=PATIENCE_S)
    return caller.returncode, out, err


def test_a_killed_caller_leaves_nothing_behind(site: JobSite) -> None:
    caller, job = running(site, SILENT)
    caller.kill()
    ended(caller)
    assert await_end(job) == []
    assert list(site.root.iterdir()) == []


def test_a_killed_caller_leaves_no_worker_that_is_inside_a_call(site: JobSite) -> None:
    caller, job = running(site, STUCK)
    caller.kill()
    ended(caller)
    assert await_end(job) == []
    assert list(site.root.iterdir()) == []


def test_ctrl_c_stops_the_job_and_the_program_goes_on(site: JobSite) -> None:
    caller, _ = running(site, SILENT)
    caller.send_signal(signal.SIGINT)
    assert ended(caller) == (0, "after\n", "")
    site.assert_nothing_is_left()


def test_sigterm_is_as_ctrl_c(site: JobSite) -> None:
    caller, _ = running(site, SILENT)
    caller.send_signal(signal.SIGTERM)
    assert ended(caller) == (0, "after\n", "")
    site.assert_nothing_is_left()


def test_a_second_ctrl_c_cancels(site: JobSite) -> None:
    caller, _ = running(site, STUCK)
    interrupt_twice(caller)
    code, _, err = ended(caller)
    assert code == 1
    assert "JobCancelledError" in err
    site.assert_nothing_is_left()


def test_who_waits_for_a_stop_is_told_what_it_waits_for(site: JobSite) -> None:
    """One Ctrl-C, and a function that does not return: nothing would happen, and nobody would know why."""
    caller, _ = running(site, STUCK)
    caller.send_signal(signal.SIGINT)
    assert caller.stderr is not None
    told = caller.stderr.readline()
    assert re.fullmatch(
        r"sage: the job is stopping and waits for operator 'stuck' \(subtask 1\), in one call for \d+ s;"
        r" a second Ctrl-C, or `sage stop --now signals-[0-9a-f]{8}`, ends it at once\n",
        told,
    )
    caller.send_signal(signal.SIGINT)
    assert ended(caller)[0] == 1
    site.assert_nothing_is_left()


def test_a_detached_job_outlives_its_caller_and_can_be_stopped(site: JobSite) -> None:
    caller = site.script(SILENT.replace("env.submit()", DETACHED))
    code, out, _ = ended(caller)
    assert (code, "after" in out.splitlines()) == (0, True)
    job = list(site.processes())
    (job_id,) = jobs(site.root)
    with connect(site.root, job_id) as running_job:
        status = running_job.status()
        assert (status.name, sorted(status.worker_pids)) == ("signals", [0, 1])
        running_job.stop()
        running_job.wait()
    assert await_end(job) == []
    assert list(site.root.iterdir()) == []


def interrupt_twice(caller: Popen[str]) -> None:
    """Two signals of one kind that are pending together are one: the second follows when the first has been taken."""
    caller.send_signal(signal.SIGINT)
    for _ in pending(caller.pid):
        os.sched_yield()
    caller.send_signal(signal.SIGINT)


def pending(pid: int) -> Iterator[None]:
    """As long as SIGINT waits to be taken by ``pid``."""
    while True:
        with open(f"/proc/{pid}/status") as file:
            masks = [int(line.split()[1], 16) for line in file if line.startswith(("SigPnd", "ShdPnd"))]
        if not any(mask & 1 << (signal.SIGINT - 1) for mask in masks):
            return
        yield
