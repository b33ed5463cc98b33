import pytest

from sage_local.config import Settings
from sage_local.functions.output_tag import OutputTag
from sage_local.plan.graph import Input
from sage_local.plan.operators import Map, Process
from sage_local.plan.physical import Delivery, SideTag
from sage_local.plan.planner import plan
from sage_local.plan.side_outputs import declared, may_write, unread
from tests.plan.programs import Program, identity

BAD = OutputTag("bad")


def tolerant(name: str) -> Map:
    return Map(name=name, function=identity, on_error=BAD)


@pytest.mark.parametrize(
    ("parallelism", "chains"),
    [
        (1, ["source 0 → process → map 2 → print 3", "print 4"]),
        (2, ["source 0", "process → map 2", "print 3", "print 4"]),
    ],
)
def test_a_side_output_leaves_from_the_middle_of_a_chain(parallelism, chains):
    """Reading it does not cost the main output its place in the chain."""
    program = Program()
    process = program.add(Process(name="process", function=identity), Input(program.source()))
    program.print(program.map(process))
    program.add(program.nodes[-1].operator.__class__(name="print 4", prefix=""), Input(process, tag="late"))
    physical = plan(program.graph(), Settings({"parallelism": parallelism}))
    assert [chain.name for chain in physical.chains] == chains
    (side,) = [edge for edge in physical.edges if edge.tag is not None]
    assert side.tag == SideTag("process", "late")
    assert physical.chains[side.source].operators[-1].name != "print 4"


def test_an_operator_of_two_side_outputs_of_its_own_chain_is_no_part_of_it():
    program = Program()
    source = program.source()
    process = program.add(Process(name="process", function=identity), Input(source))
    program.add(
        program.nodes[-1].operator.__class__(name="last", function=identity), Input(process, tag="a"), Input(process)
    )
    physical = plan(program.graph(), Settings({"parallelism": 1}))
    assert [chain.name for chain in physical.chains] == ["source 0 → process", "last"]
    assert [(edge.tag, edge.delivery) for edge in physical.edges] == [
        (SideTag("process", "a"), Delivery.FORWARD),
        (None, Delivery.FORWARD),
    ]


def test_what_is_declared_and_read_by_nobody_is_found():
    program = Program()
    first = program.add(tolerant("first"), Input(program.source()))
    second = program.add(tolerant("second"), Input(first))
    program.print(second)
    assert unread(program.graph()) == (SideTag("first", "bad"), SideTag("second", "bad"))
    program.add(program.nodes[-1].operator.__class__(name="errors", prefix=""), Input(first, tag="bad"))
    assert unread(program.graph()) == (SideTag("second", "bad"),)


def test_process_functions_may_write_anywhere_and_others_where_they_say():
    assert may_write(Process(name="process", function=identity), "any")
    assert may_write(tolerant("map"), "bad")
    assert not may_write(tolerant("map"), "other")
    assert declared(Map(name="map", function=identity, on_error="skip")) == ()
