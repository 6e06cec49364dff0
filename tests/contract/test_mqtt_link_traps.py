"""A link against servers that misbehave: it notices at once, tries again, and leaves nothing behind."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

import pytest

from runtime.link import QUEUE_OUT_MAX
from runtime.mqtt_link import BrokerSettings, MqttLink
from tests.contract.link_benches import until

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
CONNACK = b"\x20\x02\x00\x00"

pytestmark = pytest.mark.slow


class Caller:
    """A running link against a server of the test's own."""

    def __init__(self, serve: Serve, subscriptions: tuple[str, ...] = ()) -> None:
        self.calls = 0
        self.ended = 0
        self.states: list[bool] = []
        self._serve = serve
        self._subscriptions = subscriptions

    async def __aenter__(self) -> "Caller":
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.link = MqttLink(BrokerSettings("127.0.0.1", port, "u", "p"), "caller", self._subscriptions)
        self.task = asyncio.create_task(self.link.run(lambda *_: None, self.states.append))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        self._server.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.calls += 1
        await self._serve(reader, writer)
        while await reader.read(1000):
            pass
        self.ended += 1
        writer.close()


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(200)
    writer.close()


async def stay_mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(200)


async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(200)
    writer.write(CONNACK)


async def swallow_one_and_hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await accept(reader, writer)
    await reader.read(200)
    writer.close()


async def accept_and_hang_up_soon(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await accept(reader, writer)
    asyncio.get_running_loop().call_later(0.02, writer.close)


async def accept_and_hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await accept(reader, writer)
    await writer.drain()
    writer.close()


async def test_a_server_that_hangs_up_in_mid_handshake_costs_no_timeout() -> None:
    async with Caller(hang_up) as caller:
        began = time.monotonic()
        await until(lambda: caller.calls >= 3, "three attempts")
        assert time.monotonic() - began < 3.0
        assert caller.states == []


async def test_a_server_that_hangs_up_before_the_suback_costs_no_timeout() -> None:
    async with Caller(swallow_one_and_hang_up, ("t",)) as caller:
        began = time.monotonic()
        await until(lambda: caller.calls >= 3, "three attempts")
        assert time.monotonic() - began < 3.0
        assert caller.states == []


async def test_a_server_that_hangs_up_after_its_connack_is_not_taken_for_connected() -> None:
    async with Caller(accept_and_hang_up) as caller:
        await until(lambda: caller.calls >= 3, "three attempts")
        assert not caller.link.connected


async def test_a_handshake_given_up_is_hung_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.mqtt_link.ANSWER_WALL_S", 0.2)
    async with Caller(stay_mute) as caller:
        await until(lambda: caller.calls >= 2, "two attempts")
        assert caller.ended >= 1


async def test_a_link_lost_in_mid_publish_is_noticed_at_once() -> None:
    async with Caller(swallow_one_and_hang_up) as caller:
        await until(lambda: caller.states == [True], "up")
        began = time.monotonic()
        assert caller.link.publish("t", b"lost", qos=1)
        await until(lambda: caller.states[:2] == [True, False], "down")
        assert time.monotonic() - began < 1.0


async def test_the_queue_is_bounded_and_qos_1_is_refused_when_it_is_full() -> None:
    async with Caller(accept) as caller:
        await until(lambda: caller.states == [True], "up")

        taken = [caller.link.publish("t", b"", qos=1) for _ in range(QUEUE_OUT_MAX + 3)]

        assert taken == [True] * QUEUE_OUT_MAX + [False] * 3
        assert caller.link.counters.refused == 3


async def test_a_cancelled_handshake_leaves_no_connection_behind() -> None:
    async with Caller(stay_mute) as caller:
        await until(lambda: caller.calls == 1, "connecting")

        caller.task.cancel()
        began = time.monotonic()
        await asyncio.gather(caller.task, return_exceptions=True)

        assert caller.task.cancelled()
        assert time.monotonic() - began < 4.0
        await until(lambda: caller.ended == 1, "the server sees it go")


async def test_many_lost_connections_leave_nothing_in_the_loop() -> None:
    loop = asyncio.get_running_loop()
    before = len(loop._selector.get_map())  # type: ignore[attr-defined]

    async with Caller(accept_and_hang_up_soon) as caller:
        await until(lambda: caller.link.counters.connects >= 5, "five times up")
        assert caller.states[:5] == [True, False, True, False, True]
    await asyncio.sleep(0.05)

    assert len(loop._selector.get_map()) <= before  # type: ignore[attr-defined]
    assert [task for task in asyncio.all_tasks() if "misc" in repr(task.get_coro())] == []


async def test_an_error_of_a_callback_ends_the_run_and_is_not_swallowed(caplog: pytest.LogCaptureFixture) -> None:
    def explode(_: bool) -> None:
        raise ArithmeticError("a bug")

    async with Caller(accept) as caller:
        await until(lambda: caller.states == [True], "up")
        port = caller._server.sockets[0].getsockname()[1]
        link = MqttLink(BrokerSettings("127.0.0.1", port, "u", "p"), "other", ())
        with caplog.at_level(logging.ERROR), pytest.raises(ArithmeticError):
            await link.run(lambda *_: None, explode)
        assert not link.connected
