"""Messages come through a pipe as they were sent."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lipsmith.workers.messages import read_message, write_message

JSON = st.dictionaries(st.text(max_size=8), st.integers() | st.text(max_size=8) | st.none(), max_size=4)


@given(st.lists(st.tuples(JSON, st.binary(max_size=50), st.binary(max_size=50)), max_size=5))
def test_messages_come_back_in_order(sent: list[tuple[dict[str, Any], bytes, bytes]]) -> None:
    stream = io.BytesIO()
    for header, *parts in sent:
        write_message(stream, header, *parts)
    stream.seek(0)
    got = list(iter(lambda: read_message(stream), None))
    assert [(one.header, one.payload) for one in got] == [(header, first + last) for header, first, last in sent]


def test_an_array_is_sent_as_its_bytes() -> None:
    image = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    stream = io.BytesIO()
    write_message(stream, {}, image.data, np.zeros(0, np.float32).data)
    stream.seek(0)
    message = read_message(stream)
    assert message
    assert np.array_equal(np.frombuffer(message.payload, np.uint8).reshape(2, 4, 3), image)


def test_a_message_that_is_cut_short_is_none() -> None:
    stream = io.BytesIO()
    write_message(stream, {"one": 1}, b"payload")
    whole = stream.getvalue()
    assert all(read_message(io.BytesIO(whole[:length])) is None for length in range(len(whole)))
