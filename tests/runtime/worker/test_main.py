"""Workers with their rings and doorbells, each in a thread of this process; the test is their coordinator."""

import os
import resource
import threading
from collections import Counter

import cloudpickle
import pytest

from sage_local import LocalEnvironment
from sage_local.api.overrides import Overrides, Planned, no_further, overriding
from sage_local.core.ids import WorkerId
from sage_local.functions import MapFunction, SourceFunction
from sage_local.runtime.codec.rows import decode
from sage_local.runtime.coordinator.fleet import Fleet
from sage_local.runtime.job import Deployment, WorkerBoot
from sage_local.runtime.memory.layout import lay_out
from sage_local.runtime.metrics.table import read_operators, results
from sage_local.runtime.protocol.messages import (
    Cancel,
    Collected,
    Deploy,
    Exit,
    StandingBy,
    StopSources,
    TaskFailed,
    TaskFinished,
    WorkerDone,
    WorkerReady,
)
from sage_local.runtime.protocol.placement import Seat
from sage_local.runtime.worker.main import Worker
from tests.runtime.worker.programs import Journal, Watched

CPUS = frozenset(os.sched_getaffinity(0))
OPEN_FILES, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
"""What a worker sets its process to, which is that of the tests."""


class Job:
    """A plan on its workers."""

    def __init__(self, plan, log_dir):
        self.plan = plan
        self.fleet = Fleet(
            self.plan,
            lay_out(self.plan),
            {WorkerId(worker): Seat(CPUS, None, may_spin=False) for worker in range(self.plan.workers)},
        )
        self.events = []
        self.collected = []
        self.threads = [self._start(worker, str(log_dir)) for worker in self.fleet.workers]

    def _start(self, worker, log_dir):
        descriptors = {owner: os.dup(each) for owner, each in self.fleet.segment_descriptors().items()}
        boot = WorkerBoot(worker, CPUS, descriptors, os.dup(self.fleet.eventfd), log_dir, 0, OPEN_FILES, may_spin=False)
        thread = threading.Thread(target=self._run, args=(boot,), daemon=True)
        thread.start()
        return thread

    def _run(self, boot):
        try:
            Worker(boot).run()
        finally:
            os.close(boot.coordinator_eventfd)

    def tell(self, *commands):
        for command in commands:
            self.fleet.tell(command, self.fleet.workers)

    def deploy(self):
        self.tell(Deploy(cloudpickle.dumps(Deployment(self.plan))))

    def wait_for(self, kind):
        """Until every worker has sent one event of ``kind``."""
        while len([each for each in self.events if isinstance(each, kind)]) < len(self.fleet.workers):
            self.step()

    def step(self):
        """Take what came; without anything, sleep until something has."""
        if not self._receive():
            self.fleet.doorbell.arm()
            if not self._receive():
                self.fleet.doorbell.wait(5.0)
            self.fleet.doorbell.disarm()

    def _receive(self):
        self.fleet.flush_commands()
        found = [event for reports in self.fleet.reports.values() if (event := reports.receive()) is not None]
        for event in found:
            if isinstance(event, Collected):
                self.collected += decode(event.frame).values
            else:
                self.events.append(event)
        return bool(found)

    def end(self):
        self.tell(Exit())
        for thread in self.threads:
            thread.join(10.0)
        assert not any(thread.is_alive() for thread in self.threads)
        os.close(self.fleet.eventfd)

    def readings(self):
        return [
            reading
            for worker in self.fleet.workers.values()
            for reading in read_operators(worker.counters, self.plan, worker.id)
        ]

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture
def start(tmp_path):
    """Starts the workers of a stream whose records are collected."""
    jobs = []

    def start(stream):
        jobs.append(Job(plan_of(stream), tmp_path))
        return jobs[-1]

    yield start
    for job in jobs:
        job.end()


def plan_of(stream):
    with overriding(Overrides(on_planned=no_further)), pytest.raises(Planned) as planned:
        stream.collect()
    return planned.value.plan


def numbers(count, parallelism):
    return LocalEnvironment("workers", {"parallelism": parallelism}).from_collection(range(count))


class Endless:
    """Reads the same number for ever."""

    def poll(self, max_records):
        return [1] * max_records

    def close(self):
        pass

    def snapshot(self):
        return None


class EndlessSource(SourceFunction):
    bounded = False

    def splits(self):
        return [1, 2]

    def open_split(self, split, position=None):
        return Endless()


@pytest.mark.parametrize("parallelism", [1, 2, 3])
def test_records_pass_through_all_workers_in_order(start, parallelism):
    job = start(numbers(20_000, parallelism).map(lambda n: n + 1).filter(lambda n: n % 2))
    job.wait_for(WorkerReady)
    job.deploy()
    job.wait_for(WorkerDone)
    assert job.collected == list(range(1, 20_001, 2))
    assert len(job.of(TaskFinished)) == len(job.plan.placement)


