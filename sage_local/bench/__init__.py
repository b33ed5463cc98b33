"""Measurement behind ``sage bench``: workloads, contestants in processes of their own, taken in turns; the tuner.

Holds the harness, its workloads and what is made of their results. Does not hold engine logic, nor what is said on a
terminal (``sage_local.cli.bench``). May import everything below ``cli``; a workload's contestants are programs as
users write them.
"""
