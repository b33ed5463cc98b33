"""Starting our own processes: the one door through which the coordinator and the zygote are made.

``posix_spawn`` and not ``subprocess``: it costs no import in the user's process, and a forgotten handle warns nobody.
"""

import fcntl
import os
import signal
import socket
import struct
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import sage_local
from sage_local.errors import InternalError

FIRST_PASSED_FD = 3
_SAFE_FD = 16
"""Descriptors are moved up here first, so that putting one in its place never overwrites another."""

ZYGOTE_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}
"""Without these, importing numpy or pyarrow starts threads, and a process with threads must not fork."""


KEPT_MEMORY = {"MIMALLOC_PURGE_DELAY": "10000"}
"""In ms: memory that Arrow frees goes back to the kernel that late, since the next batch wants it. With the default of
a second a fifth of a scan's time went into clearing pages. What the user has set goes first."""


def spawn_coordinator(passed: tuple[int, ...], arguments: tuple[str, ...], stderr: int) -> int:
    """Start the coordinator with ``passed`` as descriptors 3, 4, ...; returns its pid, which the caller reaps.

    Isolated (``-I -S``): nothing in the user's directory or environment can stand in for a module the coordinator
    imports.
    """
    body = f"from sage_local.runtime.coordinator.__main__ import main; main({arguments!r})"
    return _spawn(("-I", "-S"), body, passed, stderr, dict(os.environ))


def spawn_zygote(passed: tuple[int, ...], stderr: int) -> int:
    """Start the zygote with ``passed`` as descriptors 3, ...; returns its pid, which the caller reaps.

    It sees the user's environment and site packages as the user's process does, but not the current directory.
    """
    body = f"from sage_local.runtime.worker.zygote import main; main({FIRST_PASSED_FD})"
    return _spawn(
        ("-P", *_interpreter_options()), body, passed, stderr, {**KEPT_MEMORY, **os.environ, **ZYGOTE_ENVIRONMENT}
    )


def _spawn(
    flags: tuple[str, ...], body: str, passed: tuple[int, ...], stderr: int, environment: Mapping[str, str]
) -> int:
    if not sys.executable:
        raise InternalError("sys.executable is empty: this Python is embedded and can not start workers")
    raised = [fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _SAFE_FD) for descriptor in passed]
    try:
        return os.posix_spawn(
            sys.executable,
            [sys.executable, *flags, "-c", f"{_path_setup()}; {body}"],
            environment,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, stderr, 1),
                (os.POSIX_SPAWN_DUP2, stderr, 2),
                *((os.POSIX_SPAWN_DUP2, source, FIRST_PASSED_FD + place) for place, source in enumerate(raised)),
            ],
            # A session of its own: a Ctrl-C at the terminal reaches the user's process alone, which decides what it
            # means.
            setsid=True,
            setsigmask=(),
            setsigdef=(signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD),
        )
    finally:
        for descriptor in raised:
            os.close(descriptor)


def close_unknown_descriptors(passed: int) -> None:
    """In a process started here: close what was inherited by chance, so that nobody waits for us to close it."""
    os.closerange(FIRST_PASSED_FD + passed, os.sysconf("SC_OPEN_MAX"))


def _interpreter_options() -> list[str]:
    """The options of this interpreter that change what the user's code does."""
    return [
        *(["-" + "O" * sys.flags.optimize] if sys.flags.optimize else []),
        *(["-B"] if sys.flags.dont_write_bytecode else []),
        *(f"-W{option}" for option in sys.warnoptions),
        *(f"-X{name}" if value is True else f"-X{name}={value}" for name, value in sys._xoptions.items()),
    ]


def import_path(entries: Iterable[str]) -> tuple[str, ...]:
    """``entries`` of this process's ``sys.path`` as others have to write them, whose current directory is another.

    Where ours has been removed, nothing can be imported from entries that are relative to it.
    """
    try:
        here = os.getcwd()
    except FileNotFoundError:
        return tuple(os.path.normpath(entry) for entry in entries if os.path.isabs(entry))
    return tuple(os.path.normpath(os.path.join(here, entry)) for entry in entries)


def _path_setup() -> str:
    """Add what the caller can import behind what the new process finds by itself: the standard library comes first."""
    root = str(Path(sage_local.__path__[0]).parent)
    paths = [*import_path(entry for entry in sys.path if entry), root]
    # Without the collector, which would look again and again at modules that all stay.
    return f"import gc, sys; gc.disable(); sys.path.extend(path for path in {paths!r} if path not in sys.path)"


def peer_pid(connection: socket.socket) -> int:
    """The process that made the other end of a unix socket."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(credentials)[0])


_CREDENTIALS = struct.Struct("3i")
