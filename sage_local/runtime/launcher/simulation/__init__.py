"""A job in one thread: real deciders, operators, codec, state and checkpoint files; the rest is simulated.

Simulated are channels between workers, processes and their deaths, the clock, messages on their way, and storage. What
happens next is drawn from a seeded random number generator, so a run with one seed is always the same.
"""

from sage_local.runtime.launcher.simulation.faults import Fault, Faults
from sage_local.runtime.launcher.simulation.run import Simulation, SimulationStuckError
from sage_local.runtime.launcher.simulation.store import Stores, StoreSink
from sage_local.runtime.launcher.simulation.world import World

__all__ = ["Fault", "Faults", "Simulation", "SimulationStuckError", "StoreSink", "Stores", "World"]
