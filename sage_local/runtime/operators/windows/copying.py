"""Accumulators that are used in several windows."""

from copy import deepcopy
from typing import Any

from sage_local.core.immutable import IMMUTABLE


def independent(accumulator: Any) -> Any:
    """``accumulator``, or a copy where whoever gets it could change it.

    A pane is part of several windows, and a user's ``merge`` or ``reduce`` may use up what it is given.
    """
    return accumulator if type(accumulator) in IMMUTABLE else deepcopy(accumulator)
