"""What only the broker in memory does: paths of length and rate, faults by seed, bounds."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from icd.timebase import MissionTime
from runtime.link import QUEUE_OUT_MAX
from runtime.memory_broker import MemoryBroker, MemoryLink
from runtime.outgoing import Outgoing
from runtime.pipe import LinkFaults, Path
from runtime.seeds import stream
from runtime.timers import LoopTimers
from runtime.virtual_loop import VirtualClock, run_virtual, virtual_loop

Story = Callable[[MemoryBroker], Coroutine[Any, Any, None]]


class Ear:
    """A running link and when it heard what."""

    def __init__(self, link: MemoryLink) -> None:
        self.link = link
        self.heard: list[tuple[float, bytes]] = []
        self.states: list[tuple[float, bool]] = []
        loop = asyncio.get_running_loop()
        self.task = asyncio.create_task(
            link.run(
                lambda _, payload: self.heard.append((round(loop.time(), 6), payload)),
                lambda up: self.states.append((round(loop.time(), 6), up)),
            )
        )


def play(story: Story, seed: int = 7) -> None:
    async def main() -> None:
        loop = virtual_loop()
        await story(MemoryBroker(LoopTimers(VirtualClock(loop, MissionTime(0)), loop), stream(seed, "broker")))

    run_virtual(main())


def test_a_long_slow_path_delays_by_its_length_and_by_its_rate() -> None:
    async def story(broker: MemoryBroker) -> None:
        ground, node = Ear(broker.link("ground", ["t"])), Ear(broker.link("node", []))
        broker.set_path("node", Path(0.25, 8_000.0))
        await asyncio.sleep(9.0)
        assert node.states == [(1.0, True)]  # four trips of shaking hands

        for number in range(3):  # 993 + 1 + 6 = 1,000 bytes on the wire, a second each
            node.link.publish("t", bytes([number]) * 993, qos=1)
        await asyncio.sleep(10.0)

        assert [at_s for at_s, _ in ground.heard] == [10.25, 11.25, 12.25]

    play(story)


def test_a_cut_loses_what_is_in_flight_and_only_that() -> None:
    async def story(broker: MemoryBroker) -> None:
        ground, node = Ear(broker.link("ground", ["t"])), Ear(broker.link("node", []))
        broker.set_path("node", Path(1.0, 1e9))
        await asyncio.sleep(10.0)
        node.link.publish("t", b"arrives", qos=1)
        await asyncio.sleep(1.5)
        node.link.publish("t", b"in flight", qos=1)
        await asyncio.sleep(0.5)

        broker.set_path("node", None)
        assert not node.link.publish("t", b"refused", qos=1)
        await asyncio.sleep(100.0)
        assert [up for _, up in node.states] == [True, False]
        broker.set_path("node", Path(1.0, 1e9))
        await asyncio.sleep(10.0)
        node.link.publish("t", b"after", qos=1)
        await asyncio.sleep(2.0)

        assert [payload for _, payload in ground.heard] == [b"arrives", b"after"]
        assert [up for _, up in node.states] == [True, False, True]

    play(story)


def test_a_path_that_flickers_leaves_one_connection() -> None:
    async def story(broker: MemoryBroker) -> None:
        node = Ear(broker.link("node", ["t"]))
        await asyncio.sleep(1.0)
        for _ in range(20):
            broker.set_path("node", None)
            await asyncio.sleep(0.05)
            broker.set_path("node", Path(0.01, 1e6))
            await asyncio.sleep(0.05)
        await asyncio.sleep(10.0)
        node.link.publish("t", b"once", qos=1)
        await asyncio.sleep(1.0)

        assert [up for _, up in node.states] == [True, False, True]
        assert [payload for _, payload in node.heard] == [b"once"]

    play(story)


def test_a_rate_of_nothing_holds_what_is_sent_and_keeps_the_connection() -> None:
    async def story(broker: MemoryBroker) -> None:
        ground, node = Ear(broker.link("ground", ["t"])), Ear(broker.link("node", []))
        broker.set_path("node", Path(0.25, 8_000.0))
        await asyncio.sleep(9.0)
        node.link.publish("t", b"0" * 993, qos=1)  # a second on the wire
        await asyncio.sleep(0.5)

        for rate_bps in (0.0, 8_000.0, 0.0):  # the first is under way through all of this
            broker.set_path("node", Path(0.25, rate_bps))
        node.link.publish("t", b"1" * 993, qos=1)
        await asyncio.sleep(5.0)
        assert [at_s for at_s, _ in ground.heard] == [10.25]
        broker.set_path("node", Path(0.25, 8_000.0))
        await asyncio.sleep(5.0)

        assert [at_s for at_s, _ in ground.heard] == [10.25, 15.75]
        assert [up for _, up in node.states] == [True]

    play(story)


def test_a_full_queue_refuses_qos_1_and_lets_the_oldest_qos_0_go() -> None:
    async def story(broker: MemoryBroker) -> None:
        ground, node = Ear(broker.link("ground", ["t"])), Ear(broker.link("node", []))
        broker.set_path("node", Path(0.0, 8_000.0))
        await asyncio.sleep(1.0)

        taken = [node.link.publish("t", b"%d" % number, qos=0) for number in range(QUEUE_OUT_MAX + 5)]
        assert all(taken)
        assert not node.link.publish("t", b"too much", qos=1)
        await asyncio.sleep(100.0)

        numbers = [int(payload) for _, payload in ground.heard]
        assert numbers == [0, *range(6, QUEUE_OUT_MAX + 5)]  # the head was already being sent
        assert node.link.counters.refused == 1

    play(story)


def test_faults_strike_as_drawn_and_keep_the_order() -> None:
    async def story(broker: MemoryBroker) -> None:
        ground, node = Ear(broker.link("ground", ["t"])), Ear(broker.link("node", []))
        await asyncio.sleep(1.0)
        broker.set_faults("node", LinkFaults(0.5, 0.5, 0.5, 3.0))
        for number in range(400):
            node.link.publish("t", b"%d" % number, qos=number % 2)
            await asyncio.sleep(2.0)
        await asyncio.sleep(100.0)

        numbers = [int(payload) for _, payload in ground.heard]
        evens = [number for number in numbers if number % 2 == 0]
        odds = [number for number in numbers if number % 2 == 1]
        assert numbers == sorted(numbers)
        assert 60 <= len(evens) == len(set(evens)) <= 140
        assert len(set(odds)) == 200
        assert 260 <= len(odds) <= 340
        assert broker.dropped == 200 - len(evens)

    play(story)


def test_faults_healed_leave_a_clean_direct_link() -> None:
    async def story(broker: MemoryBroker) -> None:
        ground, node = Ear(broker.link("ground", ["t"])), Ear(broker.link("node", []))
        await asyncio.sleep(1.0)
        broker.set_faults("node", LinkFaults(extra_delay_frac=1.0, extra_delay_s_max=5.0))
        node.link.publish("t", b"late", qos=1)
        broker.set_faults("node", LinkFaults())
        node.link.publish("t", b"behind it", qos=1)
        await asyncio.sleep(6.0)
        node.link.publish("t", b"at once", qos=1)
        await asyncio.sleep(0.0)
        await asyncio.sleep(0.0)

        assert [payload for _, payload in ground.heard] == [b"late", b"behind it", b"at once"]
        assert ground.heard[-1][0] == 7.0

    play(story)


def test_a_restart_breaks_all_says_wills_and_keeps_what_is_retained() -> None:
    async def story(broker: MemoryBroker) -> None:
        ears = [Ear(broker.link(name, ["t/#"], Outgoing(f"t/{name}", b"gone"))) for name in ("a", "b")]
        await asyncio.sleep(1.0)
        ears[0].link.publish("t/kept", b"kept", retain=True)
        await asyncio.sleep(1.0)

        broker.restart()
        await asyncio.sleep(5.0)

        for ear in ears:
            assert [up for _, up in ear.states] == [True, False, True]
            assert [payload for _, payload in ear.heard].count(b"kept") == 2

    play(story)


def test_a_receiver_that_raises_ends_the_run_and_loses_nothing_for_others() -> None:
    heard: list[bytes] = []

    def receive(_: str, payload: bytes) -> None:
        heard.append(payload)
        if payload == b"bad":
            raise ArithmeticError("a bug")

    async def story(broker: MemoryBroker) -> None:
        link = broker.link("a", ["t"])
        task = asyncio.create_task(link.run(receive, lambda _: None))
        await asyncio.sleep(1.0)
        for payload in (b"bad", b"good"):
            link.publish("t", payload)
        with contextlib.suppress(asyncio.CancelledError):
            await task

    with pytest.raises(ArithmeticError):
        play(story)
    assert heard == [b"bad"]


def test_a_link_that_runs_cannot_run_twice() -> None:
    async def story(broker: MemoryBroker) -> None:
        link = broker.link("a", [])
        task = asyncio.create_task(link.run(lambda *_: None, lambda _: None))
        await asyncio.sleep(1.0)
        with pytest.raises(RuntimeError, match="runs already"):
            await link.run(lambda *_: None, lambda _: None)
        task.cancel()

    play(story)


def test_a_stopped_broker_breaks_every_connection_and_takes_none_until_it_is_back() -> None:
    async def story(broker: MemoryBroker) -> None:
        ground, node = Ear(broker.link("ground", ["t"])), Ear(broker.link("node", []))
        await asyncio.sleep(5.0)
        node.link.publish("t", b"kept", qos=1, retain=True)
        await asyncio.sleep(5.0)

        broker.set_stopped(True)
        broker.set_stopped(True)
        await asyncio.sleep(50.0)
        assert not ground.link.connected
        assert not node.link.publish("t", b"into the void", qos=1)
        broker.set_path("node", None)
        broker.set_stopped(False)
        await asyncio.sleep(50.0)

        assert [up for _, up in ground.states] == [True, False, True]
        assert [payload for _, payload in ground.heard] == [b"kept", b"kept"]
        assert not node.link.connected
        broker.set_path("node", Path(0.0, 1e9))
        await asyncio.sleep(5.0)
        assert node.link.connected

    play(story)


def test_a_paused_broker_holds_what_comes_and_lets_nobody_in() -> None:
    async def story(broker: MemoryBroker) -> None:
        ground, node = Ear(broker.link("ground", ["t"])), Ear(broker.link("node", []))
        await asyncio.sleep(5.0)

        broker.set_paused(True)
        assert node.link.publish("t", b"held", qos=1)
        late = Ear(broker.link("late", ["t"]))
        await asyncio.sleep(50.0)
        assert (ground.heard, late.states) == ([], [])
        broker.set_paused(False)
        await asyncio.sleep(5.0)

        assert [payload for _, payload in ground.heard] == [b"held"]
        assert [up for _, up in late.states] == [True]
        assert [up for _, up in node.states] == [True]

    play(story)
