import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage_local.runtime.protocol.alignment import Alignment, Guarantee


@pytest.fixture
def two():
    return Alignment(2, Guarantee.EXACTLY_ONCE)


def test_a_single_input_is_aligned_at_once():
    assert Alignment(1, Guarantee.EXACTLY_ONCE).barrier(0, 1) == 1


def test_an_input_is_held_until_the_barrier_came_on_all(two):
    assert two.barrier(0, 1) is None
    assert two.is_held(0)
    assert not two.is_held(1)
    assert two.barrier(1, 1) == 1
    assert not two.is_held(0)


def test_nothing_is_held_when_records_may_be_repeated():
    loose = Alignment(2, Guarantee.AT_LEAST_ONCE)
    loose.barrier(0, 1)
    assert not loose.is_held(0)
    assert loose.barrier(1, 1) == 1


def test_an_ended_input_counts_as_aligned(two):
    assert two.end(0) is None
    assert two.barrier(1, 1) == 1


def test_the_end_of_the_last_open_input_completes_the_alignment(two):
    two.barrier(0, 1)
    assert two.end(1) == 1


def test_an_input_that_ends_behind_its_barrier_is_counted_once(two):
    two.barrier(0, 1)
    two.end(0)
    assert two.barrier(1, 1) == 1


def test_a_newer_barrier_replaces_the_one_at_hand(two):
    two.barrier(0, 1)
    assert two.barrier(1, 2) is None
    assert not two.is_held(0)
    assert two.is_held(1)
    assert two.barrier(0, 2) == 2


def test_a_stale_barrier_means_nothing(two):
    two.barrier(0, 2)
    two.barrier(1, 2)
    assert two.barrier(0, 1) is None
    assert two.barrier(0, 2) is None
    assert not two.is_held(0)


@given(st.integers(1, 5), st.lists(st.sampled_from(["barrier", "end"]), min_size=5, max_size=5), st.randoms())
def test_every_checkpoint_is_taken_once_however_the_inputs_interleave(inputs, kinds, random):
    """Each input brings barriers 1 and 2 in order, or ends instead; reading skips held inputs."""
    alignment = Alignment(inputs, Guarantee.EXACTLY_ONCE)
    scripts = [[1, 2] if kinds[number] == "barrier" else ["end"] for number in range(inputs)]
    taken = []
    while any(scripts):
        readable = [number for number in range(inputs) if scripts[number] and not alignment.is_held(number)]
        number = random.choice(readable)
        step = scripts[number].pop(0)
        done = alignment.end(number) if step == "end" else alignment.barrier(number, step)
        if done is not None:
            taken.append(done)
    assert taken == ([1, 2] if "barrier" in kinds[:inputs] else [])
