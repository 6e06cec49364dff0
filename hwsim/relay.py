"""One way of a relayed connection: bytes that are late by the light time, paced by the link's rate, and bounded.

Works with timers alone and reads no clock: what goes in first comes out first, each piece after its delay.
"""

import asyncio
import socket
import struct
from collections import deque

HELD_BYTES_MAX = 256 * 1024  # under way in one direction before the sender is made to wait
_RESUME_BYTES = HELD_BYTES_MAX // 2
_PACED_S_MIN = 1e-4  # wall time: a piece that takes less on the line is not paced
_RESET = struct.pack("ii", 1, 0)  # linger for no time: close with RST


class Line:
    """What both ways of a connection share: delay and rate, in wall time. Changed while in use; rate 0 holds all."""

    def __init__(self, delay_wall_s: float, bytes_per_wall_s: float) -> None:
        self.delay_wall_s = delay_wall_s
        self.bytes_per_wall_s = bytes_per_wall_s
        self._held: list[Flow] = []

    def change(self, delay_wall_s: float, bytes_per_wall_s: float) -> None:
        """Set delay and rate; flows that a rate of 0 held go on."""
        self.delay_wall_s, self.bytes_per_wall_s = delay_wall_s, bytes_per_wall_s
        if bytes_per_wall_s > 0.0:
            held, self._held = self._held, []
            for flow in held:
                flow.go_on()

    def hold(self, flow: "Flow") -> None:
        """Remember a flow that has something to send once there is a rate."""
        if flow not in self._held:
            self._held.append(flow)


class Flow:
    """Carries pieces from a source transport to a sink transport."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, line: Line, source: asyncio.Transport, sink: asyncio.Transport
    ) -> None:
        self._loop = loop
        self._line = line
        self._source = source
        self._sink = sink
        self._to_send: deque[bytes] = deque()
        self._in_flight: deque[bytes | None] = deque()
        self._held = 0
        self._sending = False
        self._ended = False
        self._sink_full = False
        self._paused = False

    def put(self, piece: bytes) -> None:
        """Take a piece from the source; too many of them make the source wait."""
        self._to_send.append(piece)
        self._held += len(piece)
        self._regulate()
        self._pump()

    def end(self) -> None:
        """The source has nothing more: close the sink when the last piece is through."""
        self._ended = True
        self._pump()

    def sink_full(self, full: bool) -> None:
        """The sink's own buffer is full, or has room again."""
        self._sink_full = full
        self._regulate()

    def go_on(self) -> None:
        """Send what waits: there is a rate again."""
        self._pump()

    def _pump(self) -> None:
        while self._to_send and not self._sending:
            if self._line.bytes_per_wall_s == 0.0:
                self._line.hold(self)
                return
            piece = self._to_send.popleft()
            took_s = len(piece) / self._line.bytes_per_wall_s
            if took_s < _PACED_S_MIN:
                self._launch(piece)
            else:
                self._sending = True
                self._loop.call_later(took_s, self._sent, piece)
        if self._ended and not self._to_send and not self._sending:
            self._ended = False
            self._launch(None)

    def _sent(self, piece: bytes) -> None:
        self._sending = False
        self._launch(piece)
        self._pump()

    def _launch(self, piece: bytes | None) -> None:
        self._in_flight.append(piece)
        self._loop.call_later(self._line.delay_wall_s, self._arrive)

    def _arrive(self) -> None:
        piece = self._in_flight.popleft()
        if self._sink.is_closing():
            return
        if piece is None:
            self._sink.close()
            return
        self._held -= len(piece)
        self._sink.write(piece)
        self._regulate()

    def _regulate(self) -> None:
        if self._source.is_closing():
            return
        if not self._paused and (self._sink_full or self._held >= HELD_BYTES_MAX):
            self._paused = True
            self._source.pause_reading()
        elif self._paused and not self._sink_full and self._held <= _RESUME_BYTES:
            self._paused = False
            self._source.resume_reading()


def cut(transport: asyncio.Transport | None) -> None:
    """Break a connection as a lost link does: at once, with a reset, nothing flushed."""
    if transport is None or transport.is_closing():
        return
    raw = transport.get_extra_info("socket")
    if raw is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    transport.abort()


def no_delay(transport: asyncio.Transport) -> None:
    """Send small pieces at once: without this a round trip takes forty milliseconds more."""
    raw = transport.get_extra_info("socket")
    if raw is not None:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
