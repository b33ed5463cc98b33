"""What a job counts: int64 counters in each worker's segment, one writer each, readable by anyone at any time.

Does not hold what is done with the numbers (command line, web page). Imports ``runtime/memory`` and below.
"""
