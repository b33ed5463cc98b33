"""Programs whose jobs are killed, stopped and resumed: files in, exactly those records in files out."""

from collections import Counter
from pathlib import Path

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


COPY = """
    import sys, time
    from pathlib import Path
    from sage_local import LocalEnvironment
    from sage_local.connectors.file_sink import FileSink

    home = Path({home!r})
    config = {{
        "parallelism": 2,
        "buffer.timeout": 10,
        "checkpoint.interval": "50ms",
        "checkpoint.dir": str(home / "checkpoints"),
        **{config!r},
    }}

    def slow(line):
        time.sleep({pause_s!r})
        return line

    env = LocalEnvironment("copy", config)
    lines = env.from_text(str(home / "in" / "*.txt"), name="read").map(slow, name="slow")
    numbered = lines.key_by(lambda line: line.split(":")[0]).map(lambda line: line, name="by-file")
    numbered.sink(FileSink(home / "out", roll_bytes=2000), name="write")
    print("begun", flush=True)
    result = env.submit()
    print("restarts", result.restarts, "checkpoints", result.checkpoints)
"""


def copy_program(home: Path, *, pause_s: float = 0.0005, **config: object) -> str:
    """Copies the input file by file; takes a second or two."""
    return COPY.format(home=str(home), config=config, pause_s=pause_s)
