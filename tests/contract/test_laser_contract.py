"""What every laser data port does, whatever carries it: the hub in memory, TCP."""

import struct

import pytest

from runtime.laser import FRAME_BYTES_MAX
from runtime.laser_tcp import TcpLaserPort
from tests.contract.laser_benches import HubBench, LaserBench, TcpBench
from tests.contract.link_benches import until

A, B, C = ("a", 0), ("b", 1), ("c", 0)

every = pytest.mark.parametrize("bench", [HubBench, pytest.param(TcpBench, marks=pytest.mark.slow)], indirect=True)


@pytest.fixture
def bench(request: pytest.FixtureRequest) -> LaserBench:
    """A sky."""
    made: LaserBench = request.param()
    return made


@every
def test_locked_terminals_pass_whole_frames_both_ways_in_order(bench: LaserBench) -> None:
    async def story() -> None:
        a, b = bench.open(A), bench.open(B)
        assert not a.port.send(b"too early")
        bench.join(A, B)
        await until(lambda: a.states == [True] == b.states, "joined")
        frames = [b"%d" % number * 100 for number in range(100)] + [bytes(FRAME_BYTES_MAX)]

        assert a.port.connected
        assert b.port.connected
        for frame in frames:
            assert a.port.send(frame)
        assert b.port.send(b"back")
        assert b.got == []
        await until(lambda: len(b.got) == len(frames) and a.got != [], "all there")

        assert b.got == frames
        assert a.got == [b"back"]

    bench.run(story)


@every
def test_an_empty_or_too_large_frame_is_not_taken(bench: LaserBench) -> None:
    async def story() -> None:
        bench.join(A, B)
        a, b = bench.open(A), bench.open(B)
        await until(lambda: a.states == [True] == b.states, "joined")

        assert not a.port.send(b"")
        assert not a.port.send(bytes(FRAME_BYTES_MAX + 1))
        assert a.port.send(b"good")
        await until(lambda: b.got == [b"good"], "there")

    bench.run(story)


@every
def test_a_lost_lock_is_told_to_both_and_a_new_one_joins_them_again(bench: LaserBench) -> None:
    async def story() -> None:
        a, b = bench.open(A), bench.open(B)
        bench.join(A, B)
        await until(lambda: a.states == [True] == b.states, "joined")

        bench.cut(B)
        await until(lambda: a.states == [True, False] == b.states, "both told")
        assert not a.port.connected
        assert not a.port.send(b"into the dark")
        bench.join(A, B)
        await until(lambda: a.states == [True, False, True] == b.states, "joined again")
        assert a.port.send(b"hello again")
        await until(lambda: b.got == [b"hello again"], "there")

    bench.run(story)


@every
def test_a_lock_without_the_peers_port_is_no_connection(bench: LaserBench) -> None:
    async def story() -> None:
        bench.join(A, B)
        a, c = bench.open(A), bench.open(C)
        other = bench.open(B)
        await until(lambda: a.states == [True] == other.states, "joined when the peer came")

        other.task.cancel()
        await until(lambda: a.states == [True, False], "alone again")
        assert other.states == [True]
        assert c.states == []
        again = bench.open(B)
        await until(lambda: a.states == [True, False, True] and again.states == [True], "joined with the new one")

    bench.run(story)


@pytest.mark.slow
def test_a_wrong_token_never_joins() -> None:
    bench = TcpBench()

    async def story() -> None:
        bench.join(A, B)
        good, bad = bench.open(A), bench.open(B, token="guess")
        await until(lambda: bench.refused_tokens >= 2, "refused, and tried again")
        assert good.states == bad.states == []

    bench.run(story)


@pytest.mark.slow
@pytest.mark.parametrize("junk", [struct.pack(">I", FRAME_BYTES_MAX + 1), struct.pack(">I", 0), b"\xff" * 9])
def test_a_stream_that_makes_no_sense_is_broken_off_and_counted(junk: bytes) -> None:
    bench = TcpBench()
    bench.junk_after_join = junk

    async def story() -> None:
        bench.join(A, B)
        a, _ = bench.open(A), bench.open(B)
        await until(lambda: a.states == [True, False], "broken off")
        assert isinstance(a.port, TcpLaserPort)
        assert a.port.rejected == 1
        assert a.got == []

    bench.run(story)
