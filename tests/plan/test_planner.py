from typing import Any

import pytest

from sage_local import FileSink, LocalEnvironment
from sage_local.config import Settings
from sage_local.core.ids import ChainId, TaskId
from sage_local.errors import PlanError
from sage_local.functions.aggregates import Count
from sage_local.plan.columns import ColumnsToRows, RowsToColumns
from sage_local.plan.explain import explain, mermaid
from sage_local.plan.graph import Exchange, Input
from sage_local.plan.operators import (
    Aggregate,
    AssignTimestamps,
    MergeAggregate,
    PartialAggregate,
    PartialWindow,
    Window,
)
from sage_local.plan.physical import Delivery, Plan, SideTag
from sage_local.plan.planner import plan
from sage_local.windowing.assigners import TumblingEventTimeWindows, TumblingProcessingTimeWindows
from sage_local.windowing.triggers import CountTrigger
from tests.plan.programs import Program, identity


def planned(program: Program, **settings: object) -> Plan:
    return plan(
        program.graph(), Settings({key.replace("__", ".").replace("_", "-"): value for key, value in settings.items()})
    )


def chain_names(physical: Plan) -> list[str]:
    return [chain.name for chain in physical.chains]


def test_neighbours_of_one_parallelism_become_one_chain() -> None:
    program = Program()
    program.print(program.filter(program.map(program.source())))
    assert chain_names(planned(program, parallelism=1)) == ["source 0 → map 1 → filter 2 → print 3"]


def test_a_chain_ends_where_the_parallelism_changes() -> None:
    program = Program()
    program.print(program.filter(program.map(program.source())))
    assert chain_names(planned(program, parallelism=2)) == ["source 0", "map 1 → filter 2", "print 3"]


def test_a_chain_ends_at_a_fan_out() -> None:
    program = Program()
    source = program.source()
    program.print(program.map(source))
    program.print(program.filter(source))
    assert chain_names(planned(program, parallelism=1)) == ["source 0", "map 1 → print 2", "filter 3 → print 4"]


def test_a_keyed_exchange_between_single_subtasks_is_no_exchange() -> None:
    program = Program()
    program.print(program.aggregate(Count(), program.source()))
    assert planned(program, parallelism=1).edges == ()


def test_an_explicit_rebalance_is_never_chained() -> None:
    program = Program()
    program.print(program.map(program.source(), exchange=Exchange.REBALANCE))
    physical = planned(program, parallelism=1)
    assert [(edge.delivery, edge.in_turns) for edge in physical.edges] == [(Delivery.DEAL, False)]


def test_order_is_kept_from_a_single_source_through_parallel_stages_to_print() -> None:
    program = Program()
    program.print(program.map(program.source()))
    physical = planned(program, parallelism=4)
    assert [(edge.delivery, edge.in_turns) for edge in physical.edges] == [(Delivery.DEAL, True), (Delivery.DEAL, True)]


def test_order_is_given_up_after_a_keyed_exchange() -> None:
    program = Program()
    program.print(program.map(program.map(program.source()), exchange=Exchange.HASH))
    physical = planned(program, parallelism=2)
    assert [(edge.delivery, edge.in_turns) for edge in physical.edges] == [
        (Delivery.DEAL, True),
        (Delivery.HASH, True),
        (Delivery.DEAL, False),
    ]


def test_subtasks_that_are_dealt_to_by_one_say_the_same_of_event_time() -> None:
    """Behind a keyed exchange there are no turns any more, and so no one place for a watermark among the records."""
    program = Program()
    keyed = program.map(program.map(program.source()), exchange=Exchange.HASH)
    program.print(program.map(keyed, exchange=Exchange.HASH))
    assert [edge.same_time for edge in planned(program, parallelism=4).edges] == [True, True, False, False]


def test_subtasks_with_watermarks_of_their_own_do_not_say_the_same() -> None:
    program = Program()
    first = program.map(program.source())
    timed = program.add(AssignTimestamps(name="time", strategy=None), Input(first), parallelism=4)
    program.map(timed, exchange=Exchange.HASH)
    assert [edge.same_time for edge in planned(program, parallelism=4).edges] == [True, False]


def test_what_is_between_a_source_and_its_event_time_has_no_more_subtasks_than_splits() -> None:
    """An exchange would mix records of splits that are at different times, and the older ones would be late."""
    program = Program()
    parsed = program.map(program.filter(program.source(splits=3)))
    program.map(program.add(AssignTimestamps(name="time", strategy=None), Input(parsed)))
    physical = planned(program, parallelism=4)
    assert chain_names(physical) == ["source 0 → filter 1 → map 2 → time", "map 4"]


