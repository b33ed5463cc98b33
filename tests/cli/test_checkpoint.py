import pytest
from click.testing import CliRunner

from sage_local.cli.checkpoint import command, size_text
from sage_local.core.ids import ChainId, TaskId
from sage_local.runtime.checkpoint import catalog
from sage_local.runtime.checkpoint.local import LocalStorage
from sage_local.runtime.checkpoint.manifest import Manifest, OperatorPlace
from sage_local.runtime.protocol.snapshots import FileRef, OperatorSummary, TaskSnapshot


@pytest.fixture
def directory(tmp_path):
    task = TaskSnapshot(
        TaskId(ChainId(0), 0),
        (FileRef("chk-7/0-0.state", 2048, 0),),
        (OperatorSummary("totals", {"state:seen": 12}, 2000),),
    )
    operators = (OperatorPlace("read", "Source", 0, 1), OperatorPlace("totals", "Reduce", 0, 1))
    manifest = Manifest(7, "sales", "sales-abc", 1_000, 1_250, 128, operators, (task,))
    storage = LocalStorage(tmp_path / "sales")
    catalog.store(storage, manifest)
    storage.write("chk-8/0-0.state", [b"x"])
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(command, [str(each) for each in arguments])


@pytest.mark.parametrize("place", [".", "sales"])
def test_ls_shows_complete_and_incomplete_checkpoints_newest_first(directory, place):
    lines = run("ls", directory / place).output.splitlines()
    assert lines[1].split()[1] == "chk-8"
    assert "never completed" in lines[1]
    assert "chk-7" in lines[2]
    assert "250 ms" in lines[2]
    assert "2.0 KB" in lines[2]


def test_ls_of_one_checkpoint_shows_that(directory):
    assert [line.split()[1] for line in run("ls", directory / "sales" / "chk-7").output.splitlines()[1:]] == ["chk-7"]


def test_a_file_among_the_jobs_is_no_job_and_a_file_is_no_place(directory):
    (directory / "notes.txt").write_text("of mine")
    assert "chk-7" in run("ls", directory).output
    result = run("ls", directory / "notes.txt")
    assert (result.exit_code, "Not a directory" in result.output) == (1, True)


def test_show_of_a_place_with_several_jobs_names_them(directory):
    output = " ".join(run("show", directory).output.split())
    assert f"{directory} holds checkpoints of jobs, expected those of one: {directory}/sales" in output


@pytest.mark.parametrize("place", ["sales", "sales/chk-7", "sales/chk-7/"])
def test_show_tells_operators_states_keys_and_sizes(directory, place):
    output = run("show", f"{directory}/{place}").output
    assert "sales (sales-abc)" in output
    assert ["totals", "Reduce", "1", "seen", "12", "2.0", "KB"] in [line.split() for line in output.splitlines()]


def test_show_of_a_checkpoint_that_is_not_complete_says_so(directory):
    result = run("show", directory / "sales" / "chk-8")
    assert "never completed" in str(result.exception)


def test_a_place_without_checkpoints_is_an_error(tmp_path):
    assert run("ls", tmp_path).exit_code == 2
    assert run("show", tmp_path).exit_code == 2


def test_sizes_are_for_people():
    assert [size_text(size) for size in (10, 2048, 5 * 2**20, 3 * 2**30)] == ["10 B", "2.0 KB", "5.0 MB", "3.0 GB"]
