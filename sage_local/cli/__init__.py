"""The ``sage`` command.

Holds what is said on a terminal and read from one, a command per module. Does not hold anything a job needs to run.
May import every room. Commands are imported when they are called: ``sage run`` is part of the start of every job.
"""

from typing import NoReturn


def main() -> NoReturn:
    """Run the command in ``sys.argv`` and leave the process with its exit code."""
    try:
        from sage_local.cli.group import run_group
    except KeyboardInterrupt:  # a Ctrl-C that came at once; to load the command takes most of its start
        raise SystemExit(130) from None
    run_group()
