"""How batches pass from task to task: channels (local hand-over, shared-memory ring), gates and outboxes.

Does not hold what is done with a batch (``runtime/operators``). Imports ``runtime/codec`` and below, ``functions``.
"""
