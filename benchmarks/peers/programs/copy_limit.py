"""What two processes can do at best: bytes of a batch copied in and out of shared memory, by ``native/limits.c``."""

import subprocess
from pathlib import Path

from _batches import BATCH_ROWS, times
from _events import main

BATCH_BYTES = BATCH_ROWS * 3 * 8


def transport(source: Path, out: Path, workers: int) -> None:
    command = [source / "limits", "copy", str(BATCH_BYTES), str(times(source))]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main({"transport": transport})
