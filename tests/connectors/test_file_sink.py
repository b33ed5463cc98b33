import csv
import json
from pathlib import Path

import pytest

from sage_local.connectors.file_formats import TextWriter
from sage_local.connectors.file_sink import FileSink, by_time
from sage_local.functions.context import FunctionContext
from sage_local.testing import SinkUnderTest, check_two_phase_sink

ROWS = [{"n": number, "name": f"naïve, {number}"} for number in range(6)]


def files(directory) -> list[Path]:
    return sorted(path for path in Path(directory).rglob("*") if path.is_file() and not path.name.startswith("."))


def hidden(directory) -> list[Path]:
    return [path for path in Path(directory).rglob(".*") if path.is_file()]


def read(path: Path):
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text().splitlines()]
    if path.suffix == ".csv":
        with path.open(newline="") as file:
            return [{"n": int(row["n"]), "name": row["name"]} for row in csv.DictReader(file)]
    if path.suffix == ".parquet":
        from pyarrow import parquet

        return parquet.read_table(path).to_pylist()
    return path.read_text().splitlines()


def opened(sink: FileSink, subtask: int = 0) -> FileSink:
    sink.open(FunctionContext(job_name="job", operator_name="sink", subtask_index=subtask, parallelism=2))
    return sink


@pytest.mark.parametrize("roll_bytes", [1, 20, 10_000])
@pytest.mark.parametrize("kind", ["text", "json", "csv", "parquet"])
def test_every_format_keeps_the_rules_of_two_phase_sinks(tmp_path, kind, roll_bytes):
    places = iter(range(100))

    def place() -> SinkUnderTest:
        directory = tmp_path / str(next(places))
        return SinkUnderTest(
            new=lambda: FileSink(directory, kind, roll_bytes=roll_bytes),
            visible=lambda: [row for path in files(directory) for row in read(path)],
            records=[str(row) for row in ROWS] if kind == "text" else ROWS,
        )

    assert len(check_two_phase_sink(place)) >= 13


@pytest.mark.parametrize("kind", ["text", "json", "csv"])
def test_what_no_checkpoint_knows_is_removed_by_close(tmp_path, kind):
    """Without checkpoints no later run would: it does not know whose file that is."""
    sink = opened(FileSink(tmp_path, kind, roll_bytes=20, partition_by=lambda row: str(row["n"] % 2)))
    for row in ROWS:
        sink.write(row)
    assert hidden(tmp_path) != []
    sink.close()
    assert (hidden(tmp_path), files(tmp_path)) == ([], [])


def test_a_partitioned_sink_keeps_the_rules_too(tmp_path):
    places = iter(range(100))

    def place() -> SinkUnderTest:
        directory = tmp_path / str(next(places))
        return SinkUnderTest(
            new=lambda: FileSink(directory, "json", partition_by=lambda row: f"even={row['n'] % 2 == 0}"),
            visible=lambda: [row for path in files(directory) for row in read(path)],
            records=ROWS,
        )

    check_two_phase_sink(place)


def test_a_file_in_progress_goes_on_over_checkpoints_and_rolls_by_size(tmp_path):
    sink = opened(FileSink(tmp_path, "text", roll_bytes=20))
    sink.recover(None)
    for checkpoint in range(1, 4):
        sink.write("12345")
        assert sink.prepare(checkpoint) is None
    sink.write("1234567890")
    (pending,) = sink.prepare(4) or []
    sink.commit([pending])
    assert [read(path) for path in files(tmp_path)] == [["12345"] * 3 + ["1234567890"]]


def test_a_file_rolls_when_it_is_old_enough(tmp_path):
    sink = opened(FileSink(tmp_path, "text", roll_interval=1))
    sink.recover(None)
    sink.write("a")
    since = sink._open[""].since_s
    sink._open[""].since_s = since - 1
    assert sink.prepare(1) is not None


def test_after_a_recovery_nothing_of_the_dead_is_left(tmp_path):
    sink = opened(FileSink(tmp_path, "text"))
    sink.recover(None)
    sink.write("a")
    sink.prepare(1)
    state = sink.snapshot()
    sink.write("b")
    sink.end()
    again = opened(FileSink(tmp_path, "text"))
    again.recover(state)
    again.end()
    again.commit(again.prepare(2))
    assert [read(path) for path in files(tmp_path)] == [["a"]]
    assert hidden(tmp_path) == []


def test_two_runs_may_write_to_one_directory(tmp_path):
    for _ in range(2):
        sink = opened(FileSink(tmp_path, "text"))
        sink.recover(None)
        sink.write("a")
        sink.end()
        sink.commit(sink.prepare(1))
    assert [read(path) for path in files(tmp_path)] == [["a"], ["a"]]


def test_files_are_partitioned_by_key_and_by_time(tmp_path):
    sink = opened(FileSink(tmp_path, "json", partition_by=by_time("%Y/%m", lambda row: row["ts"])))
    sink.recover(None)
    sink.write({"ts": 0})
    sink.write({"ts": 40 * 86_400})
    sink.end()
    sink.commit(sink.prepare(1))
    assert [str(path.parent.relative_to(tmp_path)) for path in files(tmp_path)] == ["1970/01", "1970/02"]


