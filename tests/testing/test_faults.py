"""A fault point goes wrong when it was told to, counted over all processes."""

import pickle
import signal

import pytest

from sage_local import LocalEnvironment, OperatorError, WorkerLostError
from sage_local.testing import FaultPoint, InjectedFault


def attempt(fault: FaultPoint) -> bool:
    try:
        fault.hit()
    except InjectedFault:
        return False
    return True


def test_it_goes_wrong_once_at_the_hit_it_was_told():
    fault = FaultPoint(at=3)
    assert [attempt(fault) for _ in range(5)] == [True, True, False, True, True]
    assert (fault.hits, fault.faults) == (5, 1)


def test_it_goes_wrong_as_often_as_it_was_told():
    fault = FaultPoint(at=2, times=2)
    assert [attempt(fault) for _ in range(5)] == [True, False, False, True, True]
    assert fault.faults == 2


def test_copies_count_together():
    fault = FaultPoint(at=2)
    copies = [pickle.loads(pickle.dumps(fault)) for _ in range(3)]
    assert [attempt(copy) for copy in copies] == [True, False, True]
    assert fault.hits == 3


@pytest.mark.parametrize("engine", ["inline", "processes"])
def test_around_a_function_it_fails_the_job(engine):
    fault = FaultPoint(ValueError("bad sector"), at=4)
    env = LocalEnvironment("faulty", {"execution.engine": engine, "parallelism": 1})
    with pytest.raises(OperatorError, match=r"operator 'abs' .* failed on record 4: ValueError: bad sector"):
        env.from_collection([1, 2, 3, 4, 5]).map(fault.around(abs)).collect()
    assert fault.faults == 1


def test_a_signal_ends_the_worker():
    fault = FaultPoint(signal.SIGKILL, at=3)
    env = LocalEnvironment("killed", {"parallelism": 1})
    with pytest.raises(WorkerLostError, match="SIGKILL"):
        env.from_collection(range(9)).map(fault.around(abs)).collect()


def test_a_signal_spares_the_test_itself():
    with pytest.raises(RuntimeError, match="SIGKILL would end the test itself"):
        FaultPoint(signal.SIGKILL).hit()


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"at": 0}, ValueError),
        ({"times": 0}, ValueError),
        ({"effect": ValueError}, TypeError),
        ({"effect": 9}, TypeError),
    ],
)
def test_a_wrong_fault_is_refused_at_once(arguments, error):
    with pytest.raises(error):
        FaultPoint(**arguments)
