"""What leaves the user's process."""

from dataclasses import replace

from sage_local.config import Settings
from sage_local.plan.columns import RowsToColumns
from sage_local.plan.graph import Exchange, Input
from sage_local.plan.planner import plan
from sage_local.runtime.launcher.submission import without_user_objects
from sage_local.runtime.memory.layout import lay_out
from tests.plan.programs import Program


def test_segments_look_the_same_without_user_objects() -> None:
    """The coordinator, which has none of them, makes the segments; workers look into them."""
    program = Program()
    columns = program.add(RowsToColumns(name="columns"), Input(program.source()), parallelism=2)
    program.print(program.map(columns, exchange=Exchange.REBALANCE, parallelism=2))
    physical = plan(program.graph(), Settings({}))
    assert physical != without_user_objects(physical)
    assert lay_out(physical) == lay_out(without_user_objects(physical))
    rows = replace(physical, edges=tuple(replace(edge, is_columnar=False) for edge in physical.edges))
    assert lay_out(physical) != lay_out(rows)
