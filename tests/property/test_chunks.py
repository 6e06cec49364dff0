"""Files arrive whole over a link that loses, doubles and reorders, whatever the schedule."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.chunks import MISMATCHES_MAX, AckEffect, ChunkReceiver, ChunkSender, Placement, Span

CHUNK_BYTES = 5
HEAL_ROUNDS_MAX = 200

Ack = tuple[int, bool]


@dataclass
class Wire:
    """Both ends of one transfer with everything that is between them."""

    content: bytes
    sender: ChunkSender
    receiver: ChunkReceiver
    stored: bytearray = field(default_factory=bytearray)
    down: list[Span] = field(default_factory=list)
    up: list[Ack] = field(default_factory=list)

    def send_all(self) -> None:
        while (span := self.sender.next_span()) is not None:
            self.sender.sent(span)
            self.down.append(span)

    def receive(self, span: Span) -> None:
        if self.receiver.place(len(self.content), span.offset, span.length) is Placement.APPEND:
            assert span.offset == len(self.stored)
            self.stored += self.content[span.offset : span.end]
            self.receiver.appended(len(self.stored))
        self.up.append((self.receiver.next_offset, self.receiver.whole))

    def drop_stored(self, kept_bytes: int) -> None:
        """The receiver loses its power: what was not yet on the disk is gone."""
        del self.stored[kept_bytes:]
        self.receiver = ChunkReceiver(len(self.content), len(self.stored))

    def heal(self) -> int:
        for rounds in range(HEAL_ROUNDS_MAX):
            if self.sender.done:
                return rounds
            self.send_all()
            for span in self.down:
                self.receive(span)
            acks, self.down, self.up = self.up, [], []
            for ack in acks:
                self.sender.on_ack(*ack)
            if not acks:
                self.sender.rewind()
        raise AssertionError("the transfer never ended")


def wire(size: int, held: int = 0, window_chunks: int = 4) -> Wire:
    content = bytes(index % 251 for index in range(size))
    held = min(held, size)
    sender = ChunkSender(size, CHUNK_BYTES, window_chunks)
    return Wire(content, sender, ChunkReceiver(size, held), bytearray(content[:held]))


MOVES = st.lists(
    st.tuples(st.sampled_from(("send", "chunk", "ack", "lose", "double", "rewind", "crash")), st.integers(0, 99)),
    max_size=60,
)


@given(size=st.integers(0, 64), held=st.integers(0, 64), window=st.integers(1, 5), moves=MOVES)
def test_a_file_arrives_whole_after_any_loss_doubling_reordering_and_restart(
    size: int, held: int, window: int, moves: list[tuple[str, int]]
) -> None:
    line = wire(size, held, window)

    for move, draw in moves:
        match move:
            case "send":
                line.send_all()
            case "rewind":
                line.sender.rewind()
            case "crash" if not line.receiver.whole:
                line.drop_stored(min(draw, len(line.stored)))
            case "chunk" if line.down:
                line.receive(line.down.pop(draw % len(line.down)))
            case "ack" if line.up:
                line.sender.on_ack(*line.up.pop(draw % len(line.up)))
            case "lose":
                for queue in (line.down, line.up):
                    if queue:
                        del queue[draw % len(queue)]
            case "double":
                for spans in (line.down[draw % 3 :][:1], line.down[:1]):
                    line.down += spans
                line.up += line.up[:1]
    line.heal()

    assert bytes(line.stored) == line.content
    assert line.sender.acked_bytes == size


@given(size=st.integers(0, 200), window=st.integers(1, 6))
def test_without_loss_each_byte_goes_once(size: int, window: int) -> None:
    line = wire(size, 0, window)
    sent = 0

    while not line.sender.done:
        line.send_all()
        sent += sum(span.length for span in line.down)
        spans, line.down = line.down, []
        for span in spans:
            line.receive(span)
        acks, line.up = line.up, []
        for ack in acks:
            line.sender.on_ack(*ack)

    assert sent == size


@given(size=st.integers(1, 200), window=st.integers(1, 6), acks=st.lists(st.integers(-5, 210), max_size=30))
def test_no_more_than_a_window_is_ever_ahead_of_the_acknowledgement(size: int, window: int, acks: list[int]) -> None:
    sender = ChunkSender(size, CHUNK_BYTES, window)

    for next_offset in acks:
        while (span := sender.next_span()) is not None:
            assert 0 <= span.offset < span.end <= size
            if span.offset >= sender.acked_bytes:
                assert span.end <= sender.acked_bytes + window * CHUNK_BYTES
            else:
                assert span.end == size
            sender.sent(span)
        sender.on_ack(next_offset, False)


@given(st.integers(0, 100), st.integers(0, 100), st.integers(-3, 120), st.integers(-3, 120), st.integers(0, 120))
def test_only_the_very_next_bytes_are_appended(total: int, held: int, offset: int, length: int, claimed: int) -> None:
    receiver = ChunkReceiver(total, held)

    placement = receiver.place(claimed, offset, length)

    if placement is Placement.APPEND:
        assert claimed == total
        assert offset == receiver.next_offset
        assert offset + length <= total


def test_a_resumed_transfer_asks_with_one_chunk_and_skips_what_is_held() -> None:
    line = wire(40, held=25)

    line.send_all()
    assert line.down == [Span(0, 5)]
    line.receive(line.down.pop())
    assert line.sender.on_ack(*line.up.pop()) is AckEffect.MOVED

    assert line.sender.next_span() == Span(25, 5)


def test_a_mismatch_starts_again_from_the_first_byte() -> None:
    sender = ChunkSender(10, CHUNK_BYTES)
    receiver = ChunkReceiver(10, 10)

    sender.on_ack(10, False)
    receiver.mismatched()

    assert sender.on_ack(receiver.next_offset, False) is AckEffect.WENT_BACK
    assert sender.next_span() == Span(0, 5)


def test_a_file_all_acknowledged_but_not_done_asks_again_with_its_last_chunk() -> None:
    sender = ChunkSender(12, CHUNK_BYTES)
    sender.on_ack(12, False)
    assert sender.next_span() is None

    sender.rewind()

    assert sender.next_span() == Span(7, 5)


def test_a_receiver_gives_up_after_a_bounded_number_of_mismatches() -> None:
    receiver = ChunkReceiver(10)

    for _ in range(MISMATCHES_MAX):
        assert not receiver.given_up
        receiver.mismatched()

    assert receiver.given_up


def test_an_acknowledgement_beyond_the_file_is_ignored() -> None:
    sender = ChunkSender(10, CHUNK_BYTES)

    assert sender.on_ack(11, False) is AckEffect.OUTSIDE
    assert sender.acked_bytes == 0


def test_sizes_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="no such transfer"):
        ChunkSender(10, 0)
