import csv
import os
import pickle
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage_local.connectors.csv import CsvReader, CsvSource
from sage_local.errors import SourceError

FIELDS = st.text(st.sampled_from("ab é\"',;\n\r"), max_size=6)


def read_all(source: CsvSource, max_records: int = 2) -> list[dict[str, str]]:
    return [row for split in source.splits() for row in read_reader(source.open_split(split), max_records)]


def read_reader(reader: CsvReader, max_records: int = 2) -> list[dict[str, str]]:
    rows = []
    with closing(reader):
        while (polled := reader.poll(max_records)) is not None:
            rows += polled
    return rows


def test_the_header_names_the_fields_of_each_row(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text('name,age\r\n"Ann, Lee",7\r\n\r\nBo,\r\n')
    assert read_all(CsvSource(path)) == [{"name": "Ann, Lee", "age": "7"}, {"name": "Bo", "age": ""}]


def test_a_byte_order_mark_is_no_part_of_the_header(tmp_path: Path) -> None:
    path = tmp_path / "bom.csv"
    path.write_text("id\n1\n", encoding="utf-8-sig")
    assert read_all(CsvSource(path)) == [{"id": "1"}]


def test_another_delimiter_separates_the_fields(tmp_path: Path) -> None:
    path = tmp_path / "semi.csv"
    path.write_text("a;b\n1,5;2\n")
    assert read_all(CsvSource(path, delimiter=";")) == [{"a": "1,5", "b": "2"}]


def test_a_delimiter_of_two_characters_is_refused() -> None:
    with pytest.raises(SourceError, match="delimiter of one character, found '::'"):
        CsvSource("a.csv", delimiter="::")


@given(rows=st.lists(st.tuples(FIELDS, FIELDS), max_size=8), polled=st.integers(0, 9))
def test_a_reader_opened_at_a_snapshot_continues_behind_the_last_polled_row(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], polled: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "rows.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([("x", "y"), *rows])
    source = CsvSource(path)
    (split,) = source.splits()
    first = source.open_split(split)
    read = (first.poll(polled) or []) if polled else []
    position = pickle.loads(pickle.dumps(first.snapshot()))
    first.close()
    read += read_reader(source.open_split(split, position))
    assert read == [{"x": x, "y": y} for x, y in rows]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a,b\n1,2\n\n3\n", r":4: expected 2 fields \(a, b\), found 1: '3'"),
        (b'a,b\n"1\n2",3\n1,2,3\n', r":4: expected 2 fields \(a, b\), found 3: '1,2,3'"),
        (b'a\n1\n"2\n', r":3: unexpected end of data"),
        (b"a\n1\n\xff\n", r":3: not valid UTF-8"),
        (b"", r":1: expected a first row with the names of the columns, found none"),
        (b"a,b,a\n", r":1: expected columns of different names, found more than one a"),
    ],
    ids=["short row", "long row", "open quote", "broken UTF-8", "empty file", "column twice"],
)
def test_a_malformed_file_names_file_and_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "broken.csv"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=rf"broken\.csv{message}"):
        read_all(CsvSource(path))


def test_lines_are_counted_on_from_a_snapshot(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("a,b\n1,2\n3,4\n5\n")
    source = CsvSource(path)
    (split,) = source.splits()
    first = source.open_split(split)
    first.poll(1)
    position = first.snapshot()
    first.close()
    resumed = source.open_split(split, position)
    with pytest.raises(SourceError, match=r"rows\.csv:4: expected 2 fields"):
        resumed.poll(9)
    resumed.close()


def test_a_file_truncated_since_submit_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("a\n" + "1\n" * 9)
    source = CsvSource(path)
    (split,) = source.splits()
    os.truncate(path, 10)
    reader = source.open_split(split)
    with pytest.raises(SourceError, match=r"rows\.csv was truncated .*: expected 20 bytes, found 10"):
        reader.poll(99)
    reader.close()
