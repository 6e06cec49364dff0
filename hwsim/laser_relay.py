"""The laser port: one TCP port where terminals' data ports meet while their terminals are locked on each other.

Frames are a length of four bytes, big-endian, and that many bytes. The first frame is a msgpack map of node, terminal
and token. When both ends are there each gets one frame of length zero ("joined"); from then on whole frames pass.
"""

import asyncio
import hmac
import logging
import struct

import msgpack

from hwsim.relay import Flow, Line, cut, no_delay
from hwsim.units.laser_terminal import TerminalKey

FRAME_BYTES_MAX = 16 * 1024
HELLO_BYTES_MAX = 1024
HELLO_WALL_S = 5.0  # for a connection to say who it is
STRANGERS_MAX = 64  # connections that have not said who they are

_LENGTH = struct.Struct(">I")
_JOINED = _LENGTH.pack(0)
_LOG = logging.getLogger(__name__)


class LaserRelay:
    """Who is locked on whom, and the data ports that are open."""

    def __init__(self, loop: asyncio.AbstractEventLoop, tokens: dict[str, str]) -> None:
        self.loop = loop
        self._tokens = tokens
        self._peers: dict[TerminalKey, TerminalKey] = {}
        self._lines: dict[TerminalKey, Line] = {}
        self._ports: dict[TerminalKey, _Port] = {}
        self._strangers: list[_Port] = []
        self.rejected = 0

    def accept(self) -> asyncio.Protocol:
        """Return the protocol of one incoming connection."""
        return _Port(self)

    def join(self, a: TerminalKey, b: TerminalKey, delay_wall_s: float, bytes_per_wall_s: float) -> None:
        """Let two terminals' ports meet; or, when they are joined already, change delay and rate."""
        if self._peers.get(a) == b and self._peers.get(b) == a:
            self._lines[a].change(delay_wall_s, bytes_per_wall_s)
            return
        self.part(a)
        self.part(b)
        self._peers[a], self._peers[b] = b, a
        self._lines[a] = self._lines[b] = Line(delay_wall_s, bytes_per_wall_s)

    def part(self, key: TerminalKey) -> None:
        """End a terminal's lock: both ports are cut."""
        peer = self._peers.pop(key, None)
        for one in (key, peer):
            if one is not None:
                self._peers.pop(one, None)
                self._lines.pop(one, None)
                port = self._ports.pop(one, None)
                if port is not None:
                    port.cut()

    def close(self) -> None:
        """Cut everything."""
        for port in [*self._ports.values(), *self._strangers]:
            port.cut()
        self._ports.clear()

    def admit(self, port: "_Port") -> bool:
        """Take in a connection that has yet to say who it is; False when too many wait."""
        if len(self._strangers) >= STRANGERS_MAX:
            return False
        self._strangers.append(port)
        return True

    def hello(self, port: "_Port", frame: bytes) -> None:
        """Let a connection in as a terminal's port, or cut it."""
        self.forget(port)
        key = self._known(frame)
        if key is None:
            self.rejected += 1
            _LOG.warning("a connection to the laser port said nothing valid of who it is")
            port.cut()
            return
        if key not in self._peers:
            port.cut()
            return
        before = self._ports.pop(key, None)
        if before is not None:
            before.cut()
        port.key = key
        self._ports[key] = port
        other = self._ports.get(self._peers[key])
        if other is not None and other.peer is None:
            line = self._lines[key]
            port.meet(other, line)
            other.meet(port, line)

    def forget(self, port: "_Port") -> None:
        """A connection is gone or is no stranger any more."""
        if port in self._strangers:
            self._strangers.remove(port)
        if port.key is not None and self._ports.get(port.key) is port:
            del self._ports[port.key]

    def _known(self, frame: bytes) -> TerminalKey | None:
        try:
            match msgpack.unpackb(frame, raw=False, strict_map_key=True):
                case {"node": str(node), "terminal": int(terminal), "token": str(token), **rest} if not rest:
                    pass
                case _:
                    return None
        except Exception:  # msgpack raises bare ValueError, its own tree, UnicodeDecodeError and RecursionError
            return None
        expected = self._tokens.get(node)
        if expected is None or not hmac.compare_digest(expected.encode(), token.encode()):
            return None
        return TerminalKey(node, terminal)


class _Port(asyncio.Protocol):
    """One connection to the laser port."""

    def __init__(self, relay: LaserRelay) -> None:
        self._relay = relay
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._timeout: asyncio.TimerHandle | None = None
        self._flow: Flow | None = None
        self.key: TerminalKey | None = None
        self.peer: _Port | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        no_delay(transport)
        if self._relay.admit(self):
            self._timeout = self._relay.loop.call_later(HELLO_WALL_S, self.cut)
        else:
            self.cut()

    def meet(self, peer: "_Port", line: Line) -> None:
        """Be joined with the peer's port."""
        assert self._transport is not None
        assert peer._transport is not None
        self.peer = peer
        self._flow = Flow(self._relay.loop, line, self._transport, peer._transport)
        self._transport.write(_JOINED)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= _LENGTH.size and self._transport is not None and not self._transport.is_closing():
            (length,) = _LENGTH.unpack_from(self._buffer)
            if not 0 < length <= (HELLO_BYTES_MAX if self.key is None else FRAME_BYTES_MAX):
                self._reject(f"a frame of {length} bytes")
                return
            end = _LENGTH.size + length
            if len(self._buffer) < end:
                return
            whole = bytes(self._buffer[:end])
            del self._buffer[:end]
            self._take(whole)

    def pause_writing(self) -> None:
        if self.peer is not None and self.peer._flow is not None:
            self.peer._flow.sink_full(True)

    def resume_writing(self) -> None:
        if self.peer is not None and self.peer._flow is not None:
            self.peer._flow.sink_full(False)

    def connection_lost(self, error: Exception | None) -> None:
        if self._timeout is not None:
            self._timeout.cancel()
        self._relay.forget(self)
        if self.peer is not None:
            self.peer.cut()

    def cut(self) -> None:
        """Break the connection."""
        cut(self._transport)

    def _take(self, whole: bytes) -> None:
        if self.key is None:
            if self._timeout is not None:
                self._timeout.cancel()
            self._relay.hello(self, whole[_LENGTH.size :])
        elif self._flow is None:
            self._reject("a frame before the peer was there")
        else:
            self._flow.put(whole)

    def _reject(self, what: str) -> None:
        self._relay.rejected += 1
        _LOG.warning("the laser port of %s is cut: %s", self.key, what)
        self.cut()
