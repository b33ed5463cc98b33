"""What is handed on of state, or beside it: no container that is still to be changed there."""

from sage_local.runtime.native import apart

__all__ = ["apart"]
