"""Running the user's file as ``python`` would."""

import runpy
import sys
from collections.abc import Iterable
from pathlib import Path


def run_script(file: Path, arguments: Iterable[str]) -> None:
    """Run ``file`` as ``__main__`` in this process. Whatever it raises comes out, ``SystemExit`` included."""
    sys.argv = [str(file), *arguments]
    # Where the sage command itself lies is of no use to the program; Python puts the script's directory there.
    sys.path[0] = str(file.resolve().parent)
    runpy.run_path(str(file), run_name="__main__")
