"""Running the user's file as ``python`` would."""

import runpy
import sys
from collections.abc import Iterable
from pathlib import Path

from sage_local.errors import SageError


def run_script(file: Path, arguments: Iterable[str]) -> None:
    """Run ``file`` as ``__main__`` in this process. Whatever it raises comes out, ``SystemExit`` included."""
    if not file.is_file():
        # A pipe: looking whether it holds bytecode would take the first part of the program.
        raise SageError(f"{file} is not a regular file: expected one with the program, such as job.py")
    sys.argv = [str(file), *arguments]
    # Where the sage command itself lies is of no use to the program; Python puts the script's directory there.
    # With a safe path (-P) it puts neither there.
    if not sys.flags.safe_path:
        sys.path[0] = str(_directory(file))
    runpy.run_path(str(file), run_name="__main__")


def _directory(file: Path) -> Path:
    try:
        return file.resolve().parent
    except FileNotFoundError:
        # The kernel finds the file from a directory that is gone; nobody can tell where that is.
        raise SageError(
            f"the current directory is gone, so where {file} lies can not be told: change to another directory"
        ) from None
