import errno
import json
import zlib

import pytest

from sage_local.core.ids import ChainId, TaskId
from sage_local.errors import CheckpointError
from sage_local.runtime.checkpoint import catalog
from sage_local.runtime.checkpoint.local import LocalStorage
from sage_local.runtime.checkpoint.lock import DirectoryLock
from sage_local.runtime.checkpoint.manifest import (
    Manifest,
    OperatorPlace,
    OtherFormatError,
    read_manifest,
    write_manifest,
)
from sage_local.runtime.checkpoint.operator_snapshot import OperatorSnapshot
from sage_local.runtime.checkpoint.state_file import UNKEYED, WHOLE, StateFile, read_state_file
from sage_local.runtime.protocol.snapshots import FileRef, OperatorSummary, TaskSnapshot

TASK = TaskId(ChainId(0), 1)


@pytest.fixture
def storage(tmp_path):
    return LocalStorage(tmp_path / "job")


def take(storage, checkpoint, payload=b"state", earlier=()) -> Manifest:
    """A complete checkpoint of one task; ``earlier`` are files that it builds on."""
    path = catalog.state_path(checkpoint, TASK)
    file = StateFile()
    file.add(OperatorSnapshot("count", [(3, payload)], b"position", {"n": 1}))
    storage.write(path, file.parts)
    files = (*earlier, file.reference(path))
    task = TaskSnapshot(TASK, files, (OperatorSummary("count", {"n": 1}, len(payload)),))
    manifest = Manifest(checkpoint, "job", "run-1", 10, 20, 128, (OperatorPlace("count", "Reduce", 0, 2),), (task,))
    catalog.store(storage, manifest)
    return manifest


def newest(storage):
    warnings = []
    found = catalog.newest(storage, warnings.append)
    return (found and found.checkpoint), warnings


def test_a_state_file_gives_back_every_frame():
    file = StateFile()
    file.add(OperatorSnapshot("a → b", [(0, b""), (7, b"seven"), (7, b"more")]))
    file.add(OperatorSnapshot("c", (), b"rest"))
    frames = list(read_state_file("x", b"".join(file.parts)))
    assert [(frame.operator, frame.key_group, bytes(frame.payload)) for frame in frames] == [
        ("a → b", WHOLE, b""),
        ("a → b", 0, b""),
        ("a → b", 7, b"seven"),
        ("a → b", 7, b"more"),
        ("c", WHOLE, b""),
        ("c", UNKEYED, b"rest"),
    ]


def test_a_manifest_reads_as_it_was_written(storage):
    manifest = take(storage, 1)
    assert read_manifest("x", write_manifest(manifest)) == manifest


def test_every_flipped_bit_of_a_manifest_is_noticed(storage):
    data = write_manifest(take(storage, 1))
    for bit in range(8 * (len(data) - 1)):  # the last line end carries nothing
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CheckpointError, match="damaged"):
            read_manifest("x", bytes(damaged))


def test_every_truncation_of_a_manifest_is_noticed(storage):
    data = write_manifest(take(storage, 1))
    for length in range(len(data) - 1):
        with pytest.raises(CheckpointError):
            read_manifest("x", data[:length])


def test_the_newest_whole_checkpoint_is_found(storage):
    take(storage, 1)
    take(storage, 2)
    assert newest(storage) == (2, [])


def test_a_checkpoint_without_a_manifest_does_not_exist(storage):
    take(storage, 1)
    storage.write(catalog.state_path(2, TASK), [b"x"])
    assert newest(storage) == (1, [])
    assert catalog.checkpoint_ids(storage) == [1, 2]


def test_nothing_is_found_where_nothing_is(storage):
    assert newest(storage) == (None, [])


@pytest.mark.parametrize("harm", ["truncate", "flip", "remove", "manifest"])
def test_a_damaged_checkpoint_is_passed_over_and_named(storage, harm):
    take(storage, 1)
    take(storage, 2)
    path = catalog.manifest_path(2) if harm == "manifest" else catalog.state_path(2, TASK)
    data = storage.read(path)
    if harm == "truncate":
        storage.write(path, [data[:-1]])
    elif harm == "flip":
        storage.write(path, [data[:-1], bytes([data[-1] ^ 4])])
    elif harm == "manifest":
        storage.write(path, [data[:-10]])
    else:
        storage.delete(path)
    found, (warning,) = newest(storage)
    assert found == 1
    assert "checkpoint 2 is passed over" in warning


@pytest.mark.parametrize("path", [catalog.manifest_path(2), catalog.state_path(2, TASK)])
def test_a_checkpoint_that_can_not_be_read_is_not_taken_for_a_damaged_one(storage, path, monkeypatch):
    take(storage, 1)
    take(storage, 2)
    read = type(storage).read

    def failing(self, wanted):
        if wanted == path:
            raise OSError(errno.EIO, "Input/output error", wanted)
        return read(self, wanted)

    monkeypatch.setattr(type(storage), "read", failing)
    with pytest.raises(OSError, match="Input/output error"):
        newest(storage)


@pytest.mark.parametrize(("written", "age"), [(99, "newer"), (1, "older")])
def test_a_checkpoint_of_another_format_is_not_passed_over(storage, written, age):
    take(storage, 1)
    take(storage, 2)
    body = storage.read(catalog.manifest_path(2)).partition(b"\n")[2].strip()
    crc = zlib.crc32(body, zlib.crc32(b"%d" % written))
    other = json.dumps({"format": written, "length": len(body), "crc32": f"{crc:08x}"}).encode()
    storage.write(catalog.manifest_path(2), [other, b"\n", body])
    with pytest.raises(OtherFormatError, match=f"format {written}, of an? {age} version"):
        newest(storage)


def test_sweeping_keeps_what_is_kept_and_what_it_builds_on(storage):
    first = take(storage, 1)
    take(storage, 2)
    third = take(storage, 3, earlier=first.tasks[0].files)
    storage.write("ended/0-0-1.state", [b"x"])
    storage.write("ended/0-0-4.state", [b"x"])
    catalog.sweep(storage, [third], before=3, attempt=4)
    assert catalog.checkpoint_ids(storage) == [1, 3]
    assert newest(storage) == (3, [])
    assert storage.size(catalog.manifest_path(1)) is None
    assert storage.names("ended") == ["0-0-4.state"]


def test_sweeping_leaves_a_checkpoint_in_flight(storage):
    take(storage, 1)
    storage.write(catalog.state_path(2, TASK), [b"x"])
    catalog.sweep(storage, [catalog.load(storage, 1)], before=1, attempt=0)
    assert catalog.checkpoint_ids(storage) == [1, 2]


def test_what_is_kept_of_a_file_tells_it_from_any_other():
    file = StateFile()
    file.add(OperatorSnapshot("a", [(1, b"one")]))
    written = b"".join(file.parts)
    assert file.reference("p") == FileRef("p", len(written), zlib.crc32(written))


def test_a_directory_in_use_is_refused_and_the_holder_named(storage):
    held = DirectoryLock(storage, "job-17")
    with pytest.raises(CheckpointError, match="job-17"):
        DirectoryLock(storage, "job-18")
    held.release()
    DirectoryLock(storage, "job-18").release()
