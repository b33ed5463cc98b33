"""How processes of a job talk: messages over sockets and control rings, descriptors over unix sockets, and how our processes are started.

Does not hold what is said (``runtime/protocol``) or who decides (``runtime/coordinator``).
Imports ``runtime/memory``, ``runtime/protocol`` and below.
"""
