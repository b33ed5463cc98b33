"""The arithmetic of turns."""

import pytest

from sage_local.runtime.protocol.turns import SenderTurns, dealt_to, every_turn


def answers(senders: int, turns: int) -> dict[int, int]:
    """The sender of every turn."""
    by_turn = {}
    for subtask in range(senders):
        sender = SenderTurns(subtask, senders)
        while sender.turn < turns:
            by_turn[sender.turn] = subtask
            sender.advance()
    return by_turn


@pytest.mark.parametrize("senders", [1, 2, 3, 4, 7])
def test_every_turn_is_answered_by_one_sender(senders):
    assert sorted(answers(senders, 20)) == list(range(20))


@pytest.mark.parametrize(("senders", "receivers"), [(1, 4), (4, 1), (4, 2), (2, 4), (3, 2), (2, 3), (4, 4)])
def test_receivers_of_dealt_turns_listen_to_the_sender_that_answers(senders, receivers):
    expected = answers(senders, 24)
    for receiver in range(receivers):
        turns = dealt_to(receiver, senders=senders, receivers=receivers)
        for turn in range(receiver, 24, receivers):
            assert turns.sender == expected[turn]
            turns.advance()


def test_a_receiver_of_every_turn_listens_to_each_sender_once_in_a_round():
    turns = every_turn(senders=3)
    heard = []
    for _ in range(6):
        heard.append(turns.sender)
        turns.advance()
    assert heard == [0, 1, 2, 0, 1, 2]