def test_records_larger_than_a_ring_pass_through_it(start):
    large = 3 << 20
    job = start(numbers(3, 2).map(lambda n: bytes([n]) * large).map(lambda text: (text[:1], len(text))))
    job.deploy()
    job.wait_for(WorkerDone)
    assert job.collected == [(bytes([n]), large) for n in range(3)]


def test_a_keyed_exchange_brings_the_records_of_a_key_together(start):
    job = start(numbers(5_000, 3).key_by(lambda n: n % 11).count())
    job.deploy()
    job.wait_for(WorkerDone)
    assert Counter(key for key, _ in job.collected) == Counter(n % 11 for n in range(5_000))
    assert {key: max(n for k, n in job.collected if k == key) for key in range(11)} == Counter(
        n % 11 for n in range(5_000)
    )


def test_counters_can_be_read_from_outside(start):
    job = start(numbers(1_000, 2).map(lambda n: n, name="map"))
    job.deploy()
    job.wait_for(WorkerDone)
    assert {each.name: each.records_in for each in results(job.plan, job.readings())}["map"] == 1_000


def test_a_failure_is_reported_once_with_its_record_and_closes_the_functions(start):
    journal = Journal("worker failure")
    job = start(numbers(10, 2).map(Watched(journal, "map", fails_at=5)))
    job.deploy()
    while not job.of(TaskFailed):
        job.step()
    job.tell(Cancel())
    job.wait_for(StandingBy)
    (failed,) = job.of(TaskFailed)
    assert (failed.failure.type_name, failed.failure.record, failed.failure.parallelism) == ("ValueError", "5", 2)
    assert "raise ValueError(value)" in failed.failure.traceback
    assert "sage_local" not in failed.failure.traceback
    assert Counter(what for _, what in journal.entries) == {"open": 2, "close": 2}


class FailsOnce(MapFunction):
    """At its third record, in the first execution of this test; counts in an attribute, which no restart keeps."""

    def __init__(self, journal):
        self.journal = journal
        self.seen = 0

    def open(self, context):
        self.loaded = context.shared("model", lambda: self.journal.write("load") or object())
        self.journal.write(id(self.loaded))

    def map(self, value):
        self.seen += 1
        if self.seen == 3 and "failed" not in self.journal.entries:
            self.journal.write("failed")
            raise ValueError(value)
        return self.seen


def test_a_worker_that_stands_by_runs_the_job_anew_with_what_was_loaded_as_shared(start):
    journal = Journal("warm")
    job = start(numbers(100, 1).map(FailsOnce(journal), name="count"))
    job.deploy()
    while not job.of(TaskFailed):
        job.step()
    job.tell(Cancel())
    job.wait_for(StandingBy)
    job.fleet.renew(())
    job.collected.clear()
    job.events.clear()
    job.deploy()
    job.wait_for(WorkerDone)
    assert job.collected == list(range(1, 101))
    assert job.of(WorkerReady) == []
    first, second = [entry for entry in journal.entries if isinstance(entry, int)]
    assert first == second
    assert journal.entries.count("load") == 1


def test_a_worker_counts_from_nought_in_every_execution(start):
    job = start(numbers(1_000, 2).map(lambda n: n, name="map"))
    for _ in range(2):
        job.events.clear()
        job.deploy()
        job.wait_for(WorkerDone)
        counted = {each.name: each.records_in for each in results(job.plan, job.readings())}
        assert counted["map"] == 1_000
        job.tell(Cancel())
        job.wait_for(StandingBy)
        job.fleet.renew(())


class Deaf(SourceFunction):
    """Does not hear that the job is stopping."""

    released = threading.Event()

    def run(self, ctx):
        ctx.collect(1)
        self.released.wait(30.0)


def test_a_worker_with_a_source_that_does_not_return_leaves_instead_of_standing_by(start):
    env = LocalEnvironment("workers", {"parallelism": 1})
    job = start(env.from_source(Deaf()).map(lambda n: n))
    job.deploy()
    while not job.collected:
        job.step()
    job.tell(Cancel())
    for thread in job.threads:
        thread.join(10.0)
    assert not any(thread.is_alive() for thread in job.threads)
    assert job.of(StandingBy) == []
    Deaf.released.set()


def test_sources_that_are_stopped_end_their_streams(start):
    env = LocalEnvironment("workers", {"parallelism": 2})
    job = start(env.from_source(EndlessSource()).map(lambda n: n))
    job.deploy()
    while not job.collected:
        job.step()
    job.tell(StopSources())
    job.wait_for(WorkerDone)
    assert set(job.collected) == {1}
    assert len(job.of(TaskFinished)) == len(job.plan.placement)


def test_a_cancelled_worker_closes_its_functions_and_drops_what_is_in_flight(start):
    journal = Journal("worker cancel")
    env = LocalEnvironment("workers", {"parallelism": 2})
    job = start(env.from_source(EndlessSource()).map(Watched(journal, "map")))
    job.deploy()
    while not job.collected:
        job.step()
    job.tell(Cancel())
    job.wait_for(StandingBy)
    assert job.of(TaskFinished) == []
    assert Counter(what for _, what in journal.entries) == {"open": 2, "close": 2}
