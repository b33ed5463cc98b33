"""Children that user code forks: they may do what they like, but not come back into the engine.

A child that returns from the user's function would go on as a second worker on the same rings, and tear them. It has
its own copy of everything here, so the places that every way out of user code leads past can be blocked in it alone:
the worker pays nothing for that.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any, NoReturn

from sage_local.runtime.channels.ring import RingSender
from sage_local.runtime.control.endpoint import ControlSender
from sage_local.runtime.metrics.table import WorkerCounters
from sage_local.runtime.operators.push_source import Handover
from sage_local.runtime.worker.output import StandardOutput

_BLOCKED: tuple[tuple[type, tuple[str, ...]], ...] = (
    (WorkerCounters, ("enter", "leave", "rest")),
    (RingSender, ("send", "flush")),
    (ControlSender, ("send", "flush")),
    (StandardOutput, ("tick", "flush")),
    (Handover, ("collect",)),
)
CAME_BACK = 70
"""EX_SOFTWARE of sysexits.h."""


def guard(operators: Callable[[], tuple[str, ...]]) -> None:
    """Called once in a worker's process, before user code runs; ``operators`` are those that may be to blame."""
    worker, stderr = os.getpid(), sys.stderr.fileno()

    def came_back(*_: object, **__: object) -> NoReturn:
        names = ", ".join(repr(name) for name in operators())
        # Straight to the descriptor: the stream's buffer is a copy of the worker's, which writes it itself.
        text = (
            f"a process that user code forked in a worker (operators {names}) came back from the user's function;"
            " end it with os._exit(), or use subprocess or multiprocessing\n"
        )
        os.write(stderr, text.encode())
        # Whether it did half of the worker's work a second time nobody can tell: the job must not go on.
        os.kill(worker, signal.SIGABRT)
        os._exit(CAME_BACK)

    def block() -> None:
        for owner, names in _BLOCKED:
            for name in names:
                setattr(owner, name, came_back)

    os.register_at_fork(after_in_child=block)
    _give_signals_back()


def _give_signals_back() -> None:
    """Signals that a worker takes no notice of end a child: ``multiprocessing`` ends its processes by ``SIGTERM``."""
    defaults: dict[int, Callable[..., Any] | int] = {
        signal.SIGINT: signal.default_int_handler,
        signal.SIGTERM: signal.SIG_DFL,
    }
    ours = {number: signal.getsignal(number) for number in defaults}
    masks = threading.local()

    def hold() -> None:
        # Else one that is sent to the child at once would come too early, and be lost.
        masks.before = signal.pthread_sigmask(signal.SIG_BLOCK, defaults)

    def release() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, masks.before)

    def restore() -> None:
        for number, default in defaults.items():
            if signal.getsignal(number) is ours[number]:
                signal.signal(number, default)
        release()

    os.register_at_fork(before=hold, after_in_parent=release, after_in_child=restore)
