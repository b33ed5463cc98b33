"""How process functions and functions of connected streams are bound: see ``binding``."""

from collections.abc import Callable
from typing import Any

from sage_local.errors import FunctionError
from sage_local.functions.binding import Hooks, bind_hooks
from sage_local.functions.co import BroadcastProcessFunction, CoFlatMapFunction, CoMapFunction, CoProcessFunction
from sage_local.functions.co_shape import CoShape
from sage_local.functions.process import KeyedProcessFunction, ProcessFunction

_PROCESS = Hooks("process", ProcessFunction, ("process",), arguments=2, generates=True)
_KEYED_PROCESS = Hooks("process", KeyedProcessFunction, ("process",), arguments=2, generates=True)


_CO_CLASSES = {
    CoShape.MAP: CoMapFunction,
    CoShape.FLAT_MAP: CoFlatMapFunction,
    CoShape.PROCESS: CoProcessFunction,
    CoShape.BROADCAST: BroadcastProcessFunction,
}


def bind_process(function: Any, *, keyed: bool) -> Callable[..., Any]:
    """What to call with each record and its context. Raises ``FunctionError`` for what does not fit."""
    if isinstance(function, KeyedProcessFunction) and not keyed:
        raise FunctionError(
            f"process() got the KeyedProcessFunction {type(function).__name__} on a stream without keys:"
            " apply it behind key_by(), or make it a ProcessFunction"
        )
    takes_keyed = keyed and not isinstance(function, ProcessFunction)
    return bind_hooks(function, _KEYED_PROCESS if takes_keyed else _PROCESS)


def bind_connected(function: Any, shape: CoShape, inputs: int) -> tuple[Callable[..., Any], ...]:
    """What to call with each record of each of the connected streams, in their order."""
    expected = _CO_CLASSES[shape]
    if shape is CoShape.BROADCAST:
        names: tuple[str, ...] = ("process", "process_broadcast")
    else:
        names = tuple(f"{shape.value}{number}" for number in range(1, inputs + 1))
    arguments = 2 if shape in (CoShape.PROCESS, CoShape.BROADCAST) else 1
    if not isinstance(function, expected) and not isinstance(function, type):
        raise FunctionError(
            f"{shape.value}() of connected streams takes an instance of {expected.__name__}, found {function!r}"
        )
    generates = shape is not CoShape.MAP
    return tuple(bind_hooks(function, Hooks(shape.value, expected, (name,), arguments, generates)) for name in names)
