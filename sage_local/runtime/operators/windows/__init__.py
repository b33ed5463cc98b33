"""Windows in a running chain: one operator for each way that windows can be computed cheaply, and one for all others.

``build`` chooses. ``panes`` is for tumbling and sliding windows, ``sessions`` for sessions, ``counts`` for count
windows; ``general`` takes any assigner, trigger and lateness. Does not hold what windows are
(``sage_local.windowing``).
"""
