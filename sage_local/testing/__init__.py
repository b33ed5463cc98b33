"""The public test kit: how users test functions, operators, whole programs, sources and sinks of their own.

Does not hold tests of the engine. May import every room below ``cli``. The public names are those in ``__all__``; each
is loaded when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # The table below, for type checkers.
    from sage_local.testing.collecting import CollectingSink as CollectingSink
    from sage_local.testing.collecting import TransactionalCollectingSink as TransactionalCollectingSink
    from sage_local.testing.equivalence import check_equivalent as check_equivalent
    from sage_local.testing.faults import FaultPoint as FaultPoint
    from sage_local.testing.faults import InjectedFault as InjectedFault
    from sage_local.testing.harness import HarnessSnapshot as HarnessSnapshot
    from sage_local.testing.harness import OperatorHarness as OperatorHarness
    from sage_local.testing.harness import Stamped as Stamped
    from sage_local.testing.latch import Latch as Latch
    from sage_local.testing.leaks import leak_check as leak_check
    from sage_local.testing.scripted import AdvanceWatermark as AdvanceWatermark
    from sage_local.testing.scripted import At as At
    from sage_local.testing.scripted import End as End
    from sage_local.testing.scripted import Pause as Pause
    from sage_local.testing.scripted import ScriptedSource as ScriptedSource
    from sage_local.testing.simulation import Fault as Fault
    from sage_local.testing.simulation import Faults as Faults
    from sage_local.testing.simulation import Simulated as Simulated
    from sage_local.testing.simulation import SimulationFailed as SimulationFailed
    from sage_local.testing.simulation import simulate as simulate
    from sage_local.testing.sink_bench import SinkUnderTest as SinkUnderTest
    from sage_local.testing.sink_conformance import check_two_phase_sink as check_two_phase_sink

_HOMES = {
    "AdvanceWatermark": "sage_local.testing.scripted",
    "At": "sage_local.testing.scripted",
    "CollectingSink": "sage_local.testing.collecting",
    "End": "sage_local.testing.scripted",
    "Fault": "sage_local.testing.simulation",
    "FaultPoint": "sage_local.testing.faults",
    "Faults": "sage_local.testing.simulation",
    "HarnessSnapshot": "sage_local.testing.harness",
    "InjectedFault": "sage_local.testing.faults",
    "Latch": "sage_local.testing.latch",
    "OperatorHarness": "sage_local.testing.harness",
    "Pause": "sage_local.testing.scripted",
    "ScriptedSource": "sage_local.testing.scripted",
    "Simulated": "sage_local.testing.simulation",
    "SimulationFailed": "sage_local.testing.simulation",
    "SinkUnderTest": "sage_local.testing.sink_bench",
    "Stamped": "sage_local.testing.harness",
    "TransactionalCollectingSink": "sage_local.testing.collecting",
    "check_equivalent": "sage_local.testing.equivalence",
    "check_two_phase_sink": "sage_local.testing.sink_conformance",
    "leak_check": "sage_local.testing.leaks",
    "simulate": "sage_local.testing.simulation",
}
"""Every public name and the module that it is loaded from."""

__all__ = list(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll]  # one list, not two


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'sage_local.testing' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
