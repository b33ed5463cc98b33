"""What connected streams can be put together by."""

from enum import Enum


class CoShape(Enum):
    """What is done with connected streams; the value is the name of the operator."""

    MAP = "map"
    FLAT_MAP = "flat_map"
    PROCESS = "process"
    BROADCAST = "process of a broadcast stream"
