"""The relays on loopback: connections that are taken, late, paced, and really cut."""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator

import msgpack
import pytest

from hwsim.channel_tcp import Listen, TcpChannels
from hwsim.errors import ConfigError
from hwsim.laser_relay import FRAME_BYTES_MAX
from hwsim.network import LaserPath, SpacePath
from hwsim.relay import HELD_BYTES_MAX
from hwsim.units.laser_terminal import TerminalKey

A, B = TerminalKey("node-1", 0), TerminalKey("node-2", 1)
TOKENS = {"node-1": "one", "node-2": "two"}
FAST = SpacePath(delay_s=0.0, rate_bps=1e12, hops=(), station="fucino")
WAIT_S = 3.0


class Broker:
    """A server that echoes what it is sent, and knows who is there."""

    def __init__(self) -> None:
        self.taken = 0
        self.ended: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.taken += 1
        try:
            while piece := await reader.read(65_536):
                writer.write(piece)
                await writer.drain()
            self.ended.append("closed")
        except OSError:
            self.ended.append("reset")
        finally:
            writer.close()


@contextlib.asynccontextmanager
async def _channels(rate: float = 1.0) -> AsyncIterator[tuple[TcpChannels, Broker]]:
    broker = Broker()
    server = await asyncio.start_server(broker.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    channels = TcpChannels(Listen("127.0.0.1", {"node-1": 0}, 0), ("127.0.0.1", port), TOKENS, rate)
    await channels.start()
    try:
        async with asyncio.timeout(10 * WAIT_S):
            yield channels, broker
    finally:
        await channels.stop()
        server.close()


async def _connect(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", port)


async def _is_cut(reader: asyncio.StreamReader) -> bool:
    """Whether the connection ends now; what comes before its end is read."""
    async with asyncio.timeout(WAIT_S):
        with contextlib.suppress(ConnectionResetError):
            while await reader.read(65_536):
                pass
    return True


async def _until(condition: object) -> None:
    async with asyncio.timeout(WAIT_S):
        while not condition():  # type: ignore[operator]
            await asyncio.sleep(0.005)


@pytest.mark.req("HWS-008")
async def test_without_a_path_a_connection_is_closed_at_once() -> None:
    async with _channels() as (channels, broker):
        reader, writer = await _connect(channels.space_port("node-1"))

        assert await _is_cut(reader)
        assert broker.taken == 0
        writer.close()


@pytest.mark.req("HWS-008")
async def test_with_a_path_bytes_pass_both_ways_and_a_lost_path_resets_both_ends() -> None:
    async with _channels() as (channels, broker):
        channels.set_space("node-1", FAST)
        reader, writer = await _connect(channels.space_port("node-1"))
        writer.write(b"hello" * 1_000)
        assert await reader.readexactly(5_000) == b"hello" * 1_000

        channels.set_space("node-1", None)

        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(reader.read(1), WAIT_S)
        await _until(lambda: broker.ended)
        assert broker.ended == ["reset"]


async def test_an_orderly_end_reaches_the_broker_after_the_last_bytes() -> None:
    async with _channels() as (channels, broker):
        channels.set_space("node-1", SpacePath(0.03, 1e12, (), "fucino"))
        _, writer = await _connect(channels.space_port("node-1"))
        writer.write(b"last words")
        await writer.drain()
        writer.close()

        await _until(lambda: broker.ended)
        assert broker.ended == ["closed"]


async def test_a_new_path_keeps_the_connection() -> None:
    async with _channels() as (channels, broker):
        channels.set_space("node-1", FAST)
        reader, writer = await _connect(channels.space_port("node-1"))
        writer.write(b"a")
        assert await reader.readexactly(1) == b"a"

        channels.set_space("node-1", SpacePath(0.01, 1e9, ("node-2",), "gough"))
        writer.write(b"b")

        assert await reader.readexactly(1) == b"b"
        assert broker.taken == 1
        writer.close()


@pytest.mark.slow
async def test_delay_is_mission_time_over_the_rate() -> None:
    loop = asyncio.get_running_loop()
    async with _channels(rate=10.0) as (channels, _):
        channels.set_space("node-1", SpacePath(1.5, 1e12, (), "fucino"))
        reader, writer = await _connect(channels.space_port("node-1"))
        begin = loop.time()
        writer.write(b"ping")

        assert await reader.readexactly(4) == b"ping"

        assert 0.29 <= loop.time() - begin < 1.0
        writer.close()


@pytest.mark.slow
async def test_a_slow_line_paces_and_keeps_the_order() -> None:
    """100 kB at 4 Mbit/s each way: 0.2 s at least."""
    loop = asyncio.get_running_loop()
    sent = bytes(range(256)) * 400
    async with _channels() as (channels, _):
        channels.set_space("node-1", SpacePath(0.0, 4e6, (), "fucino"))
        reader, writer = await _connect(channels.space_port("node-1"))
        begin = loop.time()
        writer.write(sent)

        assert await reader.readexactly(len(sent)) == sent

        assert 0.2 <= loop.time() - begin < 2.0
        writer.close()


async def test_a_sender_is_made_to_wait_when_too_much_is_under_way() -> None:
    async with _channels() as (channels, _):
        channels.set_space("node-1", SpacePath(30.0, 1e12, (), "fucino"))
        _, writer = await _connect(channels.space_port("node-1"))
        connection = channels._spaces["node-1"].connections

        for _ in range(400):
            writer.write(b"x" * 65_536)
            await asyncio.sleep(0)
        await asyncio.sleep(0.05)

        flow = connection[0].flow
        assert flow is not None
        assert flow._held < 3 * HELD_BYTES_MAX
        assert writer.transport.get_write_buffer_size() > 10_000_000
        writer.transport.abort()


async def test_a_taken_port_is_a_clear_line() -> None:
    async with _channels() as (channels, _):
        port = channels.space_port("node-1")
        second = TcpChannels(Listen("127.0.0.1", {"node-1": port}, 0), ("127.0.0.1", 1), TOKENS, 1.0)

        with pytest.raises(ConfigError, match=f"space_ports.node-1: 127.0.0.1:{port} cannot be had"):
            await second.start()
        await second.stop()


def _frame(body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + body


def _hello(node: str, terminal: int, token: str) -> bytes:
    return _frame(msgpack.packb({"node": node, "terminal": terminal, "token": token}))


async def _port(channels: TcpChannels, hello: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await _connect(channels.laser_port)
    writer.write(hello)
    return reader, writer


@pytest.mark.req("HWS-006")
async def test_locked_terminals_are_joined_and_whole_frames_pass_until_the_lock_is_lost() -> None:
    async with _channels() as (channels, _):
        channels.set_laser(A, B, LaserPath(0.004, 4e11))
        one, to_one = await _port(channels, _hello("node-1", 0, "one"))
        two, to_two = await _port(channels, _hello("node-2", 1, "two"))

        assert await one.readexactly(4) == b"\0\0\0\0"
        assert await two.readexactly(4) == b"\0\0\0\0"
        big = _frame(b"z" * FRAME_BYTES_MAX)
        to_one.write(big[:100])
        to_two.write(_frame(b"yes"))
        assert await one.readexactly(7) == _frame(b"yes")
        to_one.write(big[100:])
        assert await two.readexactly(len(big)) == big

        channels.set_laser(A, B, None)
        assert await _is_cut(one)
        assert await _is_cut(two)


@pytest.mark.parametrize(
    "hello",
    [
        _hello("node-1", 0, "two"),
        _hello("node-9", 0, "one"),
        _hello("node-1", 1, "one"),
        _frame(b"\xc1\xc1"),
        _frame(msgpack.packb({"node": "node-1"})),
        _frame(msgpack.packb([1, 2, 3])),
        struct.pack(">I", 0),
        struct.pack(">I", 2**31),
        struct.pack(">I", 2_000),
    ],
)
async def test_who_is_not_known_or_not_locked_is_cut_at_once(hello: bytes) -> None:
    async with _channels() as (channels, _):
        channels.set_laser(A, B, LaserPath(0.004, 4e11))
        reader, writer = await _port(channels, hello)

        assert await _is_cut(reader)
        writer.close()


@pytest.mark.slow
@pytest.mark.req("HWS-021")
async def test_a_fade_holds_what_is_sent_and_nobody_is_cut() -> None:
    async with _channels() as (channels, _):
        channels.set_laser(A, B, LaserPath(0.0, 4e11))
        one, to_one = await _port(channels, _hello("node-1", 0, "one"))
        two, _to_two = await _port(channels, _hello("node-2", 1, "two"))
        assert await one.readexactly(4) == await two.readexactly(4) == b"\0\0\0\0"

        channels.set_laser(A, B, LaserPath(0.0, 0.0))
        to_one.write(_frame(b"first") + _frame(b"second"))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(two.readexactly(1), 0.2)
        channels.set_laser(A, B, LaserPath(0.0, 4e11))

        assert await two.readexactly(9 + 10) == _frame(b"first") + _frame(b"second")


@pytest.mark.req("HWS-020")
async def test_a_laser_at_a_low_rate_paces_what_is_sent() -> None:
    """Ten frames of 1,000 bytes at 0.8 Mbit/s: 0.1 s at least."""
    loop = asyncio.get_running_loop()
    async with _channels() as (channels, _):
        channels.set_laser(A, B, LaserPath(0.0, 8e5))
        one, to_one = await _port(channels, _hello("node-1", 0, "one"))
        two, _to_two = await _port(channels, _hello("node-2", 1, "two"))
        assert await one.readexactly(4) == await two.readexactly(4) == b"\0\0\0\0"
        begin = loop.time()
        to_one.write(_frame(b"x" * 996) * 10)

        await two.readexactly(10_000)

        assert 0.1 <= loop.time() - begin < 2.0


async def test_a_frame_too_large_or_too_early_is_cut() -> None:
    async with _channels() as (channels, _):
        channels.set_laser(A, B, LaserPath(0.0, 4e11))
        early, _to_early = await _port(channels, _hello("node-1", 0, "one") + _frame(b"too early"))
        assert await _is_cut(early)

        one, to_one = await _port(channels, _hello("node-1", 0, "one"))
        two, _to_two = await _port(channels, _hello("node-2", 1, "two"))
        assert await two.readexactly(4) == b"\0\0\0\0"
        to_one.write(struct.pack(">I", FRAME_BYTES_MAX + 1))
        assert await _is_cut(two)
        assert await _is_cut(one)


async def test_a_new_connection_of_a_terminal_replaces_the_old() -> None:
    async with _channels() as (channels, _):
        channels.set_laser(A, B, LaserPath(0.0, 4e11))
        old, _to_old = await _port(channels, _hello("node-1", 0, "one"))
        await _until(lambda: A in channels._lasers._ports)
        new, _to_new = await _port(channels, _hello("node-1", 0, "one"))
        assert await _is_cut(old)

        two, _to_two = await _port(channels, _hello("node-2", 1, "two"))

        assert await new.readexactly(4) == b"\0\0\0\0"
        assert await two.readexactly(4) == b"\0\0\0\0"


async def test_when_one_end_goes_the_other_is_told() -> None:
    async with _channels() as (channels, _):
        channels.set_laser(A, B, LaserPath(0.0, 4e11))
        one, to_one = await _port(channels, _hello("node-1", 0, "one"))
        two, _to_two = await _port(channels, _hello("node-2", 1, "two"))
        await one.readexactly(4)
        await two.readexactly(4)

        to_one.close()

        assert await _is_cut(two)
