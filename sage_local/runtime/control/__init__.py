"""How processes of a job talk and are started: messages over sockets and control rings, descriptors over unix sockets.

Does not hold what is said (``runtime/protocol``) or who decides (``runtime/coordinator``).
Imports ``runtime/memory``, ``runtime/protocol`` and below.
"""
