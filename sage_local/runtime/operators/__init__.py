"""What runs: one implementation for each class of ``plan/operators.py``, working on batches.

Does not hold how batches arrive and leave (``runtime/channels``) nor when an operator is called (``runtime/worker``).
Imports ``runtime/channels`` and below, ``functions``.
"""
