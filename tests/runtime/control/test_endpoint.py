from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from sage_local.runtime.control.endpoint import ControlReceiver, ControlSender


class SmallRing:
    """Holds a few records of at most 64 bytes, as a ring does."""

    max_record = 64

    def __init__(self, room: int) -> None:
        self._room = room
        self._records: deque[tuple[int, int, bytes]] = deque()

    def try_write(self, kind: int, flags: int, payload: bytes, start: int = 0, stop: int = -1) -> bool:
        if len(self._records) == self._room:
            return False
        self._records.append((kind, flags, payload[start:stop]))
        return True

    def peek(self) -> tuple[int, int, memoryview] | None:
        if not self._records:
            return None
        kind, flags, payload = self._records[0]
        return kind, flags, memoryview(payload)

    def release(self) -> None:
        self._records.popleft()


@given(st.lists(st.binary(max_size=1000), max_size=20), st.integers(1, 5))
def test_messages_of_any_size_pass_a_ring_that_is_smaller(messages: list[bytes], room: int) -> None:
    ring = SmallRing(room)
    sender, receiver = ControlSender(ring, lambda: None), ControlReceiver(ring, lambda: None)
    for message in messages:
        sender.send(message)
    received = []
    while True:
        idle = sender.flush()
        message = receiver.receive()
        if message is not None:
            received.append(message)
        elif idle:
            break
    assert messages == received


def test_the_receiver_is_rung_once_for_all_that_was_written() -> None:
    rings: list[str] = []
    sender = ControlSender(SmallRing(10), lambda: rings.append("ring"))
    sender.send(b"x" * 200)
    assert rings == ["ring"]


def test_the_sender_is_rung_whenever_there_is_room_again() -> None:
    ring, rung = SmallRing(1), []
    sender, receiver = ControlSender(ring, lambda: None), ControlReceiver(ring, lambda: rung.append("room"))
    sender.send(b"x" * 100)
    assert not sender.idle
    assert receiver.receive() is None
    assert rung == ["room"]
    assert sender.flush() is False or sender.idle


def test_nothing_is_rung_when_the_ring_is_full() -> None:
    rings: list[str] = []
    sender = ControlSender(SmallRing(0), lambda: rings.append("ring"))
    sender.send("waits")
    assert (rings, sender.idle) == ([], False)
