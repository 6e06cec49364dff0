"""The light between two terminals, in memory or over TCP: the same words for each."""

import asyncio
import contextlib
import struct
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgpack

from icd.timebase import MissionTime
from runtime.laser import LaserPort
from runtime.laser_hub import MemoryLaserHub
from runtime.laser_tcp import TcpLaserPort
from runtime.timers import LoopTimers
from runtime.virtual_loop import VirtualClock, run_virtual, virtual_loop

Story = Callable[[], Coroutine[Any, Any, None]]
Terminal = tuple[str, int]
TOKEN = "token"


@dataclass
class End:
    """A port that runs, and what it has heard."""

    port: LaserPort
    task: asyncio.Task[None]
    got: list[bytes] = field(default_factory=list)
    states: list[bool] = field(default_factory=list)


class LaserBench(Protocol):
    """Two terminals in a sky that the test owns."""

    def run(self, story: Story) -> None:
        """Run a test's story to its end."""
        ...

    def open(self, terminal: Terminal) -> End:
        """Return a terminal's port, running."""
        ...

    def join(self, one: Terminal, other: Terminal) -> None:
        """Lock two terminals on each other."""
        ...

    def cut(self, terminal: Terminal) -> None:
        """Lose a terminal's lock."""
        ...


class _Bench:
    def __init__(self) -> None:
        self._ends: list[End] = []

    def _start(self, port: LaserPort) -> End:
        got: list[bytes] = []
        states: list[bool] = []
        end = End(port, asyncio.create_task(port.run(got.append, states.append)), got, states)
        self._ends.append(end)
        return end

    async def _end_all(self) -> None:
        for end in self._ends:
            end.task.cancel()
        await asyncio.gather(*(end.task for end in self._ends), return_exceptions=True)


class HubBench(_Bench):
    """The hub in memory, in virtual time, with a light time of 5 ms."""

    hub: MemoryLaserHub

    def run(self, story: Story) -> None:
        async def main() -> None:
            loop = virtual_loop()
            self.hub = MemoryLaserHub(LoopTimers(VirtualClock(loop, MissionTime(0)), loop))
            await story()
            await self._end_all()

        run_virtual(main())

    def open(self, terminal: Terminal) -> End:
        return self._start(self.hub.port(*terminal))

    def join(self, one: Terminal, other: Terminal) -> None:
        self.hub.join(one, other, 0.005)

    def cut(self, terminal: Terminal) -> None:
        self.hub.cut(terminal)


class TcpBench(_Bench):
    """Real sockets, and a small relay as the simulator's is described."""

    def __init__(self) -> None:
        super().__init__()
        self.port = 0
        self.refused_tokens = 0
        self.junk_after_join = b""
        self._locks: dict[Terminal, Terminal] = {}
        self._held: dict[Terminal, tuple[asyncio.StreamReader, asyncio.StreamWriter]] = {}  # alone so far
        self._writers: dict[Terminal, asyncio.StreamWriter] = {}

    def run(self, story: Story) -> None:
        async def main() -> None:
            server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
            self.port = server.sockets[0].getsockname()[1]
            try:
                await story()
            finally:
                await self._end_all()
                for terminal in list(self._locks):
                    self.cut(terminal)
                server.close()

        asyncio.run(main())

    def open(self, terminal: Terminal, token: str = TOKEN) -> End:
        return self._start(TcpLaserPort("127.0.0.1", self.port, *terminal, token))

    def join(self, one: Terminal, other: Terminal) -> None:
        self._locks[one], self._locks[other] = other, one

    def cut(self, terminal: Terminal) -> None:
        other = self._locks.pop(terminal, None)
        for end in (terminal, other):
            if end is not None:
                self._locks.pop(end, None)
                self._held.pop(end, None)
                writer = self._writers.pop(end, None)
                if writer is not None:
                    writer.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hello = msgpack.unpackb(await _frame(reader))
        terminal = (hello["node"], hello["terminal"])
        if hello["token"] != TOKEN:
            self.refused_tokens += 1
        peer = self._locks.get(terminal)
        if peer is None or hello["token"] != TOKEN:
            writer.close()
            return
        self._writers[terminal] = writer
        if peer not in self._held:
            self._held[terminal] = (reader, writer)
            return
        far_reader, far_writer = self._held.pop(peer)
        for end in (writer, far_writer):
            end.write(struct.pack(">I", 0) + self.junk_after_join)
        relays = (self._relay(reader, far_writer), self._relay(far_reader, writer))
        await asyncio.gather(*relays)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            while True:
                frame = await _frame(reader)
                writer.write(struct.pack(">I", len(frame)) + frame)
        writer.close()


async def _frame(reader: asyncio.StreamReader) -> bytes:
    (length,) = struct.unpack(">I", await reader.readexactly(4))
    return await reader.readexactly(length)
