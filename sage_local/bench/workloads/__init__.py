"""The workloads behind ``sage bench run``, each a program that can be read by itself.

Contestants import what they need when they run: a floor must not pay for our packages, nor a worker for a peer's. A
module is imported to be listed and run as ``__main__`` to compete.
"""
