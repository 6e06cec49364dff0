"""The broker of a contract test, in memory or real: the same words for each."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from icd.timebase import MissionTime
from runtime.embedded_broker import BrokerUser
from runtime.link import Link
from runtime.memory_broker import MemoryBroker
from runtime.mqtt_link import MqttLink
from runtime.outgoing import Outgoing
from runtime.pipe import DIRECT
from runtime.seeds import stream
from runtime.timers import LoopTimers
from runtime.virtual_loop import VirtualClock, run_virtual, virtual_loop
from tests.brokers import RunningBroker, Thread

Story = Callable[[], Coroutine[Any, Any, None]]
USERS = (
    BrokerUser("all", "secret-of-all", ("t/#", "dl/#", "ul/#"), ("t/#", "dl/#", "ul/#")),
    BrokerUser("n1", "secret-of-n1", ("dl/n1/+",), ("ul/n1/+", "t/open/#")),
    BrokerUser("ear", "secret-of-ear", (), ("dl/+/hk",)),
)


@dataclass
class Client:
    """A link that runs, and what it has heard."""

    link: Link
    task: asyncio.Task[None]
    got: list[tuple[str, bytes]] = field(default_factory=list)
    states: list[bool] = field(default_factory=list)


class Bench(Protocol):
    """A broker and a loop to meet it in."""

    def run(self, story: Story) -> None:
        """Run a test's story to its end."""
        ...

    async def client(
        self, name: str, subscriptions: Sequence[str] = (), *, user: str = "all", will: Outgoing | None = None
    ) -> Client:
        """Return a client whose run has begun."""
        ...

    def cut(self, name: str) -> None:
        """Cut a client's path."""
        ...

    def mend(self, name: str) -> None:
        """Give the path back."""
        ...


async def until(condition: Callable[[], bool], what: str = "condition") -> None:
    """Wait until something holds; 10 s at most, of whichever time the loop has."""
    try:
        async with asyncio.timeout(10.0):
            while not condition():
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"not within 10 s: {what}") from None


async def connected(*clients: Client) -> None:
    """Wait until each is connected and knows it."""
    await until(lambda: all(client.states[-1:] == [True] for client in clients), "all connected")


async def end(client: Client) -> None:
    """Cancel a client's run and see it end so."""
    client.task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await client.task
    assert client.task.cancelled()


class _Bench:
    def __init__(self) -> None:
        self._clients: list[Client] = []

    def _start(self, link: Link) -> Client:
        got: list[tuple[str, bytes]] = []
        states: list[bool] = []
        run = link.run(lambda topic, payload: got.append((topic, payload)), states.append)
        client = Client(link, asyncio.create_task(run), got, states)
        self._clients.append(client)
        return client

    async def _end_all(self) -> None:
        for client in self._clients:
            client.task.cancel()
        for client in self._clients:
            with contextlib.suppress(asyncio.CancelledError):
                await client.task
        self._clients.clear()


class MemoryBench(_Bench):
    """The broker in memory, in virtual time."""

    broker: MemoryBroker

    def run(self, story: Story) -> None:
        async def main() -> None:
            loop = virtual_loop()
            self.broker = MemoryBroker(LoopTimers(VirtualClock(loop, MissionTime(0)), loop), stream(7, "broker"))
            await story()
            await self._end_all()

        run_virtual(main())

    async def client(
        self, name: str, subscriptions: Sequence[str] = (), *, user: str = "all", will: Outgoing | None = None
    ) -> Client:
        return self._start(self.broker.link(name, subscriptions, will))

    def cut(self, name: str) -> None:
        self.broker.set_path(name, None)

    def mend(self, name: str) -> None:
        self.broker.set_path(name, DIRECT)


class RealBench(_Bench):
    """A real broker; each client reaches it through a thread of its own that can be cut."""

    def __init__(self, broker: RunningBroker) -> None:
        super().__init__()
        self.broker = broker
        self._threads: dict[str, Thread] = {}

    def run(self, story: Story) -> None:
        async def main() -> None:
            try:
                await story()
            finally:
                await self._end_all()
                for thread in self._threads.values():
                    await thread.close()

        asyncio.run(main())

    async def client(
        self, name: str, subscriptions: Sequence[str] = (), *, user: str = "all", will: Outgoing | None = None
    ) -> Client:
        thread = self._threads.get(name)
        if thread is None:
            thread = self._threads[name] = Thread(self.broker.port)
        port = await thread.open()
        return self._start(MqttLink(self.broker.settings(user, port), name, subscriptions, will))

    def cut(self, name: str) -> None:
        self._threads[name].cut()

    def mend(self, name: str) -> None:
        self._threads[name].mend()
