"""How a stream ends that is stopped: with ``drain`` for good, else so that it can go on."""

from pathlib import Path

import pytest

from sage_local import LocalEnvironment, TumblingEventTimeWindows
from sage_local.testing import AdvanceWatermark, At, CollectingSink, Latch, ScriptedSource


@pytest.mark.parametrize(("drain", "expected"), [(False, []), (True, [("a", 2)])])
@pytest.mark.parametrize("with_checkpoints", [False, True])
def test_windows_that_are_not_complete_fire_only_where_a_stop_drains(
    drain: bool, expected: list[tuple[str, int]], with_checkpoints: bool, tmp_path: Path
) -> None:
    config: dict[str, object] = {"parallelism": 2}
    if with_checkpoints:
        config |= {"checkpointing": "exactly_once", "checkpoint.dir": str(tmp_path / "checkpoints")}
    env = LocalEnvironment("stopped", config)
    seen, never, sink = Latch(), Latch(), CollectingSink()

    def look(word: str) -> str:
        if word == "last":
            seen.open()
        return word

    source = ScriptedSource([At(1, "a"), At(2, "a"), At(3, "last"), never])
    words = source.stream(env).map(look)
    words.filter(lambda word: word == "a").key_by(str).window(TumblingEventTimeWindows.of("1h")).count().sink(sink)
    handle = env.submit(detach=True)
    seen.wait()
    handle.stop(drain=drain)
    handle.wait()
    assert sink.records == expected


def test_a_stop_lets_nothing_fire_that_waits_for_the_slowest_stream() -> None:
    env = LocalEnvironment("stopped", {"parallelism": 2})
    seen, sink = Latch(), CollectingSink()

    def look(word: str) -> str:
        if word == "later":
            seen.open()
        return word

    fast = ScriptedSource([At(1, "a"), AdvanceWatermark(7_200_000), At(7_200_001, "later"), Latch()])
    slow = ScriptedSource([Latch(), At(1, "b")])
    words = fast.stream(env).map(look).union(slow.stream(env))
    words.key_by(str).window(TumblingEventTimeWindows.of("1h")).count().sink(sink)
    handle = env.submit(detach=True)
    seen.wait()
    handle.stop()
    handle.wait()
    assert sink.records == []
