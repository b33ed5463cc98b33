"""Gates: which frame a task gets next."""

import pytest

from sage_local.core.elements import EndOfStream, Idleness, Rows, Watermark
from sage_local.runtime.channels.barriers import Barriers
from sage_local.runtime.channels.gate import ArrivalGate, EventTime, TurnGate, UnionGate
from sage_local.runtime.protocol.alignment import Alignment, Guarantee
from sage_local.runtime.protocol.turns import dealt_to, every_turn
from tests.runtime.channels.ends import Told


def surroundings(channels):
    count = len(channels)
    return EventTime(range(count)), list(range(count)), Barriers(Alignment(count, Guarantee.EXACTLY_ONCE))


def arrival(*channels):
    return ArrivalGate(channels, *surroundings(channels))


def in_turns(turns, *channels):
    time, numbers, barriers = surroundings(channels)
    return TurnGate(channels, turns, time, numbers, barriers)


def values(gate):
    """The values of each frame until there is none; the end of the stream as ``"end"``, other elements not at all."""
    taken = []
    while (frame := gate.take()) is not None:
        if isinstance(frame.element, Rows):
            taken.append(frame.element.values)
        if isinstance(frame.element, EndOfStream):
            return [*taken, "end"]
    return taken


def answer(channel, *batches):
    for index, batch in enumerate(batches):
        channel.arrive(Rows(batch), ends_turn=index == len(batches) - 1)


def test_frames_are_taken_as_they_arrive():
    first, second = Told(), Told()
    gate = arrival(first, second)
    second.arrive(Rows([1]))
    assert values(gate) == [[1]]
    first.arrive(Rows([2]))
    assert values(gate) == [[2]]


def test_a_sender_with_much_to_say_does_not_silence_the_others():
    gate = arrival(Told(Rows([1]), Rows([1])), Told(Rows([2]), Rows([2])))
    assert values(gate) == [[1], [2], [1], [2]]


@pytest.mark.parametrize("make", [arrival, lambda *channels: in_turns(every_turn(senders=2), *channels)])
def test_a_stream_ends_when_every_sender_has_ended(make):
    first, second = Told(EndOfStream()), Told()
    gate = make(first, second)
    assert values(gate) == []
    answer(second, [1])
    assert values(gate) == [[1]]
    second.arrive(EndOfStream())
    assert values(gate) == ["end"]


def test_a_frame_counts_as_on_the_way_until_the_next_is_asked_for():
    channel = Told(Rows([1]))
    gate = arrival(channel)
    gate.take()
    assert channel.released == 0
    gate.take()
    assert channel.released == 1


def test_turns_are_taken_in_order_whoever_is_first():
    first, second = Told(), Told()
    gate = in_turns(every_turn(senders=2), first, second)
    answer(second, [1])
    assert values(gate) == []
    answer(first, [0])
    assert values(gate) == [[0], [1]]


def test_an_answer_of_several_frames_is_taken_whole():
    first, second = Told(), Told()
    gate = in_turns(every_turn(senders=2), first, second)
    answer(first, [0, 1], [2], [])
    answer(second, [3])
    answer(first, [4])
    assert values(gate) == [[0, 1], [2], [], [3], [4]]


@pytest.mark.parametrize(("senders", "receivers"), [(1, 2), (2, 1), (4, 2), (2, 4), (3, 2), (2, 3), (4, 4)])
def test_dealt_turns_arrive_in_order_at_every_receiver(senders, receivers):
    channels = [[Told() for _ in range(senders)] for _ in range(receivers)]
    for turn in range(24):
        answer(channels[turn % receivers][turn % senders], [turn])
    for channel in (channel for of_receiver in channels for channel in of_receiver):
        channel.arrive(EndOfStream())
    for receiver, of_receiver in enumerate(channels):
        gate = in_turns(dealt_to(receiver, senders=senders, receivers=receivers), *of_receiver)
        assert values(gate) == [*([turn] for turn in range(receiver, 24, receivers)), "end"]


def test_a_union_takes_each_edge_in_its_own_order():
    ordered = [Told(), Told()]
    gate = UnionGate([in_turns(every_turn(senders=2), *ordered), arrival(Told(Rows(["a"]), EndOfStream()))])
    answer(ordered[1], [1])
    assert values(gate) == [["a"]]
    answer(ordered[0], [0])
    assert values(gate) == [[0], [1]]
    for channel in ordered:
        channel.arrive(EndOfStream())
    assert values(gate) == ["end"]


def heard(gate):
    """What is told of event time, and the values of frames, in order."""
    taken = []
    while (frame := gate.take()) is not None and not isinstance(frame.element, EndOfStream):
        taken.append(frame.element.values if isinstance(frame.element, Rows) else frame.element)
    return taken


def same_time(*channels):
    barriers = Barriers(Alignment(len(channels), Guarantee.EXACTLY_ONCE))
    numbers = list(range(len(channels)))
    return TurnGate(channels, every_turn(senders=len(channels)), EventTime([0] * len(channels)), numbers, barriers)


def test_where_all_senders_say_the_same_time_the_first_to_say_it_is_heard_in_its_place():
    """Turn 0 is [1], then 9, then [2]; turn 1 is [3]. The copy of 9 in the other channel comes in turn 1."""
    first, second = Told(Rows([1]), Watermark(9)), Told(Watermark(9))
    answer(first, [2])
    answer(second, [3])
    assert heard(same_time(first, second)) == [[1], Watermark(9), [2], [3]]


def test_a_copy_of_an_idleness_that_is_over_is_not_heard():
    first, second = (
        Told(Idleness(True), Idleness(False), Watermark(3)),
        Told(Idleness(True), Idleness(False), Watermark(3)),
    )
    answer(first, [1])
    answer(second, [2])
    assert heard(same_time(first, second)) == [Idleness(True), Idleness(False), Watermark(3), [1], [2]]


def test_an_input_of_several_channels_ends_when_all_of_them_have():
    first, second = Told(EndOfStream()), Told(Watermark(3))
    gate = same_time(first, second)
    assert heard(gate) == [Watermark(3)]
    second.arrive(EndOfStream())
    assert values(gate) == ["end"]


def test_after_a_restore_time_does_not_go_back_to_an_input_that_was_idle():
    idle, active = Told(Watermark(50), Idleness(True)), Told(Watermark(100))
    time, numbers, barriers = surroundings([idle, active])
    assert heard(ArrivalGate([idle, active], time, numbers, barriers))[-1] == Watermark(100)
    idle.arrive(Watermark(60))
    assert heard(ArrivalGate([idle, active], time, numbers, barriers)) == []
    again, numbers, barriers = surroundings([idle, active])
    again.reposition(time.position())
    assert heard(ArrivalGate([Told(), Told()], again, numbers, barriers)) == [Watermark(100)]
