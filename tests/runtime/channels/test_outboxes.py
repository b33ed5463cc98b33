"""Outboxes: which frames leave, when, and to whom."""

import pytest

from sage_local.core.elements import EndOfStream, Rows
from sage_local.runtime.channels.copying import copied
from sage_local.runtime.channels.keying import Keying
from sage_local.runtime.channels.outbox import BufferedOutbox, TurnOutbox
from sage_local.runtime.channels.routing import Broadcaster, Dealer, HashPartitioner, RoundRobin
from sage_local.runtime.protocol.blame import OperatorFailed
from sage_local.runtime.protocol.turns import SenderTurns
from tests.runtime.channels.ends import Sent

MS = 1_000_000


def by_key(receivers, selector=lambda value: value, *, ships_keys=False):
    keying = Keying("count", selector)
    return HashPartitioner(keying, operator="count", receivers=receivers, max_parallelism=128, ships_keys=ships_keys)


def buffered(router, channels):
    return BufferedOutbox(router, channels, timeout_ms=100)


def test_every_turn_goes_to_the_next_receiver_and_ends_with_a_flag():
    channels = [Sent(), Sent()]
    outbox = TurnOutbox(Dealer(SenderTurns(0, 1), 2), channels)
    outbox.put(Rows([1]))
    outbox.put(Rows([2]))
    outbox.end_turn()
    outbox.put(Rows([3]))
    outbox.end_turn()
    assert channels[0].values == [([1], False), ([2], True)]
    assert channels[1].values == [([3], True)]


def test_a_turn_without_records_is_answered_with_an_empty_frame():
    channels = [Sent()]
    TurnOutbox(Dealer(SenderTurns(0, 1), 1), channels).end_turn()
    assert channels[0].values == [([], True)]


@pytest.mark.parametrize("router", [by_key(3), Broadcaster(3, copied)])
def test_every_receiver_of_a_keyed_or_broadcast_edge_is_answered_each_turn(router):
    channels = [Sent(), Sent(), Sent()]
    outbox = TurnOutbox(router, channels)
    outbox.put(Rows([1]))
    outbox.end_turn()
    assert [channel.values[-1][1] for channel in channels] == [True, True, True]


def test_records_of_a_key_go_to_one_receiver_in_order():
    channels = [Sent(rows_wanted=1) for _ in range(3)]
    outbox = buffered(by_key(3, lambda value: value[0]), channels)
    outbox.put(Rows([(number % 10, number) for number in range(100)]))
    outbox.put(Rows([(number % 10, number) for number in range(100, 200)]))
    homes = {}
    for place, channel in enumerate(channels):
        for values, _ in channel.values:
            for key, number in values:
                homes.setdefault(key, []).append((place, number))
    for key, visits in homes.items():
        assert len({place for place, _ in visits}) == 1
        assert [number for _, number in visits] == list(range(key, 200, 10))


def test_keys_travel_where_the_receiver_needs_them():
    channels = [Sent(rows_wanted=1), Sent(rows_wanted=1)]
    buffered(by_key(2, lambda value: value * 2, ships_keys=True), channels).put(Rows([1, 2, 3]))
    pairs = [
        pair
        for channel in channels
        for frame in channel.frames
        for pair in zip(frame.element.values, frame.element.keys, strict=True)
    ]
    assert sorted(pairs) == [(1, 2), (2, 4), (3, 6)]


@pytest.mark.parametrize("selector", [lambda value: [value], lambda value: 1 / (value - 2)])
def test_a_key_that_is_none_names_operator_and_record(selector):
    with pytest.raises(OperatorFailed) as raised:
        buffered(by_key(2, lambda value: selector(value) if value == 2 else 1), [Sent(), Sent()]).put(Rows([1, 2, 3]))
    assert (raised.value.operator, raised.value.record) == ("count", 2)


def test_small_batches_are_joined_until_they_are_worth_a_frame():
    channels = [Sent(rows_wanted=4)]
    outbox = buffered(Dealer(SenderTurns(0, 1), 1), channels)
    for number in range(10):
        outbox.put(Rows([number]))
        outbox.flush(0, starved=False)
    assert channels[0].values == [([0, 1, 2, 3], False), ([4, 5, 6, 7], False)]


def test_a_small_batch_leaves_at_once_when_there_is_nothing_to_read_and_the_receiver_is_idle():
    channels = [Sent()]
    outbox = buffered(Dealer(SenderTurns(0, 1), 1), channels)
    outbox.put(Rows([1]))
    outbox.flush(0, starved=True)
    assert channels[0].values == []
    channels[0].is_drained = True
    outbox.flush(0, starved=True)
    assert channels[0].values == [([1], False)]


def test_a_small_batch_leaves_after_the_timeout_whatever_happens():
    channels = [Sent()]
    outbox = buffered(Dealer(SenderTurns(0, 1), 1), channels)
    outbox.put(Rows([1]))
    outbox.flush(5 * MS, starved=False)
    assert outbox.next_flush_ns() == 105 * MS
    outbox.flush(104 * MS, starved=False)
    assert channels[0].values == []
    outbox.flush(105 * MS, starved=False)
    assert channels[0].values == [([1], False)]


def test_what_finds_no_room_waits_and_holds_the_task():
    channels = [Sent(room=1, rows_wanted=1)]
    outbox = buffered(Dealer(SenderTurns(0, 1), 1), channels)
    outbox.put(Rows([1]))
    assert outbox.is_ready
    outbox.put(Rows([2]))
    assert not outbox.is_ready
    channels[0].room = 1
    assert outbox.flush(0, starved=False)
    assert outbox.is_ready
    assert channels[0].values == [([1], False), ([2], False)]


def test_the_end_comes_behind_everything():
    channels = [Sent(), Sent()]
    outbox = buffered(RoundRobin(1, 2), channels)
    outbox.put(Rows([1]))
    outbox.end()
    assert [type(frame.element) for frame in channels[1].frames] == [Rows, EndOfStream]
    assert [type(frame.element) for frame in channels[0].frames] == [EndOfStream]


def test_a_rebalance_gives_every_receiver_its_share():
    channels = [Sent(rows_wanted=1) for _ in range(3)]
    outbox = buffered(RoundRobin(0, 3), channels)
    for number in range(9):
        outbox.put(Rows([number]))
    assert [[values for values, _ in channel.values] for channel in channels] == [
        [[number] for number in range(place, 9, 3)] for place in range(3)
    ]


def test_receivers_of_a_broadcast_do_not_share_records():
    channels = [Sent(rows_wanted=1), Sent(rows_wanted=1)]
    buffered(Broadcaster(2, copied), channels).put(Rows([["a"]]))
    for channel in channels:
        channel.values[0][0][0].append("b")
    assert [channel.values for channel in channels] == [[([["a", "b"]], False)]] * 2
