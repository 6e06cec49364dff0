"""The space link of one node: a TCP relay to the broker that exists while the node has a path to the ground."""

import asyncio
import logging

from hwsim.relay import HELD_BYTES_MAX, Flow, Line, cut, no_delay
from hwsim.spoiler import Spoiler
from runtime import seeds

CONNECTIONS_MAX = 4  # at once through one node's relay: one, and a few that are going
CONNECT_WALL_S = 3.0  # for the broker to take a connection

_LOG = logging.getLogger(__name__)


class SpaceRelay:
    """The relay of one node. Without a path it closes what connects and has cut what was connected."""

    def __init__(self, loop: asyncio.AbstractEventLoop, node: str, broker: tuple[str, int]) -> None:
        self.loop = loop
        self.node = node
        self.broker = broker
        self.line: Line | None = None
        self.loss_frac = self.copy_frac = 0.0
        self.cuts = 0
        self.spoilers = 0
        self.connections: list[_Downside] = []

    def set_line(self, delay_wall_s: float, bytes_per_wall_s: float) -> None:
        """Have a path of this delay and rate; connections stay."""
        if self.line is None:
            self.line = Line(delay_wall_s, bytes_per_wall_s)
        else:
            self.line.change(delay_wall_s, bytes_per_wall_s)

    def spoil(self, loss_frac: float, copy_frac: float) -> None:
        """Lose this fraction of the QoS 0 messages and copy this one of the QoS 1 messages, both ways."""
        self.loss_frac, self.copy_frac = loss_frac, copy_frac
        for connection in self.connections:
            connection.spoil()

    def spoiler(self, way: str) -> Spoiler:
        """Return a new spoiler for one way of one connection."""
        self.spoilers += 1
        spoiler = Spoiler(seeds.stream(0, f"spoiler/{self.node}/{way}/{self.spoilers}"))
        spoiler.loss_frac, spoiler.copy_frac = self.loss_frac, self.copy_frac
        return spoiler

    def cut(self) -> None:
        """Have no path: break every connection."""
        self.line = None
        for connection in list(self.connections):
            self.cuts += 1
            connection.cut()

    def accept(self) -> asyncio.Protocol:
        """Return the protocol of one incoming connection."""
        return _Downside(self)


class _Downside(asyncio.Protocol):
    """The node's side of a connection."""

    def __init__(self, relay: SpaceRelay) -> None:
        self._relay = relay
        self._transport: asyncio.Transport | None = None
        self._upside: _Upside | None = None
        self._dial: asyncio.Task[None] | None = None
        self.flow: Flow | None = None
        # CPython before 3.11.4 starts to read after connection_made although it was told to pause: what comes before
        # the broker has answered waits here.
        self._early: list[bytes] = []
        self._spoiler = relay.spoiler("up")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        relay = self._relay
        if relay.line is None or len(relay.connections) >= CONNECTIONS_MAX:
            cut(transport)
            return
        no_delay(transport)
        transport.pause_reading()
        relay.connections.append(self)
        self._dial = relay.loop.create_task(self._connect(relay.line, transport), name=f"space-{relay.node}")

    def data_received(self, data: bytes) -> None:
        data = self._spoiler.pass_on(data)
        if not data:
            return
        if self.flow is not None:
            self.flow.put(data)
        elif sum(map(len, self._early)) < HELD_BYTES_MAX:
            self._early.append(data)
        else:
            self.cut()

    def pause_writing(self) -> None:
        if self._upside is not None:
            self._upside.flow.sink_full(True)

    def resume_writing(self) -> None:
        if self._upside is not None:
            self._upside.flow.sink_full(False)

    def connection_lost(self, error: Exception | None) -> None:
        if self in self._relay.connections:
            self._relay.connections.remove(self)
        if self._dial is not None:
            self._dial.cancel()
        if self._upside is None:
            return
        if error is None and self.flow is not None:
            self.flow.end()
        else:
            self._upside.cut()

    def spoil(self) -> None:
        """Follow the relay's fractions."""
        for spoiler in (self._spoiler, None if self._upside is None else self._upside.spoiler):
            if spoiler is not None:
                spoiler.loss_frac, spoiler.copy_frac = self._relay.loss_frac, self._relay.copy_frac

    def cut(self) -> None:
        """Break both sides."""
        if self._dial is not None:
            self._dial.cancel()
        if self._upside is not None:
            self._upside.cut()
        cut(self._transport)

    async def _connect(self, line: Line, transport: asyncio.Transport) -> None:
        relay = self._relay
        try:
            async with asyncio.timeout(CONNECT_WALL_S):
                up, upside = await relay.loop.create_connection(
                    lambda: _Upside(self, line, transport, relay.spoiler("down")), *relay.broker
                )
        except (OSError, TimeoutError) as error:
            _LOG.warning("the broker at %s does not take the link of %s: %s", relay.broker, relay.node, error)
            cut(transport)
            return
        if transport.is_closing():
            cut(up)
            return
        self._upside = upside
        self.flow = Flow(relay.loop, line, transport, up)
        for piece in self._early:
            self.flow.put(piece)
        self._early.clear()
        if not transport.is_reading():
            transport.resume_reading()


class _Upside(asyncio.Protocol):
    """The broker's side of a connection."""

    flow: Flow

    def __init__(self, downside: _Downside, line: Line, down: asyncio.Transport, spoiler: Spoiler) -> None:
        self.spoiler = spoiler
        self._downside = downside
        self._line = line
        self._down = down
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        no_delay(transport)
        self._transport = transport
        self.flow = Flow(asyncio.get_running_loop(), self._line, transport, self._down)

    def data_received(self, data: bytes) -> None:
        data = self.spoiler.pass_on(data)
        if data:
            self.flow.put(data)

    def pause_writing(self) -> None:
        if self._downside.flow is not None:
            self._downside.flow.sink_full(True)

    def resume_writing(self) -> None:
        if self._downside.flow is not None:
            self._downside.flow.sink_full(False)

    def connection_lost(self, error: Exception | None) -> None:
        if error is None:
            self.flow.end()
        else:
            cut(self._down)

    def cut(self) -> None:
        """Break this side."""
        cut(self._transport)