@pytest.mark.parametrize("partition", ["a//b", "./a/b", "a/b/", "a/./b", ".", ""])
def test_a_partition_goes_on_after_a_recovery_however_it_is_spelled(tmp_path, partition):
    first, second = (opened(FileSink(tmp_path, partition_by=lambda _: partition)) for _ in range(2))
    first.recover(None)
    first.write("a")
    first.prepare(1)
    state = first.snapshot()
    first.close()
    second.recover(state)
    second.write("b")
    second.end()
    second.commit(second.prepare(2))
    assert [read(path) for path in files(tmp_path)] == [["a", "b"]]
    assert hidden(tmp_path) == []


@pytest.mark.parametrize("partition", ["/etc", "../up", 7])
def test_a_partition_that_is_no_subdirectory_is_refused(tmp_path, partition):
    sink = opened(FileSink(tmp_path, partition_by=lambda _: partition))
    with pytest.raises(ValueError, match="subdirectory"):
        sink.write("a")


def test_a_csv_file_has_one_header_and_refuses_other_columns(tmp_path):
    sink = opened(FileSink(tmp_path, "csv"))
    sink.recover(None)
    sink.write({"a": 1, "b": "x\ny"})
    sink.write({"b": 2, "a": 3})
    with pytest.raises(ValueError, match="columns"):
        sink.write({"a": 1})
    sink.end()
    sink.commit(sink.prepare(1))
    assert [path.read_text() for path in files(tmp_path)] == ['a,b\n1,"x\ny"\n3,2\n']


@pytest.mark.parametrize("other", [{"a": 2, "b": 3}, {"b": 2}, {}])
def test_a_parquet_file_refuses_other_columns_instead_of_losing_their_values(tmp_path, other):
    sink = opened(FileSink(tmp_path, "parquet"))
    sink.recover(None)
    sink.write({"a": 1})
    with pytest.raises(ValueError, match=r"expected the columns \['a'\] of the file's first record, found \["):
        sink.write(other)
    sink.close()


def test_a_parquet_file_refuses_new_fields_inside_of_a_column_too(tmp_path, monkeypatch):
    monkeypatch.setattr("sage_local.connectors.file_formats.PARQUET_GROUP_ROWS", 2)
    sink = opened(FileSink(tmp_path, "parquet"))
    sink.recover(None)
    for reading in ({"at": {"x": 1}}, {"at": {"x": 2}}, {"at": {"x": None}}, {"at": None}, {"at": {"x": 3}}):
        sink.write(reading)
    with pytest.raises(ValueError, match=r"(?s)first row group:\nat: struct<x: int64>\n.*found:.*y: int64>"):
        sink.write({"at": {"x": 4, "y": 5}})
    sink.close()


@pytest.mark.parametrize(("kind", "name"), [("csv", "CSV"), ("parquet", "Parquet")])
def test_a_record_that_is_no_row_is_refused_by_formats_of_rows(tmp_path, kind, name):
    sink = opened(FileSink(tmp_path, kind))
    sink.recover(None)
    with pytest.raises(TypeError, match=f"{name} takes records that are dictionaries, found int"):
        sink.write(1)
    sink.close()


def test_a_disk_that_is_full_is_an_error_that_names_the_file():
    writer = TextWriter("/dev/full", None)
    writer.write("a")
    with pytest.raises(OSError, match="No space left on device: '/dev/full'"):
        writer.sync()
    with pytest.raises(OSError, match="No space left on device: '/dev/full'"):
        writer.write("b" * 1_000_000)
    with pytest.raises(OSError, match="No space left on device"):
        writer.abandon()


def test_wrong_arguments_are_refused_at_once(tmp_path):
    with pytest.raises(ValueError, match="'text', 'json', 'csv', 'parquet'"):
        FileSink(tmp_path, "xml")
    with pytest.raises(ValueError, match="roll_bytes"):
        FileSink(tmp_path, roll_bytes=0)


def test_a_prepared_file_that_is_gone_is_an_error_and_not_a_loss(tmp_path):
    sink = opened(FileSink(tmp_path))
    sink.recover(None)
    sink.write("a")
    sink.end()
    handle = sink.prepare(1)
    hidden(tmp_path)[0].unlink()
    with pytest.raises(FileNotFoundError, match="gone"):
        sink.commit(handle)


def test_a_file_that_can_not_be_finished_now_is_finished_later(tmp_path, monkeypatch):
    """A full disk costs the checkpoint: prepare() raises, and nothing that was written is forgotten."""
    sink = opened(FileSink(tmp_path, "text", roll_interval=1))
    sink.recover(None)
    sink.write("a")
    sink._open[""].since_s -= 1
    writer = sink._open[""].writer
    with monkeypatch.context() as patch:
        patch.setattr(writer, "sync", lambda: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(OSError, match="No space"):
            sink.prepare(1)
    sink.commit(sink.prepare(2))
    assert [read(path) for path in files(tmp_path)] == [["a"]]