def test_what_is_between_a_single_split_and_its_event_time_is_parallel() -> None:
    program = Program()
    parsed = program.map(program.source(splits=1))
    program.map(program.add(AssignTimestamps(name="time", strategy=None), Input(parsed)))
    assert [chain.parallelism for chain in planned(program, parallelism=4).chains] == [1, 4]


@pytest.mark.parametrize("exchange", [Exchange.AUTO, Exchange.HASH])
def test_a_union_takes_frames_as_they_arrive(exchange: Exchange) -> None:
    program = Program()
    program.print(program.map(program.source(), program.source(), exchange=exchange))
    union = [edge for edge in planned(program, parallelism=2).edges if edge.target == ChainId(2)]
    assert [edge.in_turns for edge in union] == [False, False]


def test_a_parallel_source_gives_no_order() -> None:
    program = Program()
    program.print(program.source(splits=4))
    assert [edge.in_turns for edge in planned(program, parallelism=2).edges] == [False]


def test_a_source_has_no_more_subtasks_than_splits() -> None:
    program = Program()
    program.print(program.source(splits=3))
    assert planned(program, parallelism=8).chains[0].parallelism == 3


def test_a_source_without_splits_to_read_still_has_a_subtask() -> None:
    program = Program()
    program.print(program.source(splits=0))
    assert planned(program, parallelism=2).chains[0].parallelism == 1


def test_batch_mode_combines_before_the_exchange() -> None:
    program = Program()
    program.print(program.aggregate(Count(), program.source(splits=2)))
    physical = planned(program, parallelism=2, execution__runtime_mode="batch")
    assert isinstance(physical.chains[0].operators[-1], PartialAggregate)
    assert isinstance(physical.chains[1].operators[0], MergeAggregate)
    assert physical.edges[0].key_selector is None


def test_streaming_mode_shows_every_update_and_so_does_not_combine() -> None:
    program = Program()
    program.print(program.aggregate(Count(), program.source(splits=2)))
    assert chain_names(planned(program, parallelism=2)) == ["source 0", "count", "print 2"]


def test_a_combiner_takes_the_side_output_that_the_aggregation_is_of() -> None:
    program = Program()
    count = Aggregate(name="count", function=Count(), key_selector=identity)
    program.print(program.add(count, Input(program.source(splits=2), Exchange.HASH, identity, tag="late")))
    physical = planned(program, parallelism=2, execution__runtime_mode="batch")
    assert [edge.tag for edge in physical.edges if edge.tag is not None] == [SideTag("source 0", "late")]


@pytest.mark.parametrize(
    ("fields", "is_combined"),
    [
        ({}, True),
        ({"late_tag": "late"}, False),
        ({"lateness_ms": 10}, False),
        ({"trigger": CountTrigger.of(3)}, False),
        ({"on_error": "skip"}, False),
        ({"aggregate": None, "reduce": max}, False),
        ({"assigner": TumblingProcessingTimeWindows.of(10)}, False),
    ],
)
def test_windows_are_combined_where_nobody_can_tell(fields: dict[str, Any], is_combined: bool) -> None:
    program = Program()
    of_window = {"assigner": TumblingEventTimeWindows.of(10), "aggregate": Count()} | fields
    window = Window(name="window", key_selector=identity, **of_window)
    program.print(program.add(window, Input(program.source(splits=2), Exchange.HASH, identity)))
    first = chain_names(planned(program, parallelism=2))[0]
    assert first == ("source 0 → window (combine)" if is_combined else "source 0")


@pytest.mark.parametrize(("splits", "is_dealt", "holds"), [(2, False, True), (1, True, False), (1, False, True)])
def test_a_combiner_of_windows_holds_panes_where_its_watermarks_are_its_own(
    splits: int, is_dealt: bool, holds: bool
) -> None:
    program = Program()
    source = program.source(splits=splits)
    upstream = program.map(source) if is_dealt else source
    window = Window(name="w", key_selector=identity, assigner=TumblingEventTimeWindows.of(10), aggregate=Count())
    program.print(program.add(window, Input(upstream, Exchange.HASH, identity)))
    physical = planned(program, parallelism=2)
    (combiner,) = [each for chain in physical.chains for each in chain.operators if isinstance(each, PartialWindow)]
    assert combiner.holds is holds
    (edge,) = [each for each in physical.edges if each.delivery is Delivery.HASH]
    senders = physical.chains[edge.source].parallelism
    assert combiner.holds is (not edge.same_time or senders == 1)


