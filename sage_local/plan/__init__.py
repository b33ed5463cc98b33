"""From program to physical plan: frozen data and pure functions.

Holds the logical graph, its validation, local combiners, chaining, edges, placement on workers and ``explain``.
Does not hold anything that runs, reads files or starts processes. May import ``functions``, ``windowing``, ``core``,
``config``, ``errors``.
"""
