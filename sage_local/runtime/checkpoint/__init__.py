"""Checkpoints as files: where they are stored, how a task's state becomes a file, the manifest, finding and sweeping.

Does not hold when a checkpoint is taken (``runtime/protocol/checkpoints.py``), nor what an operator puts in it.
May import ``runtime.state`` and below, ``plan``, ``core``, ``config``, ``errors``.
"""
