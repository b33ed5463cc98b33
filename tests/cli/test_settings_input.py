from pathlib import Path
from typing import Any

import click
import pytest

from sage_local.cli.settings_input import command_line_layer, parse_assignments, read_settings_file
from sage_local.config import ENGINE, Engine


def values(**options: Any) -> dict[str, Any]:
    defaults: dict[str, Any] = {"config": None, "assignments": (), "parallelism": None, "inline": False}
    return {key: entry.value for key, entry in command_line_layer(**{**defaults, **options}).items()}


def test_without_options_nothing_is_overridden() -> None:
    assert values() == {}


def test_an_option_wins_over_set_and_set_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_text('{"parallelism": 2, "buffer.timeout": "1s", "object.reuse": true}')
    found = values(config=file, assignments=("parallelism=3", "buffer.timeout=5"), parallelism=4)
    assert found == {"parallelism": 4, "buffer.timeout": 5, "object.reuse": True}


def test_inline_chooses_the_engine() -> None:
    assert values(inline=True) == {ENGINE.key: Engine.INLINE}


def test_a_value_may_contain_equals_signs_and_the_last_assignment_counts() -> None:
    assert parse_assignments(["a=1", "b=x=y", "a=2"]) == {"a": "2", "b": "x=y"}


@pytest.mark.parametrize("word", ["parallelism", "=4", ""])
def test_an_assignment_without_key_or_value_is_a_usage_error(word: str) -> None:
    with pytest.raises(click.UsageError, match="--set: expected key=value, found"):
        parse_assignments([word])


def test_an_unknown_key_is_a_usage_error_that_names_the_nearest_one() -> None:
    with pytest.raises(click.UsageError, match=r"unknown setting 'paralelism' \(--set\): did you mean 'parallelism'"):
        values(assignments=("paralelism=4",))


def test_an_ill_formed_value_in_a_file_is_a_usage_error_that_names_the_file(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("parallelism = 0\n")
    with pytest.raises(click.UsageError, match=r"parallelism: expected .*, found 0 \(.*settings\.toml\)"):
        values(config=file)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("s.toml", '[execution]\nparallelism = 2\n"buffer.timeout" = "1s"\n'),
        ("s.json", '{"execution": {"parallelism": 2, "buffer.timeout": "1s"}}'),
        ("s.yaml", "execution:\n  parallelism: 2\n  buffer.timeout: 1s\n"),
        ("s.YML", "execution: {parallelism: 2, buffer.timeout: 1s}\n"),
    ],
)
def test_settings_files_are_read_in_each_format(tmp_path: Path, name: str, text: str) -> None:
    if name.lower().endswith(("yaml", "yml")):
        pytest.importorskip("yaml")
    (tmp_path / name).write_text(text)
    assert read_settings_file(tmp_path / name) == {"execution": {"parallelism": 2, "buffer.timeout": "1s"}}


def test_an_empty_yaml_file_has_no_settings(tmp_path: Path) -> None:
    pytest.importorskip("yaml")
    (tmp_path / "empty.yaml").write_text("# nothing\n")
    assert read_settings_file(tmp_path / "empty.yaml") == {}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("s.ini", b"x", r"expected a file ending in \.toml, \.json, \.yaml, \.yml"),
        ("s.toml", b"parallelism =", r"s\.toml: .*at end of document"),
        ("s.json", b"{", r"s\.json: Expecting property name"),
        ("s.json", b"\xff", r"s\.json: 'utf-8' codec can't decode"),
        ("s.json", b"[1]", r"s\.json: expected settings by key, found list"),
    ],
)
def test_a_file_that_can_not_be_understood_is_a_usage_error(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(click.UsageError, match=message):
        read_settings_file(tmp_path / name)


def test_yaml_without_pyyaml_is_a_usage_error_that_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "yaml", None)
    (tmp_path / "s.yaml").write_text("a: 1\n")
    with pytest.raises(click.UsageError, match="pip install PyYAML"):
        read_settings_file(tmp_path / "s.yaml")
