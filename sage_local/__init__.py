"""Sage Kernel: a stream-processing engine for one big machine."""
