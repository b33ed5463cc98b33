"""Every decision of the runtime: life cycle of a job, pacing, turns, placement, and the messages between processes.

Pure: events in, instructions out. Does not hold clocks, files, sockets, processes or threads, which an import contract
forbids. Imports ``plan`` and below.
"""
