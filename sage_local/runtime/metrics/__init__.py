"""What a job counts: one table of int64 counters per worker, in that worker's segment, one writer each, readable by anyone at any time.

Does not hold what is done with the numbers (command line, web page). Imports ``runtime/memory`` and below.
"""
