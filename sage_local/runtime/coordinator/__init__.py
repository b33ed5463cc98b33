"""The coordinator of one job, a process: starts workers, follows the job's life, forwards output, answers clients.

Does not hold the decisions (``runtime/protocol/job_state.py``, ``placement.py``), and never loads user code.
Imports everything in ``runtime`` but ``worker``, which it reaches as a process, and ``launcher``.
"""
