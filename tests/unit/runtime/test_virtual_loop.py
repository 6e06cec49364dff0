"""The virtual loop: jumps, order, refusals, deadlock, and the same history twice."""

import asyncio
import os
import random
import subprocess
import sys

import pytest

from icd.timebase import MissionTime, after
from runtime.timers import LoopTimers
from runtime.virtual_loop import (
    REFUSED,
    DeadlockError,
    RefusedInVirtualTimeError,
    VirtualClock,
    VirtualLoopError,
    run_virtual,
    virtual_loop,
)

EPOCH = MissionTime(1_800_000_000_000_000_000)
DAY_S = 86_400.0


def test_time_starts_at_zero_and_jumps_to_each_deadline() -> None:
    async def main() -> list[float]:
        loop = asyncio.get_running_loop()
        seen = [loop.time()]
        for delay_s in (0.1, 3_600.0, 30 * DAY_S):
            await asyncio.sleep(delay_s)
            seen.append(loop.time())
        return seen

    assert run_virtual(main()) == [0.0, 0.1, 3_600.1, 2_595_600.1]


def test_timers_of_one_instant_fire_in_the_order_of_setting() -> None:
    async def main() -> list[int]:
        loop, fired = asyncio.get_running_loop(), list[int]()
        for number in range(100):
            # Sums that differ in their last float bits meet on one nanosecond.
            loop.call_at(0.3 if number % 2 else 0.1 + 0.2, fired.append, number)
        await asyncio.sleep(1.0)
        return fired

    assert run_virtual(main()) == list(range(100))


def test_a_seed_draws_the_order_of_one_instant_and_of_nothing_else() -> None:
    async def main() -> list[int]:
        loop, fired = asyncio.get_running_loop(), list[int]()
        for number in range(20):
            loop.call_later(1.0, fired.append, number)
            loop.call_later(2.0 + number, fired.append, 100 + number)
        await asyncio.sleep(50.0)
        return fired

    first, again, other = run_virtual(main(), 1), run_virtual(main(), 1), run_virtual(main(), 2)

    assert first == again != other
    assert sorted(first[:20]) == list(range(20))
    assert first[20:] == other[20:] == list(range(100, 120))


def test_a_mission_timer_fires_at_its_instant_or_within_a_microsecond_after() -> None:
    async def main() -> int:
        loop, rng, late_ns = virtual_loop(), random.Random(7), list[int]()
        clock = VirtualClock(loop, EPOCH)
        timers = LoopTimers(clock, loop)
        await asyncio.sleep(0.123456789)
        for _ in range(2_000):
            when = after(clock.now(), rng.uniform(0.0, 30 * DAY_S))
            timers.at(when, lambda when=when: late_ns.append(clock.now() - when))  # type: ignore[misc]
        await asyncio.sleep(31 * DAY_S)
        assert len(late_ns) == 2_000
        assert min(late_ns) >= 0
        return max(late_ns)

    assert run_virtual(main()) <= 1_000


def test_a_million_small_steps_do_not_drift() -> None:
    async def main() -> int:
        loop, clock, left = virtual_loop(), VirtualClock(virtual_loop(), EPOCH), 100_000
        done = loop.create_future()

        def tick() -> None:
            nonlocal left
            left -= 1
            if left:
                loop.call_later(0.1, tick)
            else:
                done.set_result(None)

        loop.call_later(0.1, tick)
        await done
        return clock.now() - EPOCH

    assert run_virtual(main()) == 10_000 * 1_000_000_000


def test_waiting_for_nothing_is_a_deadlock_that_names_who_waits() -> None:
    async def main() -> None:
        await asyncio.sleep(5.0)
        await asyncio.get_running_loop().create_task(asyncio.Event().wait(), name="the waiter")

    with pytest.raises(DeadlockError, match=r"t=5\.000 s.*the waiter"):
        run_virtual(main())


