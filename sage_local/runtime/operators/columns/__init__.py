"""Operators over columns: expressions, functions of batches, conversions from and to rows, aggregates, windows.

Holds what knows pyarrow; loaded by jobs with column streams only. May import what ``sage_local.runtime.operators`` may.
"""
