from collections.abc import Callable
from pathlib import Path

import pytest

CAPTURED = Path(__file__).parent / "machines"


@pytest.fixture
def machine(tmp_path: Path) -> Callable[[str], Path]:
    """Unpacks the kernel files of a machine that tests do not run on; a line of its text file is ``path: content``."""

    def unpack(name: str) -> Path:
        for line in (CAPTURED / f"{name}.txt").read_text().splitlines():
            path, _, content = line.partition(": ")
            file = tmp_path / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content.replace("\\n", "\n") + "\n")
        return tmp_path / name

    return unpack
