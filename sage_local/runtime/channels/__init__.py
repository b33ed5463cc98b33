"""How batches pass from task to task: channels (local hand-over, shared-memory ring), gates that take from them, outboxes that send.

Does not hold what is done with a batch (``runtime/operators``). Imports ``runtime/codec`` and below, ``functions``.
"""
