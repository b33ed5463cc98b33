"""The coordinator's log, one file in the job's log directory."""

import sys
from collections import deque
from datetime import datetime
from pathlib import Path
from typing import Any

KEPT_LINES = 200


class JobLog:
    """Keeps lines in memory until ``open``.

    Most jobs end well and soon, and loading the log library would take longer than they do.
    """

    def __init__(self, directory: Path, level: str) -> None:
        self._directory = directory
        self._file = directory / "coordinator.log"
        self._level = level
        self._kept: deque[str] = deque(maxlen=KEPT_LINES)
        self._logger: Any = None
        self._is_closed = False

    def write(self, level: str, text: str) -> None:
        """Write one line."""
        if self._logger is not None:
            self._logger.log(level, text)
        else:
            self._kept.append(f"{datetime.now():%Y-%m-%d %H:%M:%S.%f} {level: <7} {text}\n")

    def keep_output(self, stream: int, text: bytes) -> None:
        """Append what a worker wrote to its standard output (1) or error (2): no caller is there to have it."""
        try:
            with (self._directory / ("stdout.log" if stream == 1 else "stderr.log")).open("ab") as file:
                file.write(text)
        except OSError as error:
            # A full disk, or somebody who tidied up. The job does not depend on its log.
            self.write("WARNING", f"{len(text)} bytes of output could not be kept: {error}")

    def open(self) -> None:
        """The job goes on for a while: write to a rotated file from now on."""
        if self._is_closed:
            return
        self.save()
        from loguru import logger

        logger.remove()
        logger.add(
            self._file,
            level=self._level,
            rotation="10 MB",
            retention=5,
            format=_FORMAT,
            encoding="utf-8",
            errors="backslashreplace",
        )
        self._logger = logger

    def close(self) -> None:
        """Its directory goes. Opened after that, the library would make it again."""
        self._is_closed = True

    def save(self) -> None:
        """Write what is kept, without the library: the job is about to end, and its caller waits."""
        if self._kept:
            try:
                with self._file.open("a", encoding="utf-8", errors="backslashreplace") as file:
                    file.writelines(self._kept)
            except OSError as error:
                # A full disk, most likely. The job does not depend on its log.
                print(f"coordinator: the log could not be written: {error}", file=sys.stderr)
            self._kept.clear()


_FORMAT = "{time:YYYY-MM-DD HH:mm:ss.SSSSSS} {level: <7} {message}"
