"""Exit codes, and how to tell why output failed."""

import select
import sys

EXIT_FAILED = 1
EXIT_INTERRUPTED = 130
"""128 + SIGINT, as shells report a program that Ctrl-C ended."""
EXIT_STDOUT_CLOSED = 141
"""128 + SIGPIPE, as shells report a program whose reader left, such as ``head``."""
EXIT_TERMINATED = 143
"""128 + SIGTERM, as shells report a program that was asked to end."""


def stdout_is_closed() -> bool:
    """Whether standard output is a pipe that nobody reads any more.

    A ``BrokenPipeError`` alone does not tell: a socket of the user's program raises it too.
    """
    try:
        descriptor = sys.stdout.fileno()
    except (AttributeError, ValueError, OSError):  # replaced by something without a descriptor
        return False
    poll = select.poll()
    poll.register(descriptor, 0)
    return any(events & select.POLLERR for _, events in poll.poll(0))
