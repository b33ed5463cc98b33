"""Counters: written by one, read by all."""

from array import array

from sage_local.config import Settings
from sage_local.core.ids import ChainId, TaskId, WorkerId
from sage_local.plan.planner import plan
from sage_local.runtime.metrics.meter import Meter
from sage_local.runtime.metrics.table import (
    AtWork,
    OperatorCounters,
    WorkerCounters,
    counter_count,
    read_at_work,
    read_operators,
    results,
)
from tests.plan.programs import Program


def planned():
    program = Program()
    program.print(program.filter(program.map(program.source(4))))
    return plan(program.graph(), Settings({"parallelism": 2}))


def all_cells(physical):
    return {
        WorkerId(worker): array("q", bytes(8 * counter_count(physical, WorkerId(worker))))
        for worker in range(physical.workers)
    }


def test_counts_are_summed_over_the_subtasks_of_an_operator():
    physical = planned()
    cells = all_cells(physical)
    for of_worker in cells.values():
        counters = OperatorCounters(of_worker, 1)
        counters.took(5)
        counters.gave(3)
    readings = [reading for worker in cells for reading in read_operators(cells[worker], physical, worker)]
    by_name = {each.name: (each.parallelism, each.records_in, each.records_out) for each in results(physical, readings)}
    assert by_name["map 1"] == (2, 10, 6)
    assert by_name["filter 2"] == (2, 0, 0)


def test_the_operator_at_work_is_shown_with_the_time_it_was_entered():
    physical = planned()
    worker = WorkerId(1)
    cells = all_cells(physical)[worker]
    times = iter([100, 250])
    counters = WorkerCounters(cells, lambda: next(times))
    entered_ns = counters.enter(2)
    assert read_at_work(cells, physical, worker) == AtWork(TaskId(ChainId(0), 1), "filter 2", 100)
    assert counters.leave(2, entered_ns) == 150
    assert read_at_work(cells, physical, worker) is None
    assert [each.busy_ns for each in read_operators(cells, physical, worker)] == [0, 0, 150]


def test_operators_compiled_into_one_function_are_shown_together_while_it_is_at_work():
    physical = planned()
    worker = WorkerId(1)
    cells = all_cells(physical)[worker]
    counters = WorkerCounters(cells, lambda: 100)
    OperatorCounters(cells, 1).fused(1)
    counters.enter(1)
    assert read_at_work(cells, physical, worker) == AtWork(TaskId(ChainId(0), 1), "map 1 → filter 2", 100)


def test_rates_are_since_the_last_look():
    physical = planned()
    cells = all_cells(physical)
    now_ns = 0
    meter = Meter(physical, lambda: now_ns)
    counters = OperatorCounters(cells[WorkerId(0)], 0)
    counters.gave(10)
    now_ns = 2_000_000_000
    assert meter.look(cells).operators[0].out_per_s == 5.0
    counters.gave(30)
    now_ns = 3_000_000_000
    assert meter.look(cells).operators[0].out_per_s == 30.0
