"""What Ctrl-C and SIGTERM mean while a caller waits for its job."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def interrupts(*, stop: Callable[[], None], cancel: Callable[[], None]) -> Iterator[None]:
    """The first signal calls ``stop``, the second ``cancel``, the third raises ``KeyboardInterrupt``.

    Only in the main thread, where Python runs handlers; elsewhere signals keep their meaning. A signal that the process
    ignores (``nohup``, a background job of a shell) stays ignored. The caller's own handlers are back afterwards.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    counted = 0

    def interrupted(_number: int, _frame: FrameType | None) -> None:
        nonlocal counted
        counted += 1
        if counted > 2:
            raise KeyboardInterrupt
        (stop if counted == 1 else cancel)()

    before: dict[signal.Signals, Any] = {}
    try:
        for number in SIGNALS:
            # None: a handler that was not installed from Python and could not be put back.
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                before[number] = signal.signal(number, interrupted)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
