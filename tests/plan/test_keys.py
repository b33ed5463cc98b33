"""Keys travel with records exactly as far as somebody needs them."""

import pytest

from sage_local.config import Settings
from sage_local.functions import CoMapFunction, MapFunction
from sage_local.functions.aggregates import Count
from sage_local.functions.co_shape import CoShape
from sage_local.plan.graph import Exchange, Input
from sage_local.plan.operators import Aggregate, Connected, Filter, Map, Operator, Print, Reduce
from sage_local.plan.planner import plan
from tests.plan.programs import Program, identity


class Opening(MapFunction):
    def open(self, context):
        """Could ask for state here."""

    def map(self, value):
        return value


def keyed_map(name: str, function=identity) -> Map:
    return Map(name=name, function=function, key_selector=identity)


def marks(program: Program, parallelism: int) -> dict[str, tuple[bool, bool]]:
    """``keeps_keys`` and ``assigns_keys`` by operator."""
    chains = plan(program.graph(), Settings({"parallelism": parallelism})).chains
    operators: list[Operator] = [operator for chain in chains for operator in chain.operators]
    return {each.name: (each.keeps_keys, each.assigns_keys) for each in operators}


def by_key(node) -> Input:
    return Input(node, Exchange.HASH, identity)


@pytest.mark.parametrize("parallelism", [1, 2])
def test_keys_ride_through_element_wise_operators_to_an_aggregate(parallelism):
    program = Program()
    first = program.add(keyed_map("first"), by_key(program.source()))
    second = program.add(Filter(name="second", function=identity, key_selector=identity), Input(first))
    count = program.add(Aggregate(name="count", function=Count(), key_selector=identity), Input(second))
    program.print(count)
    found = marks(program, parallelism)
    assert (found["first"], found["second"]) == ((True, True), (True, False))


def test_nobody_carries_keys_that_nobody_needs():
    program = Program()
    first = program.add(keyed_map("first"), by_key(program.source()))
    program.add(Print(name="print", prefix="", key_selector=identity), Input(first))
    assert marks(program, 2)["first"] == (False, False)


def test_keys_end_at_the_next_key_by():
    program = Program()
    first = program.add(keyed_map("first"), by_key(program.source()))
    program.print(program.add(Reduce(name="reduce", function=max, key_selector=identity), by_key(first)))
    assert marks(program, 2)["first"] == (False, False)


def test_a_function_that_may_have_state_needs_keys():
    program = Program()
    first = program.add(keyed_map("first"), by_key(program.source()))
    program.print(program.add(keyed_map("second", Opening()), Input(first)))
    assert marks(program, 1)["first"] == (True, True)
    assert marks(program, 1)["second"] == (False, False)


def test_a_function_that_may_have_state_right_behind_key_by_needs_them_too():
    program = Program()
    program.print(program.add(keyed_map("first", Opening()), by_key(program.source())))
    assert marks(program, 2)["first"] == (False, True)


def test_keys_ride_to_connected_streams():
    program = Program()
    left = program.add(keyed_map("left"), by_key(program.source()))
    right = program.add(keyed_map("right"), by_key(program.source()))

    connected = Connected(name="both", function=CoMapFunction(), shape=CoShape.MAP, key_selectors=(identity, None))
    program.print(program.add(connected, Input(left), Input(right, index=1)))
    found = marks(program, 2)
    assert found["left"] == (True, True)
    assert found["right"] == (False, False)
