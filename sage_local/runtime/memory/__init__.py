"""The memory of a job: the budget, what a control group allows, where everything lies in a segment, and opening it there.

Does not hold the segment itself (``native``) or what flows through it (``channels``). Imports ``runtime/native``,
``runtime/protocol`` and below.
"""
