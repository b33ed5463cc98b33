"""The two processes that a launch starts, and their end."""

import os
from contextlib import ExitStack

from sage_local.core.data import data
from sage_local.runtime.control.processes import spawn_coordinator, spawn_zygote
from sage_local.runtime.control.run_directory import RunDirectory

_TO_LOG = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC


@data
class Processes:
    """Both end by themselves: the coordinator after its job or when it has none, the zygote with the coordinator."""

    coordinator: int
    zygote: int

    def reap(self) -> int | None:
        """Wait until both are gone.

        The coordinator's exit code (negative: a signal), ``None`` when somebody else has reaped it.
        """
        status = _reap(self.coordinator)
        _reap(self.zygote)
        return status


def start_processes(directory: RunDirectory, lock: int) -> tuple[Processes, int]:
    """Start both at once, joined by a socket of theirs; ``lock`` passes to the coordinator and is closed here.

    Returns also the descriptor of the caller's socket to the coordinator. Raises ``OSError``; then neither is left.
    """
    import socket

    coordinator: int | None = None
    try:
        with ExitStack() as ends:
            ends.callback(os.close, lock)
            stderr = os.open(directory.log_dir / "stderr.log", _TO_LOG, 0o600)
            ends.callback(os.close, stderr)
            # Packets between those two, so that descriptors stay with their message; a stream to the caller, so that
            # nothing is too long.
            zygote_end, coordinator_end = map(
                ends.enter_context, socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            )
            caller_end, client_end = map(ends.enter_context, socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM))
            coordinator = spawn_coordinator(
                (client_end.fileno(), coordinator_end.fileno(), lock), (str(directory.path),), stderr
            )
            zygote = spawn_zygote((zygote_end.fileno(),), stderr)
            return Processes(coordinator, zygote), caller_end.detach()
    except BaseException:
        if coordinator is not None:
            # It finds every socket closed, and leaves.
            _reap(coordinator)
        raise


def _reap(pid: int) -> int | None:
    try:
        _, status = os.waitpid(pid, 0)
    except ChildProcessError:
        # A program that ignores SIGCHLD or waits for any child has done it.
        return None
    return os.waitstatus_to_exitcode(status)
