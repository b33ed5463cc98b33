"""A file that a command writes when its work is done: whether it can is known before."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click


class OutputFile(click.Path):
    """A path in a directory that exists and can be written to."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, writable=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if not path.parent.is_dir():
            self.fail(f"there is no directory {path.parent}", param, ctx)
        if not path.exists() and not os.access(path.parent, os.W_OK):
            self.fail(f"directory {path.parent} is not writable", param, ctx)
        return path


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Around the writing: a disk may be full all the same."""
    try:
        yield
    except OSError as error:
        raise click.ClickException(f"{path} could not be written: {error.strerror or error}") from error
