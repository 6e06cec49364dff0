"""The spoiler of a relayed MQTT stream: whole messages are lost or doubled, however the stream is cut into pieces."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.spoiler import COPY_BYTES_MAX, Spoiler
from runtime.seeds import stream


def publish(qos: int, body: bytes) -> bytes:
    return bytes((0x30 | qos << 1,)) + length(len(body)) + body


def length(count: int) -> bytes:
    out = bytearray()
    while True:
        count, low = divmod(count, 128)
        out.append(low | (0x80 if count else 0))
        if not count:
            return bytes(out)


CONNECT = b"\x10\x04abcd"
PING = b"\xc0\x00"
LOST, KEPT = publish(0, b"hk" * 300), publish(1, b"report")


def spoil(pieces: list[bytes], loss_frac: float, copy_frac: float) -> bytes:
    spoiler = Spoiler(stream(7, "spoiler"))
    spoiler.loss_frac, spoiler.copy_frac = loss_frac, copy_frac
    return b"".join(spoiler.pass_on(piece) for piece in pieces)


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=6))
def test_a_healthy_stream_passes_byte_for_byte_as_it_comes_whatever_it_is(data: bytes, cuts: list[int]) -> None:
    spoiler = Spoiler(stream(7, "spoiler"))
    places = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]

    for start, end in itertools.pairwise(places):
        assert spoiler.pass_on(data[start:end]) == data[start:end]


@given(st.lists(st.integers(1, 620), max_size=8))
def test_qos_0_messages_are_lost_whole_and_nothing_else_is(cuts: list[int]) -> None:
    data = CONNECT + LOST + KEPT + LOST + PING
    places = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]

    left = spoil([data[start:end] for start, end in itertools.pairwise(places)], 1.0, 0.0)

    assert left == CONNECT + KEPT + PING


def test_qos_1_messages_come_twice_the_second_marked_as_a_copy() -> None:
    copy = bytes((KEPT[0] | 0x08,)) + KEPT[1:]

    assert spoil([CONNECT + KEPT, LOST + PING], 0.0, 1.0) == CONNECT + KEPT + copy + LOST + PING


def test_an_empty_message_is_doubled_too() -> None:
    assert spoil([publish(1, b"")], 0.0, 1.0) == b"\x32\x00\x3a\x00"


def test_a_message_too_large_to_hold_is_not_doubled() -> None:
    large = publish(1, bytes(COPY_BYTES_MAX + 1))

    assert spoil([large, PING], 0.0, 1.0) == large + PING


def test_a_fault_that_begins_in_mid_message_lets_that_one_through() -> None:
    spoiler = Spoiler(stream(7, "spoiler"))
    out = spoiler.pass_on(LOST[:1])
    spoiler.loss_frac = 1.0
    out += spoiler.pass_on(LOST[1:] + LOST + PING)

    assert out == LOST + PING


def test_messages_are_lost_as_often_as_ordered() -> None:
    left = spoil([publish(0, b"x")] * 2_000, 0.3, 0.0)

    assert len(left) / len(publish(0, b"x")) / 2_000 == pytest.approx(0.7, abs=0.04)