@pytest.mark.parametrize("name", REFUSED)
def test_threads_sockets_and_processes_are_refused(name: str) -> None:
    async def main() -> None:
        getattr(asyncio.get_running_loop(), name)()

    with pytest.raises(RefusedInVirtualTimeError, match=name):
        run_virtual(main())


def test_the_stdlibs_ways_to_threads_and_sockets_are_refused_too() -> None:
    async def main() -> None:
        for attempt in (asyncio.to_thread(len, ""), asyncio.open_connection("127.0.0.1", 1)):
            with pytest.raises(RefusedInVirtualTimeError):
                await attempt

    run_virtual(main())


def test_left_tasks_are_cancelled_oldest_first() -> None:
    ended: list[int] = []

    async def wait(number: int) -> None:
        try:
            await asyncio.sleep(1e6)
        finally:
            ended.append(number)

    async def main() -> None:
        kept = [asyncio.create_task(wait(number)) for number in range(50)]
        await asyncio.sleep(1.0)
        assert len(kept) == 50

    run_virtual(main())

    assert ended == list(range(50))


def test_an_error_in_a_callback_ends_the_run() -> None:
    async def main() -> None:
        asyncio.get_running_loop().call_later(3.0, lambda: [][1])
        await asyncio.sleep(10.0)
        raise AssertionError("not reached")

    with pytest.raises(IndexError):
        run_virtual(main())


def test_cancelled_timers_neither_fire_nor_pile_up() -> None:
    async def main() -> int:
        loop, fired = virtual_loop(), list[int]()
        for number in range(10_000):
            loop.call_later(1e6 + number, fired.append, number).cancel()
        kept = loop.call_later(2.0, fired.append, -1)
        assert len(loop._timers) < 1_000
        await asyncio.sleep(3.0)
        kept.cancel()
        assert fired == [-1]
        return len(loop._timers)

    assert run_virtual(main()) < 1_000


def test_timeouts_and_queues_work_in_virtual_time() -> None:
    async def main() -> float:
        queue: asyncio.Queue[int] = asyncio.Queue()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(60.0):
                await queue.get()
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == 60.0


async def test_another_loop_is_named_as_such() -> None:
    with pytest.raises(VirtualLoopError, match="run_virtual"):
        virtual_loop()


HISTORY = """
import asyncio, hashlib
from icd.timebase import MissionTime
from runtime.memory_broker import MemoryBroker
from runtime.pipe import LinkFaults, Path
from runtime.seeds import stream
from runtime.timers import LoopTimers
from runtime.virtual_loop import VirtualClock, run_virtual, virtual_loop

async def main():
    loop, history = virtual_loop(), hashlib.sha256()
    clock = VirtualClock(loop, MissionTime(0))
    timers, rng = LoopTimers(clock, loop), stream(7, "test")
    broker = MemoryBroker(timers, rng)
    links = {name: broker.link(name, ["t/+"]) for name in ("a", "b", "c")}
    tasks = []
    for name, link in links.items():
        note = lambda *what, name=name: history.update(repr((name, clock.now(), what)).encode())
        tasks.append(asyncio.create_task(link.run(note, note)))
        broker.set_faults(name, LinkFaults(0.1, 0.1, 0.1, 2.0))
        broker.set_path(name, Path(0.02, 1e5))
    for number in range(500):
        await asyncio.sleep(rng.expovariate(2.0))
        name = rng.choice(sorted(links))
        links[name].publish(f"t/{name}", b"%d" % number, qos=number % 2)
        if number % 50 == 0:
            broker.set_path(name, None)
            timers.after_s(9.0, lambda name=name: broker.set_path(name, Path(0.02, 1e5)))
    return history.hexdigest()

print(run_virtual(main(), 7))
"""


@pytest.mark.slow
def test_one_seed_gives_one_history_whatever_the_hash_seed() -> None:
    histories = []
    for hash_seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.getcwd()}
        result = subprocess.run(
            [sys.executable, "-c", HISTORY], env=environment, capture_output=True, text=True, check=True
        )
        histories.append(result.stdout)

    assert histories[0] == histories[1]
    assert len(histories[0].strip()) == 64
