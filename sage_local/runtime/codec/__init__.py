"""Values as bytes: batches of rows on their way between workers, and keys.

Does not hold rings or frames (``runtime/channels``). Imports ``runtime/native``, ``core`` and ``errors``.
"""
