"""Starts jobs from the user's process and follows them to their end: the one door to coordinator and workers.

Does not hold what happens behind the door. Imports anything in ``runtime``.
"""

from sage_local.runtime.launcher.handle import JobHandle
from sage_local.runtime.launcher.inline import run_inline
from sage_local.runtime.launcher.launch import launch

__all__ = ["JobHandle", "launch", "run_inline"]
