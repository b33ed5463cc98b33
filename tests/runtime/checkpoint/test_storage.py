"""The suite of every storage."""

import pytest

from sage_local.errors import CheckpointError
from sage_local.runtime.checkpoint.local import LocalStorage
from sage_local.runtime.checkpoint.storage import inside, open_storage


def arrow(root):
    from pyarrow.fs import LocalFileSystem

    from sage_local.runtime.checkpoint.arrow import ArrowStorage

    return ArrowStorage(LocalFileSystem(), str(root), f"file://{root}")


@pytest.fixture(params=[LocalStorage, arrow], ids=["local", "arrow"])
def storage(request, tmp_path):
    return request.param(tmp_path / "root")


def test_what_was_written_can_be_read(storage):
    storage.write("chk-1/a", [b"one", b"two"])
    assert storage.read("chk-1/a") == b"onetwo"
    assert storage.size("chk-1/a") == 6


def test_writing_again_replaces(storage):
    storage.write("a", [b"one"])
    storage.write("a", [b"two"])
    assert storage.read("a") == b"two"


def test_what_is_not_there_is_said_to_be_missing(storage):
    assert storage.size("nowhere/a") is None
    assert storage.names("nowhere") == []
    with pytest.raises(FileNotFoundError):
        storage.read("nowhere/a")


def test_names_are_sorted_and_of_one_directory(storage):
    for path in ("b/2", "b/1", "a"):
        storage.write(path, [])
    assert storage.names() == ["a", "b"]
    assert storage.names("b") == ["1", "2"]


def test_deleting_takes_files_and_directories_and_does_not_mind_nothing(storage):
    for path in ("b/2", "b/1", "a"):
        storage.write(path, [b"x"])
    storage.delete("b")
    storage.delete("a")
    storage.delete("c")
    assert storage.names() == []


def test_a_local_write_that_fails_leaves_what_was_there(tmp_path):
    def broken():
        yield b"half"
        raise OSError(28, "No space left on device")

    storage = LocalStorage(tmp_path)
    storage.write("a", [b"whole"])
    with pytest.raises(OSError, match="No space"):
        storage.write("a", broken())
    assert storage.read("a") == b"whole"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_plain_path_and_a_file_uri_are_the_same_place(tmp_path):
    open_storage(str(tmp_path)).write("a", [b"x"])
    assert open_storage(f"file://{tmp_path}").read("a") == b"x"


def test_a_directory_of_a_storage_is_a_storage(tmp_path):
    inside(LocalStorage(tmp_path), "job", "x").write("a", [b"y"])
    assert LocalStorage(tmp_path).read("job/x/a") == b"y"


def test_a_uri_that_nothing_understands_is_refused():
    with pytest.raises(CheckpointError, match="nonsense"):
        open_storage("nonsense://place")
