import os
import pickle
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage_local.connectors import text
from sage_local.connectors.text import TextReader, TextSource, cut
from sage_local.errors import SourceError

PIECES = st.lists(st.sampled_from(["a", "bb", "é", "\n", "\r", "\r\n", "\u2028", "\x0b", "\x85", " "]), max_size=60)


def read_all(source: TextSource, max_records: int = 3) -> list[str]:
    return [line for split in source.splits() for line in read_reader(source.open_split(split), max_records)]


def read_reader(reader: TextReader, max_records: int) -> list[str]:
    lines = []
    with closing(reader):
        while (polled := reader.poll(max_records)) is not None:
            assert len(polled) <= max_records
            lines += polled
    return lines


def python_lines(path: Path, **options: str) -> list[str]:
    with open(path, **{"encoding": "utf-8", **options}) as file:
        return [line.removesuffix("\n") for line in file]


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("text") / "sample.txt"


@given(pieces=PIECES, piece_bytes=st.integers(1, 40), block_bytes=st.integers(1, 20), polled=st.integers(1, 5))
def test_pieces_together_hold_exactly_the_lines_python_reads(
    scratch: Path, pieces: list[str], piece_bytes: int, block_bytes: int, polled: int
) -> None:
    scratch.write_bytes("".join(pieces).encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text, "_BLOCK_BYTES", block_bytes)
        patch.setattr(text, "_PROBE_BYTES", block_bytes)
        readers = [TextReader(split, None) for split in cut(str(scratch), piece_bytes)]
        lines = [line for reader in readers for line in read_reader(reader, polled)]
    assert lines == python_lines(scratch)


@given(pieces=PIECES, block_bytes=st.integers(1, 20), data=st.data())
def test_a_reader_opened_at_a_snapshot_continues_behind_the_last_polled_line(
    scratch: Path, pieces: list[str], block_bytes: int, data: st.DataObject
) -> None:
    scratch.write_bytes("".join(pieces).encode())
    expected = python_lines(scratch)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text, "_BLOCK_BYTES", block_bytes)
        split = cut(str(scratch))[0]
        lines: list[str] = []
        with closing(TextReader(split, None)) as first:
            for _ in range(data.draw(st.integers(0, 6))):
                lines += first.poll(data.draw(st.integers(1, 5))) or []
            position = pickle.loads(pickle.dumps(first.snapshot()))
        lines += read_reader(TextReader(split, position), 2)
    assert lines == expected


