"""The combiner of aggregates without windows."""

from sage_local import Sum
from sage_local.core.elements import Rows
from sage_local.plan.operators import PartialAggregate
from tests.runtime.operators.driver import Driver


def test_the_combiner_lets_go_of_everything_before_a_barrier_and_so_has_no_state():
    combiner = Driver(PartialAggregate(name="sum", key_selector=lambda n: n % 2, function=Sum()))
    combiner.rows(1, 2, 3)
    assert combiner.main() == []
    assert list(combiner.operator.let_go()) == [Rows([4, 2], [1, 0])]
    assert list(combiner.operator.let_go()) == []
    captured = combiner.operator.capture(changes_only=False)
    assert (captured.key_groups, captured.subtasks, captured.capture) == ({}, [], None)
