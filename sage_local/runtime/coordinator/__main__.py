"""Entry of the coordinator's process: ``python -m sage_local.runtime.coordinator RUN_DIRECTORY``.

Descriptor 3 is the socket to the caller, 4 the one to the zygote, 5 the lock that says the job lives.
"""

import gc
import os
import resource
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sage_local.config import RESTORE
from sage_local.errors import SageError
from sage_local.runtime.control import framing
from sage_local.runtime.control.processes import FIRST_PASSED_FD, close_unknown_descriptors
from sage_local.runtime.control.run_directory import RunDirectory, short_path
from sage_local.runtime.coordinator.recovery import Recovery
from sage_local.runtime.coordinator.start import Started, start_workers
from sage_local.runtime.coordinator.zygote_link import ZygoteLink, ZygoteLostError
from sage_local.runtime.protocol.client_messages import JobFailed, StartFailure, Submission
from sage_local.runtime.protocol.progress import Progress

CRASHED = 70
"""EX_SOFTWARE of sysexits.h."""


def main(arguments: Sequence[str]) -> None:
    """Run one job, then end the process."""
    close_unknown_descriptors(passed=3)
    # Ctrl-C is the caller's to hear (this session has no terminal); a service manager's SIGTERM reaches it as well.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    # A segment, two pipes and a pidfd for each worker.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    caller = socket.socket(fileno=FIRST_PASSED_FD)
    zygote_socket = socket.socket(fileno=FIRST_PASSED_FD + 1)
    directory = RunDirectory(Path(arguments[0]))
    os.chdir("/")
    decoder = framing.FrameDecoder()
    submission = framing.receive(caller, decoder)
    if submission is None:
        directory.remove()
    else:
        _run(submission, directory, caller, decoder, ZygoteLink(zygote_socket))
    sys.stderr.flush()
    # Without finalisation: the segments and sockets end with the process.
    os._exit(0)


def _run(
    submission: Submission,
    directory: RunDirectory,
    caller: socket.socket,
    decoder: framing.FrameDecoder,
    zygote: ZygoteLink,
) -> None:
    try:
        recovery = Recovery(submission, directory.path.name)
        checkpointing = recovery.begin()
    except (SageError, OSError) as error:
        is_restore = submission.plan.settings[RESTORE] is not None
        what = "the job could not be restored" if is_restore else "the job can take no checkpoints"
        _refuse(caller, directory, f"{what}: {error}")
        return
    try:
        started = start_workers(submission, zygote, directory, checkpointing)
    except ZygoteLostError:
        _refuse(caller, directory, "the zygote, the process that workers are forked from, did not start")
    except (SageError, OSError) as error:
        _refuse(caller, directory, f"the workers could not be started: {error}")
    else:
        _serve(started, submission, directory, caller, decoder, zygote, recovery)


def _serve(
    started: Started,
    submission: Submission,
    directory: RunDirectory,
    caller: socket.socket,
    decoder: framing.FrameDecoder,
    zygote: ZygoteLink,
    recovery: Recovery,
) -> None:
    # Only now: the workers start while the event loop is loaded.
    import uvloop

    from sage_local.runtime.coordinator.service import Service

    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with short_path(directory.path) as path:
        listener.bind(f"{path}/{directory.control_socket.name}")
    listener.listen()
    loop = uvloop.new_event_loop()
    gc.enable()
    loop.set_exception_handler(_crash)
    service = Service(loop, submission, directory, started.fleet, zygote, caller, decoder, recovery)
    service.run(caller, started.pipes, listener)


def _crash(_loop: object, context: dict[str, Any]) -> None:
    """What a callback of the loop raised is our own fault: leave the traceback and end, which ends every worker."""
    import traceback

    error = context.get("exception")
    print(f"coordinator: {context.get('message')}", file=sys.stderr)
    if isinstance(error, BaseException):
        traceback.print_exception(error)
    sys.stderr.flush()
    os._exit(CRASHED)


def _refuse(caller: socket.socket, directory: RunDirectory, reason: str) -> None:
    directory.keep_logs()
    failure = JobFailed(StartFailure(reason), str(directory.log_dir), Progress(0.0, ()))
    try:
        caller.sendall(framing.encode(failure))
    except OSError:
        return  # The caller is gone: nobody is left to be told.


if __name__ == "__main__":
    main(sys.argv[1:])
