"""The coordinator of one job, a process of its own: starts the workers, follows the job's life, forwards output, answers its clients.

Does not hold the decisions (``runtime/protocol/job_state.py``, ``placement.py``), any user code, or a record it looks into.
Imports everything in ``runtime`` but ``worker``, which it reaches as a process, and ``launcher``.
"""
