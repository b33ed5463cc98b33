"""The worker: tasks and the duty cycle that runs them, in a process of their own or inline in the caller's.

Does not hold operators or channels, only what brings them together and drives them. Imports everything of ``runtime``
below it.
"""
