"""Windows and event time: assigners, triggers and watermark strategies.

Does not hold: the operators that run them (``sage_local.runtime.operators``) or the streams that declare them
(``sage_local.api``). May import ``sage_local.core`` and ``sage_local.errors``.
"""
