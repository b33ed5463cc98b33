"""Uses of the test kit that type checkers accept, and what they make of them."""

from typing import assert_type

from sage_local import DataStream, LocalEnvironment
from sage_local.testing import CollectingSink, FaultPoint, OperatorHarness, ScriptedSource, check_equivalent, leak_check


def words(lines: DataStream[str]) -> DataStream[str]:
    return lines.flat_map(str.split)


def counted(env: LocalEnvironment) -> DataStream[tuple[str, int]]:
    return env.from_collection(["a"]).key_by(lambda word: word).count()


def number(count: tuple[str, int]) -> int:
    return count[1]


def both(env: LocalEnvironment) -> dict[str, DataStream[tuple[str, int]]]:
    return {"counts": counted(env)}


with OperatorHarness(words) as harness:
    harness.push("to be", timestamp=1)
    assert_type(harness.output(), list[str])

with leak_check():
    assert_type(check_equivalent(counted), list[tuple[str, int]])
    check_equivalent(counted, order=number, view=number)
    assert "counts" in check_equivalent(both)

sink = CollectingSink[int]()
LocalEnvironment().from_source(ScriptedSource[int]([1, 2])).map(FaultPoint().around(abs)).sink(sink)
assert_type(sink.records, list[int])
