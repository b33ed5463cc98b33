"""Less of everything than a job would like: files, memory, disk, CPUs."""

import os
import resource
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from sage_local.errors import ConfigError, SageError
from sage_local.runtime.coordinator.log import JobLog
from sage_local.runtime.memory.cgroup import cpu_quota
from sage_local.runtime.protocol.placement import place
from sage_local.runtime.scheduler.topology import read_topology

SHUFFLES = """
from sage_local import LocalEnvironment
env = LocalEnvironment("hostile", config={"parallelism": 2})
numbers = env.from_collection(range(1000)).rebalance().map(abs).key_by(lambda n: n % 7)
assert len(numbers.map(lambda n: n).collect()) == 1000
print("counted")
"""


def limited(name: str, soft: int, text: str = SHUFFLES) -> str:
    """``text`` in a process that has set itself a limit."""
    return f"import resource\nresource.setrlimit(resource.{name}, ({soft}, {soft}))\n{text}"


def test_64_open_files_are_enough_for_two_workers(program):
    done = program(limited("RLIMIT_NOFILE", 64))
    assert (done.returncode, done.stdout, done.stderr) == (0, "counted\n", "")


def test_a_soft_limit_of_open_files_does_not_hold_the_engine_and_stays_the_users(program):
    """The engine may raise its own, as anybody may."""
    text = """
        import resource
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 256))
        from sage_local import LocalEnvironment
        env = LocalEnvironment("hostile", config={"parallelism": 40})
        limits = env.from_collection(range(80)).map(lambda _: resource.getrlimit(resource.RLIMIT_NOFILE))
        print(set(limits.collect()))
        """
    done = program(text)
    assert (done.returncode, done.stdout, done.stderr) == (0, "{(64, 256)}\n", "")


@pytest.mark.parametrize(
    ("files", "workers", "message"),
    [
        (64, 32, "the limit of open files is 64, and a job with 32 workers needs 152 in one process: raise it"),
        (16, 2, "the limit of open files is 16, and starting a job needs 32: raise it (ulimit -n)"),
    ],
)
def test_too_few_open_files_are_told_before_anything_starts(program, files, workers, message):
    done = program(limited("RLIMIT_NOFILE", files, SHUFFLES.replace('"parallelism": 2', f'"parallelism": {workers}')))
    assert done.returncode == 1
    assert f"ConfigError: {message}" in done.stderr


def test_little_address_space_is_enough_for_small_records(program):
    done = program(limited("RLIMIT_AS", 200 * 2**20))
    assert (done.returncode, done.stdout, done.stderr) == (0, "counted\n", "")


def test_a_record_beyond_the_address_space_fails_its_operator(program):
    text = """
from sage_local import LocalEnvironment
LocalEnvironment("hostile").from_collection([1]).map(lambda _: bytes(400 * 2**20), name="grow").collect()
"""
    done = program(limited("RLIMIT_AS", 300 * 2**20, text))
    assert done.returncode == 1
    assert "OperatorError: operator 'grow' " in done.stderr
    assert "failed on record 1: MemoryError" in done.stderr


def test_a_limit_of_file_size_that_holds_for_segments_too_is_told(program):
    done = program(limited("RLIMIT_FSIZE", 2**20))
    assert done.returncode == 1
    assert "could not be started: [Errno 27] File too large, for a shared segment of " in done.stderr


def test_ten_thousand_workers_are_refused_before_any_process_starts(environment):
    env = environment(10_000, max_parallelism=32_768, taskmanager__memory__process__size="16gb")
    with pytest.raises(
        ConfigError, match=r"10000 workers need(s? 40024 in one process| 40000\.0 MiB before they hold)"
    ):
        env.from_collection([1]).map(abs).collect()


def test_a_budget_smaller_than_the_rings_is_refused_before_any_process_starts(environment):
    env = environment(8, taskmanager__memory__process__size="40mb", ring__min_size="1mb")
    stream = env.from_collection([1]).rebalance().map(abs).key_by(abs).count()
    with pytest.raises(
        ConfigError, match=r"budget is 40\.0 MiB, and the rings between 8 workers alone need 7\d\.\d MiB"
    ):
        stream.collect()


@pytest.fixture
def mounts() -> None:
    """Needs mounts of one's own."""
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-m", "true"], check=False).returncode:
        pytest.skip("no right to mount anything, even where nobody else sees it")


def with_tmpfs(where: Path | str, size: str, then: str = "true") -> list[str]:
    """What runs a command where ``where`` is a file system of ``size``, and ``then`` was run."""
    return ["unshare", "-m", "sh", "-c", f'mount -t tmpfs -o size={size} none "{where}"; {then}; exec "$0" "$@"']


