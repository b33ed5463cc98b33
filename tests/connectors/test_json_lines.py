import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sage_local.connectors.json_lines import JsonLinesSource
from sage_local.errors import SourceError


def read_all(path: Path) -> list[Any]:
    source = JsonLinesSource(path)
    values = []
    for split in source.splits():
        with closing(source.open_split(split)) as reader:
            while (polled := reader.poll(2)) is not None:
                values += polled
    return values


def test_each_line_is_one_value(tmp_path: Path) -> None:
    path = tmp_path / "values.jsonl"
    path.write_text('{"a": 1}\n[1, "é"]\nnull\r\n"x"', encoding="utf-8")
    assert read_all(path) == [{"a": 1}, [1, "é"], None, "x"]


def test_blank_lines_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "values.jsonl"
    path.write_text("1\n\n   \n\n\n2\n\n")
    assert read_all(path) == [1, 2]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{'a': 1}", "Expecting property name enclosed in double quotes at column 2"),
        ("1, 2", "Extra data at column 2"),
        ('{"a": 1', "Expecting ',' delimiter at column 8"),
        ("[" * 200_000, "maximum recursion depth"),
        ("1" * 5000, "Exceeds the limit"),
    ],
    ids=["single quotes", "two values", "cut off", "too deep", "too many digits"],
)
def test_a_malformed_line_names_file_line_and_reason(tmp_path: Path, line: str, reason: str) -> None:
    path = tmp_path / "broken.jsonl"
    path.write_text(f"1\n\n2\n{line}\n3\n")
    with pytest.raises(SourceError, match=rf"broken\.jsonl:4: not a JSON value: {reason}") as raised:
        read_all(path)
    assert len(str(raised.value)) < 600


def test_the_traceback_of_a_malformed_line_has_the_mistake_once(tmp_path: Path) -> None:
    path = tmp_path / "broken.jsonl"
    path.write_text("{")
    with pytest.raises(SourceError) as raised:
        read_all(path)
    mistake = raised.value.__cause__
    assert isinstance(mistake, json.JSONDecodeError)
    assert mistake.__context__ is None


def test_a_reader_continues_from_a_snapshot(tmp_path: Path) -> None:
    path = tmp_path / "values.jsonl"
    path.write_text("1\n\n2\n3\n4\n")
    source = JsonLinesSource(path)
    (split,) = source.splits()
    reader = source.open_split(split)
    assert reader.poll(3) == [1, 2]
    position = reader.snapshot()
    reader.close()
    resumed = source.open_split(split, position)
    assert resumed.poll(10) == [3, 4]
    resumed.close()
