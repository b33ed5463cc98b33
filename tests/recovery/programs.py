"""What is in the programs whose jobs fail, are killed, stopped and resumed."""

import os
import signal
import time
from collections import Counter
from pathlib import Path

from sage_local import FileSink

RESTARTS = {"restart__strategy": "fixed-delay", "restart__attempts": 5, "restart__delay": "1ms"}


class Mishaps:
    """Acts at given records, each time once for all processes: a file remembers."""

    def __init__(self, directory, act, *at):
        self.directory, self.act, self.at = directory, act, frozenset(at)

    def __call__(self, value):
        if value in self.at:
            marker = self.directory / f"mishap-{value}"
            if not marker.exists():
                marker.touch()
                self.act(value)
        return value


def fail(value):
    raise ValueError(f"not {value} again")


def die(value):
    os.kill(os.getpid(), signal.SIGKILL)


def slow(value):
    """On purpose: input that lasts, so that checkpoints become complete before it is over."""
    time.sleep(0.0005)
    return value


def copying(env, home):
    """Copies the files of ``write_input`` record by record."""
    lines = env.from_text(str(home / "in" / "*.txt"), name="read").map(slow, name="slow")
    by_file = lines.key_by(lambda line: line.split(":")[0]).map(lambda line: line, name="by-file")
    by_file.sink(FileSink(home / "out", roll_bytes=1000), name="write")
    return env


def checkpoints(home, name="job"):
    """The complete ones."""
    return sorted((home / "checkpoints" / name).glob("chk-*/MANIFEST"))


ROWS_PER_FILE = 1000
FILES = 3


def write_input(directory: Path, rows: int = ROWS_PER_FILE) -> set[str]:
    """Files of lines ``FILE:NUMBER``; returns all lines."""
    directory.mkdir()
    lines = set()
    for file in range(FILES):
        of_file = [f"{file}:{number}" for number in range(rows)]
        (directory / f"{file}.txt").write_text("".join(f"{line}\n" for line in of_file))
        lines.update(of_file)
    return lines


def read_output(directory: Path) -> Counter:
    """How often each line is in the finished files."""
    files = [path for path in directory.rglob("*") if path.is_file() and not path.name.startswith(".")]
    return Counter(line for path in files for line in path.read_text().splitlines())
