"""Collecting sinks bring records of all processes to the test."""

import gc
import os
import pickle

import pytest

from sage_local import LocalEnvironment
from sage_local.testing import (
    CollectingSink,
    ScriptedSource,
    SinkUnderTest,
    TransactionalCollectingSink,
    check_two_phase_sink,
)

ENGINES = pytest.mark.parametrize("engine", ["inline", "processes"])


@ENGINES
@pytest.mark.parametrize("kind", [CollectingSink, TransactionalCollectingSink])
def test_it_has_every_record_of_a_job(engine, kind):
    env = LocalEnvironment("collecting", {"execution.engine": engine, "parallelism": 2})
    sink = kind()
    env.from_collection([*range(10), None, {"a": [1.5]}]).sink(sink, parallelism=1)
    env.submit()
    assert sink.records == [*range(10), None, {"a": [1.5]}]
    sink.clear()
    assert sink.records == []


@ENGINES
def test_it_knows_the_subtask_of_each_record(engine):
    env = LocalEnvironment("subtasks", {"execution.engine": engine, "parallelism": 2})
    sink = CollectingSink[int]()
    env.from_source(ScriptedSource([1, 2], [3])).sink(sink)
    env.submit()
    assert sorted(sink.by_subtask.values()) == [[1, 2], [3]]
    assert sorted(sink.records) == [1, 2, 3]


def test_the_transactional_one_keeps_the_rules_of_two_phase_sinks():
    def make():
        sink = TransactionalCollectingSink()
        return SinkUnderTest(new=lambda: sink, visible=lambda: sink.records)

    assert len(check_two_phase_sink(make)) > 5


def test_its_file_goes_with_it_and_not_with_a_copy():
    sink = CollectingSink()
    copy = pickle.loads(pickle.dumps(sink))
    path = sink._file.path
    del copy
    gc.collect()
    assert os.path.exists(path)
    del sink
    gc.collect()
    assert not os.path.exists(path)
