"""Laser data ports in memory: what two locked terminals carry, for virtual time."""

import asyncio
import math
import random
from collections.abc import Callable
from functools import partial

from runtime.laser import FRAME_BYTES_MAX
from runtime.pipe import Path, Pipe
from runtime.timers import Timers

Terminal = tuple[str, int]  # node, index of its terminal

QUEUE_TO_PEER_MAX = 512  # frames under way from one terminal; a further one is not taken


class MemoryLaserHub:
    """Joins ports whose terminals are locked on each other."""

    def __init__(self, timers: Timers) -> None:
        self.timers = timers
        self._open: dict[Terminal, MemoryLaserPort] = {}
        self._locks: dict[Terminal, tuple[Terminal, Path]] = {}

    def port(self, node: str, terminal: int) -> "MemoryLaserPort":
        """Return a new port of a terminal, closed until it runs."""
        return MemoryLaserPort(self, (node, terminal))

    def join(self, one: Terminal, other: Terminal, delay_s: float, rate_bps: float = math.inf) -> None:
        """Say that two terminals are locked on each other, or how their lock has changed.

        Args:
            one: a terminal; an earlier lock on another is lost first.
            other: the terminal that it sees, likewise.
            delay_s: light time between them, one way, in mission seconds.
            rate_bps: what the light carries, each way.

        Raises:
            ValueError: a terminal cannot be locked on itself.
        """
        if one == other:
            raise ValueError(f"{one} cannot be locked on itself")
        if one not in self._locks or self._locks[one][0] != other:
            self.cut(one)
            self.cut(other)
        path = Path(delay_s, rate_bps)
        self._locks[one], self._locks[other] = (other, path), (one, path)
        self._meet(one)

    def cut(self, terminal: Terminal) -> None:
        """Say that a terminal has lost its lock; its peer loses it too, and frames in flight are gone."""
        held = self._locks.pop(terminal, None)
        if held is not None:
            self._locks.pop(held[0], None)
            self._sever(terminal)

    def open(self, port: "MemoryLaserPort") -> None:
        """Know a port as its terminal's, in place of an older one."""
        self._sever(port.terminal)
        self._open[port.terminal] = port
        self._meet(port.terminal)

    def close(self, port: "MemoryLaserPort") -> None:
        """Forget a port; its peer finds itself alone."""
        if self._open.get(port.terminal) is port:
            self._sever(port.terminal)
            del self._open[port.terminal]

    def _meet(self, terminal: Terminal) -> None:
        held = self._locks.get(terminal)
        if held is None or terminal not in self._open or held[0] not in self._open:
            return
        one, other, path = self._open[terminal], self._open[held[0]], held[1]
        new = one.peer is not other
        one.lay(other, path)
        other.lay(one, path)
        if new:
            self.timers.after_s(path.delay_s, partial(_joined, one, other, one.life, other.life))

    def _sever(self, terminal: Terminal) -> None:
        port = self._open.get(terminal)
        if port is not None and port.peer is not None:
            port.peer.lose()
            port.lose()


class MemoryLaserPort:
    """One terminal's port on the hub."""

    def __init__(self, hub: MemoryLaserHub, terminal: Terminal) -> None:
        self.terminal = terminal
        self.peer: MemoryLaserPort | None = None
        self.life = 0  # goes up when the connection is lost: pending steps become void
        self._hub = hub
        self._running = False
        self._connected = False
        self._pipe = Pipe(hub.timers, random.Random(0), self._arrive, len)
        self._on_frame: Callable[[bytes], None] = _nobody
        self._on_state: Callable[[bool], None] = _nobody

    @property
    def connected(self) -> bool:
        """Whether a peer's port is at the other end."""
        return self._connected

    def send(self, frame: bytes) -> bool:
        """Send one frame; False when not connected, too much is under way, or the frame is empty or too large."""
        if not self._connected or not 0 < len(frame) <= FRAME_BYTES_MAX or self._pipe.depth >= QUEUE_TO_PEER_MAX:
            return False
        self._pipe.put(frame)
        return True

    async def run(self, on_frame: Callable[[bytes], None], on_state: Callable[[bool], None]) -> None:
        """Hold the port open until cancelled."""
        if self._running:
            raise RuntimeError(f"laser port {self.terminal} runs already")
        self._running, self._on_frame, self._on_state = True, on_frame, on_state
        self._hub.open(self)
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self._running, self._on_frame, self._on_state = False, _nobody, _nobody
            self._hub.close(self)

    def lay(self, peer: "MemoryLaserPort", path: Path) -> None:
        """Point the port at its peer's."""
        self.peer = peer
        self._pipe.path = path

    def joined(self) -> None:
        """Be connected from now on."""
        self._connected = True

    def tell(self, up: bool) -> None:
        """Tell the owner."""
        self._on_state(up)

    def lose(self) -> None:
        """Lose the peer and everything under way."""
        was_connected, self._connected = self._connected, False
        self.life += 1
        self.peer = None
        self._pipe.clear()
        if was_connected:
            self._hub.timers.after_s(0.0, partial(self.tell, False))

    def _arrive(self, frame: bytes) -> None:
        if self.peer is not None:
            self.peer.receive(frame)

    def receive(self, frame: bytes) -> None:
        """Hand a frame to the owner."""
        self._on_frame(frame)


def _joined(one: MemoryLaserPort, other: MemoryLaserPort, one_life: int, other_life: int) -> None:
    if one.life != one_life or other.life != other_life:
        return
    one.joined()
    other.joined()
    one.tell(True)
    if other.connected:  # what the first did with the news may have ended it
        other.tell(True)


def _nobody(_: object) -> None:
    """Hear nothing: no run is on."""
