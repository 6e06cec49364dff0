"""The simulator hosted in virtual time, over the broker in memory."""

import asyncio
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hwsim.build import SUBSCRIPTIONS, Host, HwSim, authority_of
from icd import codec, hw, topics
from icd.hw import DeviceCommand, DeviceFrame
from icd.timebase import MissionTime, seconds_between
from runtime import seeds
from runtime.memory_broker import MemoryBroker
from runtime.timers import LoopTimers
from runtime.virtual_loop import VirtualClock, run_virtual, virtual_loop
from tests.unit.hwsim.bench import EPOCH, NODES, RecordingChannels, config

ROOT = Path(__file__).parents[3]


async def _fly(seed: int, hours: float) -> str:
    """Fly with four listeners that point, allocate and serve; return the hash of all frames they heard."""
    loop = virtual_loop()
    clock = VirtualClock(loop, EPOCH)
    timers = LoopTimers(clock, loop)
    broker = MemoryBroker(timers, seeds.stream(seed, "broker"))
    link = broker.link("hwsim", SUBSCRIPTIONS)
    settings = config(seed=seed)
    host = Host(clock, timers, link, RecordingChannels())
    sim = HwSim(settings, host, authority_of(settings, None, 0), None, lambda node: None)
    heard = hashlib.sha256()
    tasks = [loop.create_task(link.run(sim.on_message, sim.on_state))]
    for node in NODES:
        ear = broker.link(node, (topics.avionics(node, "frame"),))

        def hear(topic: str, payload: bytes) -> None:
            heard.update(topic.encode() + payload)

        tasks.append(loop.create_task(ear.run(hear, lambda up: None)))
        tasks.append(loop.create_task(_operate(node, ear)))
    sim.start()
    await asyncio.sleep(hours * 3600.0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    sim.stop()
    assert sim.counters.rejected == 0
    return heard.hexdigest()


async def _operate(node: str, link: object) -> None:
    me, count = NODES.index(node), 0
    while True:
        await asyncio.sleep(50.0)
        count += 1
        orders: list[hw.DeviceOrder] = [hw.WatchdogServe()]
        orders.append(hw.ComputeAllocate(job_id=f"j{count % 5}", power_w=700.0 + 100.0 * (count % 3)))
        if count % 8 == 0:
            peer = NODES[(me + 1 + count // 40) % 4]
            if peer != node:
                orders.append(hw.TerminalPoint(terminal=0, peer=peer, peer_terminal=0))
        for number, order in enumerate(orders):
            command = DeviceCommand(node=node, request_id=f"{count}-{number}", order=order)
            link.publish(topics.avionics(node, "cmd"), codec.encode(command), qos=1)  # type: ignore[attr-defined]


@pytest.mark.req("HWS-011")
@pytest.mark.slow
def test_one_seed_gives_one_history_whatever_the_hash_seed() -> None:
    program = (
        "from runtime.virtual_loop import run_virtual; from tests.unit.hwsim.test_virtual import _fly;"
        "print(run_virtual(_fly(7, 3.0)))"
    )
    found = [
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env=os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    ]

    assert found[0] == found[1]
    assert len(found[0].strip()) == 64


def test_frames_are_stamped_with_the_instant_they_leave() -> None:
    late: list[float] = []

    async def fly() -> None:
        loop = virtual_loop()
        clock = VirtualClock(loop, EPOCH)
        timers = LoopTimers(clock, loop)
        broker = MemoryBroker(timers, seeds.stream(1, "broker"))
        link, ear = broker.link("hwsim", SUBSCRIPTIONS), broker.link("bench", ("av/+/frame",))

        def hear(topic: str, payload: bytes) -> None:
            frame = codec.decode(payload, DeviceFrame)
            late.append(seconds_between(MissionTime(frame.at), clock.now()))

        settings = config()
        host = Host(clock, timers, link, RecordingChannels())
        sim = HwSim(settings, host, authority_of(settings, None, 0), None, lambda node: None)
        tasks = [
            loop.create_task(link.run(sim.on_message, sim.on_state)),
            loop.create_task(ear.run(hear, lambda up: None)),
        ]
        await asyncio.sleep(1.0)
        sim.start()
        await asyncio.sleep(600.0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    run_virtual(fly())

    assert len(late) > 80
    assert max(late) < 0.02
    assert min(late) >= -1e-6
