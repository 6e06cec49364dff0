"""Files in chunks over a link that loses, doubles, delays and reorders: the sender's and the receiver's arithmetic.

Both are pure: they say what to send and where bytes belong, and touch no file and no link. The receiver keeps bytes in
order and answers every chunk with the offset it wants next; the sender goes back to that offset when answers fail to
come (Go-Back-N with cumulative acknowledgements; Tanenbaum & Wetherall, Computer Networks, 5th ed., section 3.4.2).
"""

from dataclasses import dataclass
from enum import StrEnum, unique

WINDOW_CHUNKS = 4  # chunks on their way before an acknowledgement must come
RESEND_WALL_S = 3.0  # wall time without an acknowledgement after which a sender rewinds
MISMATCHES_MAX = 3  # whole files with a wrong SHA-256 before the receiver refuses the transfer


@dataclass(frozen=True, slots=True)
class Span:
    """Which bytes of a file a chunk carries."""

    offset: int
    length: int

    @property
    def end(self) -> int:
        """The offset behind the last byte."""
        return self.offset + self.length


@unique
class AckEffect(StrEnum):
    """What an acknowledgement meant to the sender."""

    MOVED = "MOVED"  # more bytes are safe than before
    SAME = "SAME"  # no news
    WENT_BACK = "WENT_BACK"  # the receiver holds less than it said before: lost, or dropped for its SHA-256
    DONE = "DONE"  # the receiver has the whole file and it matched
    OUTSIDE = "OUTSIDE"  # an offset that this file does not have; ignored


class ChunkSender:
    """Decides which bytes of one file go next.

    Until the first acknowledgement, and after each rewind, a single chunk goes out to ask where the receiver stands;
    then up to `window_chunks` are on their way at once.
    """

    def __init__(self, total_bytes: int, chunk_bytes: int, window_chunks: int = WINDOW_CHUNKS) -> None:
        if total_bytes < 0 or chunk_bytes < 1 or window_chunks < 1:
            raise ValueError(f"no such transfer: {total_bytes} bytes in chunks of {chunk_bytes}, {window_chunks} ahead")
        self._total = total_bytes
        self._chunk = chunk_bytes
        self._window = window_chunks
        self._base = 0  # the receiver holds all below
        self._next = 0  # all below was sent since the last rewind
        self._asked = False  # one chunk is out to ask where the receiver stands
        self._open = False  # the receiver has answered since the last rewind
        self._done = False

    @property
    def acked_bytes(self) -> int:
        """How many bytes the receiver holds, as far as it has said."""
        return self._base

    @property
    def done(self) -> bool:
        """Whether the receiver has the whole file."""
        return self._done

    @property
    def waiting(self) -> bool:
        """Whether something was sent whose answer has not come: the time to set a resend timer."""
        return self._asked or self._next > self._base

    def next_span(self) -> Span | None:
        """Return what may be sent now, or None; call `sent` when it has left."""
        if self._done:
            return None
        if not self._open:
            return None if self._asked else self._question()
        span = Span(self._next, min(self._chunk, self._total - self._next))
        return span if span.length > 0 and span.end <= self._base + self._window * self._chunk else None

    def sent(self, span: Span) -> None:
        """Note that a span given by `next_span` has left."""
        self._next = max(self._next, span.end)
        if not self._open:
            self._asked = True

    def on_ack(self, next_offset: int, done: bool) -> AckEffect:
        """Take the receiver's word. A lower offset than before is believed: at worst bytes go twice."""
        if self._done:
            return AckEffect.SAME
        if not 0 <= next_offset <= self._total:
            return AckEffect.OUTSIDE
        if done:
            self._done, self._base, self._next = True, self._total, self._total
            self._asked = False
            return AckEffect.DONE
        self._open, self._asked = True, False
        if next_offset > self._base:
            self._base, self._next = next_offset, max(self._next, next_offset)
            return AckEffect.MOVED
        if next_offset < self._base:
            self._base = self._next = next_offset
            return AckEffect.WENT_BACK
        return AckEffect.SAME

    def rewind(self) -> None:
        """Begin again where the receiver last said it stood: after silence, or when the link comes back."""
        self._next = self._base
        self._asked = self._open = False

    def _question(self) -> Span:
        # A file of which all was acknowledged but which is not done sends its last bytes again: the answer tells why.
        start = self._base if self._base < self._total else max(0, self._total - self._chunk)
        return Span(start, min(self._chunk, self._total - start))


@unique
class Placement(StrEnum):
    """Where a chunk belongs."""

    APPEND = "APPEND"  # the next bytes: append them, then call `appended`
    HELD = "HELD"  # bytes the receiver has
    AHEAD = "AHEAD"  # bytes after a gap: not kept
    OUTSIDE = "OUTSIDE"  # not of this file


class ChunkReceiver:
    """Decides what becomes of each chunk of one file; `held_bytes` is what a restarted receiver finds on its disk."""

    def __init__(self, total_bytes: int, held_bytes: int = 0) -> None:
        self._total = total_bytes
        self._held = min(held_bytes, total_bytes)
        self._mismatches = 0

    @property
    def next_offset(self) -> int:
        """The offset to ask for: all below is held."""
        return self._held

    @property
    def whole(self) -> bool:
        """Whether every byte is here; the SHA-256 is the caller's to check."""
        return self._held == self._total

    @property
    def given_up(self) -> bool:
        """Whether the file came wrong so often that the transfer should be refused."""
        return self._mismatches >= MISMATCHES_MAX

    def place(self, total_bytes: int, offset: int, length: int) -> Placement:
        """Return what to do with a chunk that says of itself where it belongs."""
        if total_bytes != self._total or offset < 0 or length < 0 or offset + length > self._total:
            return Placement.OUTSIDE
        if offset > self._held:
            return Placement.AHEAD
        if offset < self._held or length == 0:
            return Placement.HELD
        return Placement.APPEND

    def appended(self, held_bytes: int) -> None:
        """Note how many bytes are stored now."""
        self._held = min(held_bytes, self._total)

    def mismatched(self) -> None:
        """Note that the whole did not have its SHA-256 and was dropped: everything is wanted again."""
        self._held = 0
        self._mismatches += 1
