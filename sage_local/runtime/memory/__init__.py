"""The memory of a job: its budget, what a control group allows, and where everything lies in a segment.

Does not hold the segment itself (``native``) or what flows through it (``channels``). Imports ``runtime/native``,
``runtime/protocol`` and below.
"""