@pytest.mark.usefixtures("mounts")
def test_a_small_dev_shm_does_not_matter(program):
    """Containers have 64 MB there, and rings want more than that here."""
    text = SHUFFLES.replace('"parallelism": 2', '"parallelism": 6')
    done = program(text, before=with_tmpfs("/dev/shm", "64m", "fallocate -l 64m /dev/shm/full 2> /dev/null"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "counted\n", "")


@pytest.mark.usefixtures("mounts")
def test_a_full_disk_under_the_run_directory_is_told(program, tmp_path):
    fill = f'head -c 1m /dev/zero > "{tmp_path}/fill" 2> /dev/null'
    run_directory = tmp_path / "run"
    done = program(SHUFFLES, before=with_tmpfs(tmp_path, "64k", fill), environ={"SAGE_RUN_DIR": str(run_directory)})
    assert done.returncode == 1
    assert f"run directory {run_directory}/hostile-" in done.stderr
    assert "can not be used: No space left on device: set SAGE_RUN_DIR to another" in done.stderr


@pytest.mark.usefixtures("mounts")
def test_a_disk_that_fills_while_a_job_runs_does_not_end_it(program, tmp_path):
    """The log is opened when the job goes on for a while, and can not be written."""
    text = f"""
        import glob, time
        from sage_local import LocalEnvironment

        def numbers():
            with open("{tmp_path}/fill", "wb", buffering=0) as file:
                try:
                    while file.write(bytes(4096)):
                        pass
                except OSError:
                    yield "full"
            while not glob.glob("{tmp_path}/run/*/log/coordinator.log"):
                time.sleep(0.01)
            yield "late"

        print(LocalEnvironment("hostile").from_generator(numbers).collect())
        """
    done = program(text, before=with_tmpfs(tmp_path, "256k"), environ={"SAGE_RUN_DIR": f"{tmp_path}/run"})
    assert (done.returncode, done.stdout, done.stderr) == (0, "['full', 'late']\n", "")


def test_a_log_that_can_not_be_written_is_given_up(tmp_path, capsys):
    log = JobLog(tmp_path / "none", "INFO")
    log.write("INFO", "a line")
    log.save()
    assert "the log could not be written: [Errno 2] No such file or directory" in capsys.readouterr().err


@pytest.mark.parametrize("fails", [False, True])
def test_a_run_directory_that_is_tidied_away_takes_no_result_with_it(program, tmp_path, fails):
    """As what sits in ``/tmp`` for long is on many machines."""
    text = f"""
        import shutil
        from sage_local import LocalEnvironment

        def tidy(value):
            shutil.rmtree("{tmp_path}/run", ignore_errors=True)
            return 1 / (value - {int(fails)})

        print(LocalEnvironment("hostile").from_collection([1.5]).map(tidy, name="tidy").collect())
        print(LocalEnvironment("hostile").from_collection([1]).map(tidy, name="tidy").collect())
        """
    done = program(text, environ={"SAGE_RUN_DIR": f"{tmp_path}/run"})
    if fails:
        assert (done.returncode, done.stdout) == (1, "[2.0]\n")
        assert "OperatorError: operator 'tidy' (subtask 1 of 2) failed on record 1: ZeroDivisionError" in done.stderr
    else:
        assert (done.returncode, done.stdout, done.stderr) == (0, "[0.6666666666666666]\n[1.0]\n", "")
    assert not list((tmp_path / "run").glob("*"))


@pytest.mark.parametrize("place", ["/proc/none", "file"])
def test_a_run_directory_that_can_not_be_made_is_told(environment, monkeypatch, tmp_path, place):
    (tmp_path / "file").touch()
    root = tmp_path / place
    monkeypatch.setenv("SAGE_RUN_DIR", str(root))
    with pytest.raises(SageError, match=f"run directory {root} can not be used: .*: set SAGE_RUN_DIR to another"):
        environment().from_collection([1]).collect()


def test_a_run_directory_may_lie_deeper_than_the_address_of_a_socket_is_long(environment, monkeypatch, tmp_path):
    root = tmp_path.joinpath(*["d" * 100] * 4)
    monkeypatch.setenv("SAGE_RUN_DIR", str(root))
    assert environment().from_collection([1, 2]).rebalance().map(abs).collect()
    assert list(root.iterdir()) == []


def test_one_allowed_cpu_is_enough_for_several_workers(program):
    (first, *_) = os.sched_getaffinity(0)
    text = f"""
        import os
        os.sched_setaffinity(0, [{first}])
        from sage_local import LocalEnvironment
        env = LocalEnvironment("hostile", config={{"parallelism": 3}})
        print(env.from_collection(range(6)).rebalance().map(lambda _: os.sched_getaffinity(0)).collect())
        """
    done = program(text)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{[{first}] * 6}\n", "")


def test_a_current_directory_that_is_gone_does_not_matter(program):
    done = program(f"""
        import os, sage_local, tempfile
        here = tempfile.mkdtemp()
        os.chdir(here)
        os.rmdir(here)
        {SHUFFLES.replace(chr(10), chr(10) + 8 * " ")}
        """)
    assert (done.returncode, done.stdout, done.stderr) == (0, "counted\n", "")


def test_under_a_quota_of_half_a_core_nobody_spins(tmp_path):
    """Every turn of a spinning worker would come off what its peer has left."""
    for path, content in {
        "proc/self/cgroup": "0::/\n",
        "sys/fs/cgroup/cpu.max": "50000 100000\n",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(content)
    assert cpu_quota(tmp_path) == 0.5
    half = replace(read_topology(), quota=cpu_quota(tmp_path))
    assert not any(seat.may_spin for seat in place(half, workers=1).values())


def test_the_limits_of_this_process_are_what_they_were():
    """None of these tests may set one for those behind it."""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
