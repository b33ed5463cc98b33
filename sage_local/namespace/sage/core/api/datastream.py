"""The same objects as in ``sage_local``."""

from sage_local import DataStream, DataStreamSink, KeyedStream

__all__ = ["DataStream", "DataStreamSink", "KeyedStream"]
