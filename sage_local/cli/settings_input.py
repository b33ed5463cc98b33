"""Settings as they come on the command line: ``--config``, ``--set``, ``--parallelism``, ``--inline``."""

import json
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click

from sage_local.config import (
    ALLOW_NON_RESTORED_STATE,
    ENGINE,
    LATEST,
    PARALLELISM,
    RESTORE,
    Engine,
    Layer,
    parse_layer,
)
from sage_local.errors import ConfigError


def command_line_layer(
    *,
    config: Path | None,
    assignments: Iterable[str],
    parallelism: int | None,
    inline: bool,
    resume: bool = False,
    restore: str | None = None,
    allow_non_restored_state: bool = False,
) -> Layer:
    """What the options say; an option for one setting wins over ``--set``, and that over the file.

    Raises ``click.UsageError``, which names the option or file, for what can not be understood.
    """
    options: dict[str, object] = {}
    if parallelism is not None:
        options[PARALLELISM.key] = parallelism
    if inline:
        options[ENGINE.key] = Engine.INLINE
    if resume and restore is not None:
        raise click.UsageError("--resume begins with the job's latest checkpoint, --restore with another: give one")
    if resume or restore is not None:
        options[RESTORE.key] = restore or LATEST
    if allow_non_restored_state:
        options[ALLOW_NON_RESTORED_STATE.key] = True
    try:
        return {
            **(parse_layer(read_settings_file(config), str(config)) if config else {}),
            **parse_layer(parse_assignments(assignments), "--set"),
            **parse_layer(options, "command line"),
        }
    except ConfigError as error:
        raise click.UsageError(str(error)) from error


def parse_assignments(assignments: Iterable[str]) -> dict[str, object]:
    """``key=value`` words as a mapping; of two for one key the last counts."""
    parsed: dict[str, object] = {}
    for word in assignments:
        key, equals, value = word.partition("=")
        if not equals or not key.strip():
            raise click.UsageError(f"--set: expected key=value, found {word!r}")
        parsed[key.strip()] = value
    return parsed


def read_settings_file(path: Path) -> dict[str, object]:
    """The mapping in a .toml, .json, .yaml or .yml file. YAML needs the package PyYAML."""
    parse = _PARSERS.get(path.suffix.lower())
    if parse is None:
        raise click.UsageError(f"--config: expected a file ending in {', '.join(_PARSERS)}, found {path}")
    try:
        content = parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise click.UsageError(f"--config: can not read {path}: {error.strerror}") from error
    except ValueError as error:  # of every parser, and of text that is not UTF-8
        raise click.UsageError(f"--config: {path}: {error}") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise click.UsageError(f"--config: {path}: expected settings by key, found {type(content).__name__}")
    return content


def _parse_yaml(text: str) -> Any:
    try:
        import yaml  # an optional package
    except ImportError as error:
        raise click.UsageError("--config: reading YAML needs the package PyYAML: pip install PyYAML") from error
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


_PARSERS: dict[str, Callable[[str], Any]] = {
    ".toml": tomllib.loads,
    ".json": json.loads,
    ".yaml": _parse_yaml,
    ".yml": _parse_yaml,
}
