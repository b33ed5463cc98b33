import errno
import os
import stat
from pathlib import Path
from typing import NoReturn

import pytest

from sage_local.errors import SageError
from sage_local.runtime.control import run_directory
from sage_local.runtime.control.run_directory import KEPT_LOGS, run_root


def test_the_chosen_directory_comes_before_the_systems(tmp_path: Path) -> None:
    assert run_root({"SAGE_RUN_DIR": "/chosen", "XDG_RUNTIME_DIR": str(tmp_path)}) == Path("/chosen")
    assert run_root({"XDG_RUNTIME_DIR": str(tmp_path)}) == tmp_path / "sage"
    assert run_root({}) == Path(f"/tmp/sage-{os.getuid()}")


def test_only_its_owner_may_enter(tmp_path: Path) -> None:
    job, lock = run_directory.make(tmp_path / "run", "job-1")
    os.close(lock)
    assert stat.S_IMODE(job.path.stat().st_mode) == 0o700


def test_a_directory_that_others_may_write_to_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "run"
    root.mkdir()
    root.chmod(0o777)
    with pytest.raises(SageError, match="mode 0777"):
        run_directory.make(root, "job-1")


def test_a_job_is_alive_while_its_coordinator_holds_the_lock(tmp_path: Path) -> None:
    job, lock = run_directory.make(tmp_path / "run", "job-1")
    assert run_directory.running(tmp_path / "run") == [job]
    os.close(lock)
    assert run_directory.running(tmp_path / "run") == []


def test_a_sweep_removes_what_a_killed_job_left_and_spares_the_living(tmp_path: Path) -> None:
    root = tmp_path / "run"
    (_, dead), (living, lock) = run_directory.make(root, "killed"), run_directory.make(root, "living")
    os.close(dead)
    run_directory.sweep(root)
    assert sorted(root.iterdir()) == [living.path]
    os.close(lock)


def test_a_sweep_keeps_the_newest_logs_of_failed_jobs(tmp_path: Path) -> None:
    root = tmp_path / "run"
    for number in range(KEPT_LOGS + 2):
        job, lock = run_directory.make(root, f"failed-{number:02}")
        (job.log_dir / "told").write_text("something")
        job.keep_logs()
        os.close(lock)
        os.utime(job.path, (number, number))
    run_directory.sweep(root)
    assert sorted(path.name for path in root.iterdir())[0] == "failed-02"
    assert len(list(root.iterdir())) == KEPT_LOGS


def test_kept_logs_are_all_that_is_left(tmp_path: Path) -> None:
    job, lock = run_directory.make(tmp_path / "run", "job-1")
    (job.log_dir / "empty").touch()
    (job.log_dir / "told").write_text("something")
    job.keep_logs()
    os.close(lock)
    assert [path for path in job.path.rglob("*") if path.is_file()] == [job.log_dir / "told"]


def test_jobs_of_others_are_told_to_be_theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> NoReturn:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(SageError, match=f"run directory {tmp_path} can not be used: Permission denied: set SAGE_RUN_"):
        run_directory.running(tmp_path)


def test_without_logs_nothing_is_left(tmp_path: Path) -> None:
    job, lock = run_directory.make(tmp_path / "run", "job-1")
    (job.log_dir / "empty").touch()
    job.keep_logs()
    os.close(lock)
    assert list((tmp_path / "run").iterdir()) == []


def test_jobs_see_the_cpus_that_running_ones_have_taken(tmp_path: Path) -> None:
    root = tmp_path / "run"
    (first, first_lock), (second, second_lock) = run_directory.make(root, "first"), run_directory.make(root, "second")
    first.take_cpus([0, 1, 1])
    with second.choosing_cpus() as taken:
        assert taken == {0: 1, 1: 2}
    os.close(first_lock)
    with second.choosing_cpus() as taken:
        assert taken == {}
    os.close(second_lock)


def test_two_sweeps_at_once_do_not_trip_over_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(KEPT_LOGS + 1):
        (tmp_path / f"job-{number}" / "log").mkdir(parents=True)
    looked = run_directory.RunDirectory.is_alive
    seen = []

    def swept_meanwhile(job: run_directory.RunDirectory) -> bool:
        seen.append(job)
        if len(seen) == KEPT_LOGS + 1:
            seen[0].remove()
        return looked(job)

    monkeypatch.setattr(run_directory.RunDirectory, "is_alive", swept_meanwhile)
    run_directory.sweep(tmp_path)
    assert not seen[0].path.exists()
    assert len(list(tmp_path.iterdir())) == KEPT_LOGS
