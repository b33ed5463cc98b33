"""A task's snapshots on their way into files: whole ones, and changes on top of them."""

import pickle

import pytest

from sage_local.core.elements import Barrier
from sage_local.core.ids import ChainId, TaskId
from sage_local.runtime.checkpoint.local import LocalStorage
from sage_local.runtime.checkpoint.state_file import WHOLE, read_state_file
from sage_local.runtime.protocol.messages import SnapshotFailed, SnapshotTaken
from sage_local.runtime.protocol.snapshots import TaskRestore
from sage_local.runtime.state.memory import MemoryBackend
from sage_local.runtime.state.snapshot import StateSnapshot
from sage_local.runtime.worker.task_checkpoints import MOST_DELTAS, TaskCheckpoints

TASK = TaskId(ChainId(0), 0)


class Counts:
    """An operator with one table of one key group."""

    name = "counts"

    def __init__(self):
        self.backend = MemoryBackend(lambda keys: [0] * len(keys), track_changes=True)
        self.table = self.backend.table("n")

    def put(self, key, value):
        self.table.changed([key])
        self.table.space()[key] = value

    def snapshot(self):
        return StateSnapshot(self.backend.snapshot([0]))

    def capture(self, *, changes_only):
        return StateSnapshot(self.backend.delta([0]), is_delta=True) if changes_only else self.snapshot()

    def restore(self, snapshot):
        self.backend.restore(chunk for chunks in snapshot.key_groups.values() for chunk in chunks)


class Sliced(Counts):
    """Gives its state in pieces."""

    def capture(self, *, changes_only):
        return StateSnapshot(capture=self.backend.capture([0], changes_only=changes_only), is_delta=changes_only)


class Fragile:
    """A ``SnapshotWriter`` that stores while it is asked to, and refuses the paths in ``broken``."""

    def __init__(self, storage):
        self._storage = storage
        self._finished = []
        self.broken = set()

    def write(self, path, parts, done, **options):
        error = OSError(28, "No space left on device") if path in self.broken else None
        if error is None:
            self._storage.write(path, parts)
        self._finished.append((done, error))

    def poll(self):
        told = bool(self._finished)
        while self._finished:
            done, error = self._finished.pop(0)
            done(error)
        return told


class Site:
    def __init__(self, tmp_path, *, incremental):
        self.storage = LocalStorage(tmp_path)
        self.writer = Fragile(self.storage)
        self.counts = Counts()
        self.reports = []
        self.checkpoints = self.of(self.counts, incremental=incremental)

    def of(self, operator, *, incremental=False, restore=None):
        return TaskCheckpoints(
            TASK,
            [("counts", operator)],
            attempt=1,
            incremental=incremental,
            restore=restore,
            storage=self.storage,
            writer=self.writer,
            report=self.reports.append,
            slice_ns=0,
        )

    def take(self, checkpoint):
        self.checkpoints.take(Barrier(checkpoint))
        self.writer.poll()
        return self.reports[-1]

    def restored(self, taken: SnapshotTaken) -> dict:
        operator = Counts()
        self.of(operator, restore=TaskRestore({"counts": taken.snapshot.files})).restore()
        return dict(operator.table.space())


@pytest.fixture
def site(tmp_path):
    site = Site(tmp_path, incremental=True)
    for key in range(1000):
        site.counts.put(key, 0)
    return site


def test_without_increments_every_file_holds_everything(tmp_path):
    site = Site(tmp_path, incremental=False)
    site.counts.put("a", 1)
    site.take(1)
    taken = site.take(2)
    assert [ref.path for ref in taken.snapshot.files] == ["chk-2/0-0.state"]


def test_the_second_file_holds_what_changed_and_builds_on_the_first(site):
    first = site.take(1)
    site.counts.put(7, 1)
    second = site.take(2)
    assert second.snapshot.files[0] == first.snapshot.files[0]
    assert second.snapshot.files[1].size < first.snapshot.files[0].size / 20
    assert site.restored(second) == {**dict.fromkeys(range(1000), 0), 7: 1}


def test_who_gives_everything_although_changes_are_enough_replaces_what_was_before(site):
    site.take(1)
    del site.counts.table.space()[3]
    site.counts.capture = lambda *, changes_only: site.counts.snapshot()
    restored = site.restored(site.take(2))
    assert (len(restored), 3 in restored) == (999, False)


def test_a_removed_key_stays_removed(site):
    site.take(1)
    del site.counts.table.space()[3]
    site.counts.table.changed([3])
    assert 3 not in site.restored(site.take(2))


def test_an_aborted_checkpoints_file_is_built_on_all_the_same(site):
    """Its changes are told once; whether the checkpoint became complete is nothing to the task."""
    site.take(1)
    site.counts.put(1, "in the aborted one")
    site.take(2)
    site.counts.put(2, "in the next one")
    restored = site.restored(site.take(3))
    assert (restored[1], restored[2]) == ("in the aborted one", "in the next one")


