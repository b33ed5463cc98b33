"""No wake-up is lost, whatever the order of things; and the search would see it if one were.

No stress test shows a lost wake-up: the first prototype passed them all.
"""

import pytest

from tests.native.model.doorbell import Parking, Scene, Variant, build
from tests.native.model.machine import Instruction, Op, Step, explore

ONE_TO_THREE_MESSAGES = [(1,), (2,), (3,), (1, 1), (2, 1)]


@pytest.mark.parametrize("parking", Parking)
@pytest.mark.parametrize("messages", ONE_TO_THREE_MESSAGES, ids=str)
def test_no_wake_up_is_lost(messages: tuple[int, ...], parking: Parking):
    assert explore(build(Scene(messages, parking), Variant())).stuck is None


@pytest.mark.parametrize("parking", Parking)
@pytest.mark.parametrize(
    "messages",
    [(1,), (2,), (3,), pytest.param((1, 1), marks=pytest.mark.slow), pytest.param((2, 1), marks=pytest.mark.slow)],
    ids=str,
)
def test_no_wake_up_is_lost_when_notifiers_are_killed_at_any_step(messages: tuple[int, ...], parking: Parking):
    assert explore(build(Scene(messages, parking, deaths=True), Variant())).stuck is None


@pytest.mark.parametrize("parking", Parking)
@pytest.mark.parametrize("variant", [Variant(notifier_fences=False), Variant(waiter_fences=False)], ids=str)
def test_without_either_fence_a_wake_up_is_lost(variant: Variant, parking: Parking):
    assert explore(build(Scene((1,), parking), variant)).stuck is not None


@pytest.mark.parametrize("parking", Parking)
def test_without_the_unconditional_wake_a_death_leaves_the_waiter_asleep(parking: Parking):
    stuck = explore(build(Scene((1,), parking, deaths=True), Variant(wakes_unconditionally=False))).stuck
    assert stuck is not None
    killed = stuck.index(Step(1, "killed"))
    before = next(step for step in reversed(stuck[:killed]) if step.thread == 1)
    assert isinstance(before.what, Instruction)
    assert before.what.op is Op.EXCHANGE


@pytest.mark.parametrize("parking", Parking)
@pytest.mark.parametrize("messages", ONE_TO_THREE_MESSAGES, ids=str)
def test_no_release_that_is_awaited_is_lost(messages: tuple[int, ...], parking: Parking):
    assert explore(build(Scene(messages, parking, awaited=True), Variant())).stuck is None


@pytest.mark.parametrize("parking", Parking)
@pytest.mark.parametrize("messages", [(1,), (2,), pytest.param((1, 1), marks=pytest.mark.slow)], ids=str)
def test_no_release_that_is_awaited_is_lost_when_readers_are_killed_at_any_step(
    messages: tuple[int, ...], parking: Parking
):
    assert explore(build(Scene(messages, parking, deaths=True, awaited=True), Variant())).stuck is None


@pytest.mark.parametrize("parking", Parking)
@pytest.mark.parametrize(
    "variant",
    [Variant(reader_fences=False), Variant(waiter_fences=False), Variant(awaits_before_arming=False)],
    ids=str,
)
def test_without_a_fence_between_a_release_and_the_look_at_who_awaits_it_a_release_is_lost(
    variant: Variant, parking: Parking
):
    """So it is where the writer says that it waits behind the fence of its doorbell, and does not look again."""
    assert explore(build(Scene((1,), parking, awaited=True), variant)).stuck is not None


@pytest.mark.parametrize("parking", Parking)
def test_without_the_unconditional_wake_the_death_of_a_reader_leaves_the_writer_asleep(parking: Parking):
    scene = Scene((1,), parking, deaths=True, awaited=True)
    assert explore(build(scene, Variant(wakes_unconditionally=False))).stuck is not None


def test_bumping_an_epoch_before_clearing_the_flag_loses_a_wake_up():
    """The late clearing hits the next parking: the waiter sleeps, and no notifier can tell."""
    assert explore(build(Scene((1,)), Variant(epoch=True))).stuck is None
    assert explore(build(Scene((2,)), Variant(epoch=True))).stuck is not None
    assert explore(build(Scene((1, 1)), Variant(epoch=True))).stuck is not None