def test_records_that_are_partitioned_already_are_not_combined_again() -> None:
    program = Program()
    partitioned = program.map(program.source(splits=2), exchange=Exchange.HASH)
    count = Aggregate(name="count", function=Count(), key_selector=identity)
    program.print(program.add(count, Input(partitioned)))
    physical = planned(program, parallelism=2, execution__runtime_mode="batch")
    assert chain_names(physical) == ["source 0", "map 1 → count", "print 3"]


def test_each_stream_of_a_union_has_its_own_combiner() -> None:
    program = Program()
    program.print(program.aggregate(Count(), program.source(splits=2), program.source()))
    physical = planned(program, parallelism=2, execution__runtime_mode="batch")
    assert chain_names(physical)[:2] == ["source 0 → count (combine source 0)", "source 1 → count (combine source 1)"]


def test_batch_mode_refuses_an_unbounded_source() -> None:
    program = Program()
    program.print(program.source(None, bounded=False))
    with pytest.raises(PlanError, match="'source 0' has no end"):
        planned(program, execution__runtime_mode="batch")


@pytest.mark.parametrize("parallelism", [0, -1])
def test_a_parallelism_below_one_is_refused(parallelism: int) -> None:
    program = Program()
    program.print(program.map(program.source(), parallelism=parallelism))
    with pytest.raises(PlanError, match=rf"'map 1' must be at least 1, found {parallelism}"):
        planned(program)


def test_a_parallelism_above_the_number_of_key_groups_is_refused() -> None:
    program = Program()
    program.print(program.map(program.source(), parallelism=10_000))
    with pytest.raises(PlanError, match=r"10000 of operator 'map 1' is more than max-parallelism \(128\)"):
        planned(program)


def test_a_program_without_operators_is_refused() -> None:
    with pytest.raises(PlanError, match="'test' has no operators"):
        planned(Program())


def test_subtasks_of_one_number_share_a_worker() -> None:
    program = Program()
    program.print(program.map(program.source()))
    physical = planned(program, parallelism=3)
    assert physical.workers == 3
    assert physical.placement[TaskId(ChainId(0), 0)] == physical.placement[TaskId(ChainId(1), 0)] == 0
    assert physical.placement[TaskId(ChainId(1), 2)] == 2


def test_an_operator_with_its_own_parallelism_has_its_own_workers() -> None:
    program = Program()
    program.print(program.map(program.source(), parallelism=3))
    physical = planned(program, parallelism=2)
    assert [physical.placement[TaskId(ChainId(1), i)] for i in range(3)] == [1, 2, 3]


def test_explain_shows_chains_tasks_edges_rings_placement_and_combiners() -> None:
    program = Program()
    program.print(program.aggregate(Count(), program.source(splits=2)))
    physical = planned(program, parallelism=2, execution__runtime_mode="batch")
    text = explain(physical, ring_bytes={edge.id: 1 << 20 for edge in physical.edges}, cpus={0: "cpu 0", 1: "cpu 1"})
    assert "Job 'test': 2 workers, parallelism 2, batch mode, 128 key groups" in text
    assert "Chain 0: source 0 → count (combine)" in text
    assert "2 tasks on workers 0 (cpu 0), 1 (cpu 1) [slot group default]" in text
    assert "count (combine): combines per key before the exchange" in text
    assert "→ chain 1: hash of the key; 2 rings of 1 MiB, 2 hand-overs inside a worker" in text
    assert "print 2: at-least-once" in text


def test_mermaid_escapes_what_users_name() -> None:
    program = Program()
    program.print(program.source())
    physical = planned(program, parallelism=1)
    renamed = mermaid(physical).splitlines()
    assert renamed == ["flowchart LR", '    c0["source 0 → print 1<br/>× 1"]']


def test_explain_tells_which_sinks_are_exactly_once(tmp_path):
    env = LocalEnvironment("sinks")
    numbers = env.from_collection([1])
    numbers.sink(FileSink(tmp_path), name="files")
    numbers.sink(print, name="plain")
    lines = env.explain().splitlines()
    assert any("files" in line and "two-phase: exactly once with checkpoints" in line for line in lines)
    assert any("plain" in line and "at-least-once" in line for line in lines)


def test_an_edge_knows_whether_columns_pass() -> None:
    """Once they have become rows, they do not."""
    program = Program()
    columns = program.add(RowsToColumns(name="columns"), Input(program.source()), parallelism=3)
    rows = program.add(ColumnsToRows(name="rows"), Input(columns, Exchange.REBALANCE), parallelism=2)
    program.print(program.map(rows, exchange=Exchange.REBALANCE, parallelism=3))
    edges = {
        physical.chains[edge.source].name: edge.is_columnar
        for physical in [planned(program)]
        for edge in physical.edges
    }
    assert edges == {"source 0": False, "columns": True, "rows": False, "map 3": False}
