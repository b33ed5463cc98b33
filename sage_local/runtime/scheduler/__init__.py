"""The machine: its NUMA nodes, cores and limits, read from the kernel's files; and pinning a process to CPUs.

Does not decide who sits where (``runtime/protocol/placement.py``). Imports ``runtime/memory``, ``runtime/protocol``
and below.
"""
