"""Measurement behind ``sage bench`` and ``benchmarks/``: contestants in processes of their own, taken in turns.

Holds the harness and its summaries. Does not hold engine logic. May import everything below ``cli``.
"""
