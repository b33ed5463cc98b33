from sage_local.bench.comparison import Comparison, compare
from sage_local.bench.results import ContestantResult, Results, Spread, WorkloadResult
from sage_local.bench.workload import Role

MACHINE = {"cpu": "a", "cpus": 2, "memory_bytes": 1 << 34, "kernel": "k", "python": "3.13"}


def results(
    *seconds: float,
    floor: float = 1.0,
    records: int = 100,
    name: str = "w",
    measure: str = "seconds",
    **machine: object,
) -> Results:
    contestants = {
        "ours": ContestantResult(Role.SAGE, {measure: Spread(seconds)}),
        "loop": ContestantResult(Role.FLOOR, {measure: Spread((floor,) * 3)}),
    }
    return Results(MACHINE | machine, 3, (WorkloadResult(name, "", records, contestants, ()),))


def verdicts(found: Comparison) -> list[bool]:
    return [change.is_better for change in found.changes]


def test_ranges_that_meet_are_no_change() -> None:
    found = compare(results(1.0, 1.1, 1.2), results(1.2, 1.5, 1.6))
    assert (found.changes, found.same, found.has_regressions) == ((), 1, False)


def test_ranges_apart_are_a_change_for_the_better_or_worse() -> None:
    assert verdicts(compare(results(1.0, 1.1, 1.2), results(1.3, 1.4, 1.5))) == [False]
    assert verdicts(compare(results(1.3, 1.4, 1.5), results(1.0, 1.1, 1.2))) == [True]


def test_a_rate_that_falls_is_worse() -> None:
    assert verdicts(compare(results(3, 3, 3, measure="x_per_s"), results(2, 2, 2, measure="x_per_s"))) == [False]


def test_a_change_of_less_than_a_twentieth_is_none() -> None:
    assert compare(results(1.0, 1.0, 1.0), results(1.04, 1.04, 1.04)).changes == ()


def test_floors_that_move_are_told_apart_and_are_no_regression() -> None:
    found = compare(results(1.0, 1.0, 1.0), results(1.0, 1.0, 1.0, floor=2.0))
    assert [change.contestant for change in found.moved] == ["loop"]
    assert not found.has_regressions


def test_other_machines_are_warned_of_but_not_a_few_pages_of_memory() -> None:
    found = compare(results(1.0), results(1.0, cpu="b", memory_bytes=(1 << 34) + 4096))
    assert found.warnings == ("the machines differ: cpu: a and b",)


def test_another_amount_of_work_is_not_compared() -> None:
    found = compare(results(1.0), results(9.0, records=200))
    assert (found.changes, found.same) == ((), 0)
    assert found.warnings == ("workload w is not compared: it was run with 100 and with 200 records",)


def test_workloads_of_one_file_only_are_named() -> None:
    found = compare(results(1.0), results(1.0, name="v"))
    assert found.warnings == ("workload v is in the new file only", "workload w is in the old file only")
