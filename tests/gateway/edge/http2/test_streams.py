"""A stream as it begins."""

from tidegate_gateway.edge.http2.fields import Block
from tidegate_gateway.edge.http2.streams import FIRST_WINDOW, Stream, unheard


def test_a_stream_begins_with_whole_windows_and_nobody_who_listens() -> None:
    stream = Stream(7, Block(content_length=5), 100)
    assert (stream.id, stream.send_window, stream.receive_window, stream.window) == (7, 100, FIRST_WINDOW, FIRST_WINDOW)
    assert (stream.ended, stream.answered, stream.gone, stream.outbox, stream.trailers) == (
        False,
        False,
        None,
        None,
        None,
    )
    assert stream.expected_bytes == 5
    assert stream.wake is unheard
    stream.wake()


def test_the_first_window_is_the_protocols() -> None:
    """RFC 9113, section 6.9.2."""
    assert FIRST_WINDOW == 2**16 - 1