def test_a_snapshot_of_a_reader_that_was_just_opened_is_its_position(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("one\ntwo\nthree\n")
    position = text.TextPosition(offset=4, lines=1)
    with closing(TextReader(cut(str(path))[0], position)) as reader:
        assert reader.snapshot() == position


def test_a_file_over_the_piece_size_is_cut_into_pieces_of_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    path.write_text("0123456789\n" * 10)
    pieces = cut(str(path), 20)
    assert [(piece.start, piece.size) for piece in pieces] == [(0, 22), (22, 22), (44, 22), (66, 22), (88, 22)]
    assert [piece.last for piece in pieces] == [False, False, False, False, True]


def test_the_number_of_pieces_of_a_huge_file_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "huge.txt"
    path.write_bytes(b"\n" * (text._MAX_PIECES * 10))
    assert len(cut(str(path), 1)) == text._MAX_PIECES


def test_a_line_longer_than_a_block_stays_one_line(tmp_path: Path) -> None:
    path = tmp_path / "line.txt"
    line = "x" * (text._BLOCK_BYTES * 3 + 17)
    path.write_text(f"{line}\nend")
    assert read_all(TextSource(path)) == [line, "end"]


def test_an_empty_file_has_no_lines(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").touch()
    assert read_all(TextSource(tmp_path / "empty.txt")) == []


def test_files_of_a_glob_are_read_in_order_of_their_paths(tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt", "sub/c.txt", "ignored.log"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"{name}\n")
    assert read_all(TextSource(f"{tmp_path}/**/*.txt")) == ["a.txt", "b.txt", "sub/c.txt"]


def test_a_file_named_twice_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("once\n")
    assert read_all(TextSource([f"{tmp_path}/a.txt", f"{tmp_path}/*.txt"])) == ["once"]


def test_a_path_that_looks_like_a_glob_but_exists_is_a_path(tmp_path: Path) -> None:
    (tmp_path / "[x].txt").write_text("brackets\n")
    assert read_all(TextSource(tmp_path / "[x].txt")) == ["brackets"]


def test_relative_paths_are_resolved_where_the_job_is_submitted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.txt").write_text("here\n")
    monkeypatch.chdir(tmp_path)
    (split,) = TextSource("a.txt").splits()
    assert split.path == str(tmp_path / "a.txt")


def test_a_missing_file_is_an_error_at_submit(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"can not read .*/nowhere.txt: No such file"):
        TextSource(tmp_path / "nowhere.txt").splits()


def test_a_glob_without_matches_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no file matches '.*/\*\.txt' \(seen from /"):
        TextSource(f"{tmp_path}/*.txt").splits()


@pytest.mark.parametrize("paths", [[], "", None, 3, b"a.txt", ["a.txt", None], [""]], ids=repr)
def test_what_names_no_file_is_an_error_where_it_is_given(paths: Any) -> None:
    with pytest.raises(SourceError, match="expected a path, a glob or a list of them, found ") as refused:
        TextSource(paths)
    assert str(refused.value).endswith(repr(paths))


def test_a_zero_character_in_a_path_is_an_error() -> None:
    with pytest.raises(SourceError, match=r"can not read '.*/a\\x00b': embedded null byte"):
        TextSource("a\0b").splits()


def test_a_directory_is_an_error_that_suggests_a_glob(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"is a directory: expected a file, or a glob such as '.*/\*\*/\*'"):
        TextSource(tmp_path).splits()


def test_directories_that_a_glob_meets_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "a").write_text("file\n")
    assert read_all(TextSource(f"{tmp_path}/*")) == ["file"]


def test_a_pipe_is_an_error(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SourceError, match="not a regular file"):
        TextSource(tmp_path / "pipe").splits()


def test_a_file_without_read_permission_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked of ``os.access``, since the superuser, as whom containers run tests, may read everything."""
    (tmp_path / "secret").touch()
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(SourceError, match=r"can not read .*/secret: Permission denied"):
        TextSource(tmp_path / "secret").splits()


@pytest.mark.parametrize("before", [b"one\ntwo\r\nthree\rok", b"a\nb\nc\n" * 3], ids=["mixed line ends", "newlines"])
def test_broken_utf8_names_file_line_and_byte(tmp_path: Path, before: bytes) -> None:
    path = tmp_path / "broken.txt"
    path.write_bytes(before + b"\xff\nlast\n")
    line = len((before.decode() + "x").splitlines())
    with pytest.raises(SourceError, match=rf"broken\.txt:{line}: not valid utf-8: byte 0xff at offset {len(before)} "):
        read_all(TextSource(path))


def test_errors_replace_reads_broken_utf8_as_python_does(tmp_path: Path) -> None:
    path = tmp_path / "broken.txt"
    path.write_bytes(b"caf\xe9\n\xff\xfe\nok\n")
    assert read_all(TextSource(path, errors="replace")) == python_lines(path, errors="replace")


def test_another_encoding_is_decoded(tmp_path: Path) -> None:
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9\n")
    assert read_all(TextSource(tmp_path / "latin.txt", encoding="latin-1")) == ["café"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32-le", "cp037", "utf-8-sig"])
def test_an_encoding_that_can_not_be_cut_at_newline_bytes_is_refused(encoding: str) -> None:
    with pytest.raises(SourceError, match="can not be split at newline bytes"):
        TextSource("a.txt", encoding=encoding)


def test_a_file_truncated_since_submit_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "shrinking.txt"
    path.write_text("line\n" * 10)
    source = TextSource(path)
    (split,) = source.splits()
    os.truncate(path, 20)
    with pytest.raises(SourceError, match=r"shrinking\.txt was truncated .*: expected 50 bytes, found 20"):
        read_reader(source.open_split(split), 100)


def test_lines_appended_since_submit_are_read(tmp_path: Path) -> None:
    path = tmp_path / "growing.txt"
    path.write_text("one\ntw")
    source = TextSource(path)
    (split,) = source.splits()
    path.write_text("one\ntwo\nthree\n")
    assert read_reader(source.open_split(split), 100) == ["one", "two", "three"]


def test_a_source_and_its_splits_can_be_pickled(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("line\n")
    source = pickle.loads(pickle.dumps(TextSource(tmp_path / "a.txt")))
    (split,) = pickle.loads(pickle.dumps(source.splits()))
    assert read_reader(source.open_split(split), 1) == ["line"]