def test_after_a_file_that_could_not_be_written_everything_is_written_again(site):
    site.take(1)
    site.counts.put(1, "lost with the file")
    site.writer.broken.add("chk-2/0-0.state")
    assert isinstance(site.take(2), SnapshotFailed)
    taken = site.take(3)
    assert len(taken.snapshot.files) == 1
    assert site.restored(taken)[1] == "lost with the file"


def test_what_builds_on_a_lost_file_is_not_acknowledged(site):
    site.take(1)
    site.writer.broken.add("chk-2/0-0.state")
    for checkpoint in (2, 3):
        site.counts.put(checkpoint, 1)
        site.checkpoints.take(Barrier(checkpoint))
    site.writer.poll()
    assert [type(report) for report in site.reports[1:]] == [SnapshotFailed, SnapshotFailed]


def test_after_many_small_changes_everything_is_written_again(site):
    lengths = []
    for checkpoint in range(1, 60):
        site.counts.put(checkpoint, 1)
        lengths.append(len(site.take(checkpoint).snapshot.files))
    assert max(lengths) <= MOST_DELTAS + 1
    assert lengths.count(1) > 1


def test_the_last_snapshot_of_a_task_is_whole(site):
    site.take(1)
    site.checkpoints.end()
    site.writer.poll()
    (ref,) = site.reports[-1].snapshot.files
    frames = list(read_state_file(ref.path, site.storage.read(ref.path)))
    assert frames[0].key_group == WHOLE
    assert site.reports[-1].snapshot.is_finished


def test_parts_without_state_make_no_file(tmp_path):
    site = Site(tmp_path, incremental=False)
    site.checkpoints = TaskCheckpoints(
        TASK,
        [("map", object())],
        attempt=1,
        restore=None,
        storage=site.storage,
        writer=site.writer,
        report=site.reports.append,
    )
    assert site.take(1).snapshot.files == ()
    assert pickle.loads(pickle.dumps(site.reports[0])) == site.reports[0]


def test_a_last_snapshot_that_can_not_be_written_is_told_and_tried_again(site):
    site.writer.broken.add("ended/0-0-1.state")
    site.checkpoints.end()
    site.writer.broken.clear()
    site.writer.poll()
    first, second = site.reports
    assert isinstance(first, SnapshotFailed)
    assert first.checkpoint is None
    assert "No space left on device" in first.reason
    assert isinstance(second, SnapshotTaken)


@pytest.fixture
def sliced(tmp_path):
    site = Site(tmp_path, incremental=True)
    site.counts = Sliced()
    site.checkpoints = site.of(site.counts, incremental=True)
    for key in range(5000):
        site.counts.put(key, 0)
    return site


def finish(site):
    """The number of slices until the snapshot is on its way."""
    slices = 0
    while site.checkpoints.advance(lambda: 0):
        slices += 1
    site.writer.poll()
    return slices


def test_a_snapshot_in_slices_is_of_the_barrier_whatever_comes_in_between(sliced):
    sliced.checkpoints.take(Barrier(1))
    number = 0
    while sliced.checkpoints.advance(lambda: 0):
        number += 1
        sliced.counts.put(number * 300 % 5000, number)
    sliced.writer.poll()
    assert number > 10
    assert sliced.restored(sliced.reports[-1]) == dict.fromkeys(range(5000), 0)
    sliced.checkpoints.take(Barrier(2))
    finish(sliced)
    assert sliced.restored(sliced.reports[-1]) == sliced.counts.table.space()
    assert len(sliced.reports[-1].snapshot.files) == 2


def test_nothing_is_acknowledged_before_the_last_slice(sliced):
    sliced.checkpoints.take(Barrier(1))
    sliced.checkpoints.advance(lambda: 0)
    sliced.writer.poll()
    assert sliced.reports == []
    finish(sliced)
    assert len(sliced.reports) == 1


def test_a_barrier_that_finds_the_snapshot_before_unfinished_takes_everything(sliced):
    sliced.checkpoints.take(Barrier(1))
    finish(sliced)
    sliced.counts.put(7, 1)
    sliced.checkpoints.take(Barrier(2))
    sliced.checkpoints.take(Barrier(3))
    finish(sliced)
    assert [report.checkpoint for report in sliced.reports] == [1, 3]
    assert len(sliced.reports[-1].snapshot.files) == 1
    assert sliced.restored(sliced.reports[-1]) == sliced.counts.table.space()


def test_at_its_end_a_task_finishes_the_snapshot_that_it_is_taking_first(sliced):
    sliced.checkpoints.take(Barrier(1))
    sliced.checkpoints.end()
    sliced.writer.poll()
    assert [report.checkpoint for report in sliced.reports] == [1, None]
    assert sliced.restored(sliced.reports[0]) == sliced.restored(sliced.reports[1])
