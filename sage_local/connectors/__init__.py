"""Sources and sinks, one module each, with the optional package it needs.

Holds what reads and writes the outside world through the protocols of ``sage_local.functions``. Does not hold anything
that knows how a job runs. May import ``functions``, ``core``, ``config`` and ``errors``.
"""
