"""Sources that raise wherever they can, that have nothing, and files that are not what they should be."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from sage_local import LocalEnvironment, OperatorError, SourceFunction
from sage_local.errors import FunctionError, PlanError, SourceError
from sage_local.runtime import launcher


class Push(SourceFunction):
    """Emits two records and raises in ``where``."""

    def __init__(self, where):
        self.where = where

    def open(self, context):
        self._perhaps("open")

    def run(self, ctx):
        ctx.collect(1)
        ctx.collect(2)
        self._perhaps("run")

    def close(self):
        self._perhaps("close")

    def _perhaps(self, place):
        if self.where == place:
            raise RuntimeError(f"broke in {place}")


class Reader:
    def __init__(self, where):
        self.where = where
        self.polled = 0

    def poll(self, max_records):
        self.polled += 1
        if self.where == "type":
            return 5
        if self.where == "poll" and self.polled == 2:
            raise RuntimeError("broke in poll")
        return [self.polled] if self.polled < 3 else None

    def snapshot(self):
        return self.polled

    def close(self):
        if self.where == "close":
            raise RuntimeError("broke in close")


class Split(SourceFunction):
    """Two splits whose readers raise in ``where``."""

    def __init__(self, where):
        self.where = where

    def splits(self):
        if self.where == "splits":
            raise RuntimeError("broke in splits")
        return 5 if self.where == "splits type" else ["a", "b"]

    def open_split(self, split, position=None):
        if self.where == "open_split":
            raise RuntimeError("broke in open_split")
        return Reader(self.where)


@pytest.mark.parametrize("where", ["open", "run", "close"])
def test_a_push_source_that_raises_fails_the_job_under_its_name(on_both, where):
    stream = on_both.from_source(Push(where), name="reader")
    with pytest.raises(OperatorError, match=rf"operator 'reader' \(subtask 1 of 1\) failed: .*broke in {where}"):
        stream.collect()


@pytest.mark.parametrize("where", ["open_split", "poll", "close"])
def test_a_split_source_that_raises_fails_the_job_under_its_name(on_both, where):
    stream = on_both.from_source(Split(where), name="reader")
    with pytest.raises(OperatorError, match=rf"operator 'reader' \(subtask \d of 2\) failed: .*broke in {where}"):
        stream.collect()


def test_a_reader_that_returns_no_list_is_told_so(on_both):
    with pytest.raises(OperatorError, match=r"poll\(\) of a split reader returns a list or None, found int"):
        on_both.from_source(Split("type")).collect()


def test_splits_that_can_not_be_named_fail_in_the_callers_process(environment):
    with pytest.raises(RuntimeError, match="broke in splits"):
        environment().from_source(Split("splits")).collect()
    with pytest.raises(PlanError, match=r"splits\(\) of source 'reader': expected a sequence of splits .*, found 5"):
        environment().from_source(Split("splits type"), name="reader").collect()


def test_a_source_that_reads_nothing_is_refused_where_it_is_given(environment):
    empty = type("Empty", (SourceFunction,), {})
    half = type("Half", (SourceFunction,), {"splits": lambda self: [1]})
    with pytest.raises(FunctionError, match="Empty overrides none of them"):
        environment().from_source(empty())
    with pytest.raises(FunctionError, match=r"Half overrides only splits\(\)"):
        environment().from_source(half())


def test_an_empty_source_is_no_failure(on_both):
    nothing = on_both.from_collection([])
    assert nothing.map(abs).key_by(abs).count().collect() == []
    assert on_both.from_source(type("None_", (Split,), {"splits": lambda self: []})("")).collect() == []
    nothing.print()
    assert [each.records_in for each in on_both.submit().operators] == [0, 0]


def test_a_generator_that_raises_half_way_fails_the_job(on_both):
    def numbers():
        yield 1
        raise KeyError("gone")

    with pytest.raises(OperatorError, match=r"operator 'numbers' .* failed: KeyError: 'gone'"):
        on_both.from_generator(numbers).collect()


def test_a_generator_that_returns_no_iterable_is_told_so(on_both):
    with pytest.raises(OperatorError, match=r"expected .*<lambda>.* to return an iterable, found int"):
        on_both.from_generator(lambda: 5).collect()


@pytest.mark.parametrize("values", [None, 5])
def test_a_collection_that_is_none_is_refused_where_it_is_given(environment, values):
    with pytest.raises(TypeError, match="from_collection expects an iterable of values, found"):
        environment().from_collection(values)


def test_a_file_that_is_not_there_is_an_error_before_anything_starts(environment, tmp_path):
    env = environment()
    with pytest.raises(SourceError, match=rf"can not read {tmp_path}/none: No such file or directory"):
        env.from_text(tmp_path / "none").collect()
    with pytest.raises(SourceError, match="is a directory: expected a file"):
        env.from_text(tmp_path).collect()
    with pytest.raises(SourceError, match=r"no file matches '.*/\*\.txt'"):
        env.from_text(tmp_path / "*.txt").collect()


def test_a_file_that_may_not_be_read_is_named(program, tmp_path):
    file = tmp_path / "secret"
    file.write_text("a\n")
    file.chmod(0)
    before = [] if os.getuid() else ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    if before and (shutil.which("setpriv") is None or subprocess.run([*before, "true"], check=False).returncode):
        pytest.skip("root may read everything here")
    done = program(
        f"""
        from sage_local import LocalEnvironment
        LocalEnvironment("hostile").from_text({str(file)!r}).print()
        LocalEnvironment("hostile").from_text({str(file)!r}).collect()
        """,
        before=before,
    )
    assert done.returncode == 1
    assert f"{file}" in done.stderr
    assert "Permission denied" in done.stderr


Change = Callable[[Path], object]


@pytest.fixture
def changed_at_launch(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path, Change], None]:
    """Lets something happen to a file when its size is known and no worker has opened it yet."""

    def arrange(file: Path, change: Change) -> None:
        launch = launcher.launch

        def changing(*args, **kwargs):
            change(file)
            return launch(*args, **kwargs)

        monkeypatch.setattr(launcher, "launch", changing)

    return arrange


def test_a_file_that_shrinks_fails_the_job(environment, tmp_path, changed_at_launch):
    file = tmp_path / "file"
    file.write_text("hello world\n" * 1000)
    changed_at_launch(file, lambda file: file.write_text("short\n"))
    with pytest.raises(OperatorError, match=rf"{file} was truncated while it was read: expected 12000 .*, found 6"):
        environment().from_text(file).collect()


def test_a_file_that_vanishes_fails_the_job(environment, tmp_path, changed_at_launch):
    file = tmp_path / "file"
    file.write_text("hello world\n")
    changed_at_launch(file, Path.unlink)
    with pytest.raises(OperatorError, match=rf"'from_text' .* failed: .*No such file or directory: '{file}'"):
        environment().from_text(file).collect()


def test_what_is_appended_while_a_file_is_read_breaks_no_line(environment, tmp_path, changed_at_launch):
    file = tmp_path / "file"
    file.write_text("hello world\n" * 100)

    def append(file):
        with file.open("a") as end:
            end.write("more\n" * 5)

    changed_at_launch(file, append)
    lines = environment().from_text(file).collect()
    assert lines[:100] == ["hello world"] * 100
    assert set(lines[100:]) <= {"more"}


Read = Callable[[LocalEnvironment, Path], object]


@pytest.mark.parametrize(
    ("content", "read", "message"),
    [
        (b"ok\nfine\n\xff\xfe bad\n", LocalEnvironment.from_text, r":3: not valid utf-8: byte 0xff"),
        (
            b'{"a": 1}\n\n{"a":\n',
            LocalEnvironment.from_json_lines,
            r":3: not a JSON value: Expecting value at column 6",
        ),
        (b'{"a": 1}\n"\xff"\n', LocalEnvironment.from_json_lines, r":2: not valid utf-8"),
        (b"a,b\n1,2\n3\n", LocalEnvironment.from_csv, r":3: expected 2 fields \(a, b\), found 1: '3'"),
        (b"a,b\n1,2\n3,4,5\n", LocalEnvironment.from_csv, r":3: expected 2 fields \(a, b\), found 3: '3,4,5'"),
        (b'a,b\n1,2\n3,"4\n5,6\n', LocalEnvironment.from_csv, r":3: unexpected end of data"),
        (b"a,b\n3,\xff\n", LocalEnvironment.from_csv, r":2: not valid UTF-8"),
        (b"a,a\n1,2\n", LocalEnvironment.from_csv, r":1: expected columns of different names"),
        (b"", LocalEnvironment.from_csv, r":1: expected a first row with the names of the columns, found none"),
    ],
)
def test_broken_content_is_named_with_file_and_line(environment, tmp_path, content: bytes, read: Read, message: str):
    file = tmp_path / "input"
    file.write_bytes(content)
    with pytest.raises(OperatorError, match=rf"operator 'from_\w+' .*{file}{message}"):
        read(environment(), file).collect()
