"""Managed state: keyed tables and timers behind the backend protocol, operator state, broadcast state, time to live.

Holds what survives a snapshot. Does not hold operators, nor where snapshots are stored (``runtime.checkpoint``).
May import ``runtime.codec`` and below, ``functions``, ``windowing``, ``core``, ``config``, ``errors``.
"""
