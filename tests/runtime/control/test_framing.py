import socket

from hypothesis import given
from hypothesis import strategies as st

from sage_local.runtime.control.framing import FrameDecoder, encode, receive


@given(st.lists(st.binary(max_size=300), max_size=8), st.integers(1, 64))
def test_messages_survive_being_cut_anywhere(messages: list[bytes], piece: int) -> None:
    wire = b"".join(encode(message) for message in messages)
    decoder, received = FrameDecoder(), []
    for start in range(0, len(wire), piece):
        decoder.feed(wire[start : start + piece])
        while (message := decoder.next()) is not None:
            received.append(message)
    assert messages == received


def test_a_closed_connection_gives_no_message_even_after_half_of_one() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(encode("whole") + encode("half")[:-1])
        theirs.close()
        decoder = FrameDecoder()
        assert receive(ours, decoder) == "whole"
        assert receive(ours, decoder) is None
