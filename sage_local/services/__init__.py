"""Clients of model servers and vector databases, handed to operators as services.

Holds the clients, one module each, with the optional package it needs. Does not hold anything that knows how a job
runs. May import ``functions``, ``core``, ``config`` and ``errors``.
"""
