"""The coordinator's log, one file in the job's log directory."""

import time
from collections import deque
from pathlib import Path
from typing import Any

KEPT_LINES = 200


class JobLog:
    """Keeps lines in memory until ``open``: most jobs end well and soon, and loading the log library would take longer than they do."""

    def __init__(self, directory: Path, level: str) -> None:
        self._directory = directory
        self._level = level
        self._kept: deque[tuple[float, str, str]] = deque(maxlen=KEPT_LINES)
        self._logger: Any = None

    def write(self, level: str, text: str) -> None:
        """Write one line."""
        if self._logger is None:
            self._kept.append((time.time(), level, text))
        else:
            self._logger.log(level, text)

    def open(self) -> None:
        """Write to the file from now on, what was kept first."""
        if self._logger is not None:
            return
        from loguru import logger

        logger.remove()
        logger.add(self._directory / "coordinator.log", level=self._level, rotation="10 MB", retention=5, format=_FORMAT)
        self._logger = logger.bind(worker="coordinator")
        for at, level, text in self._kept:
            self._logger.log(level, f"[{time.strftime('%H:%M:%S', time.localtime(at))}] {text}")
        self._kept.clear()


_FORMAT = "{time:YYYY-MM-DD HH:mm:ss.SSS} {level: <7} coordinator {message}"
