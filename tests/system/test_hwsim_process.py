"""The simulator as a process: ready, heard over a real broker, killed, back with the same world, stopped in order."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from icd import codec, hw, topics
from icd.hw import DeviceCommand, DeviceFrame, EpsReading
from icd.timebase import TimeAuthority
from runtime.embedded_broker import BrokerUser
from runtime.mqtt_link import MqttLink
from tests.brokers import RunningBroker
from tests.unit.hwsim.bench import NODES, config

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
USERS = (
    BrokerUser("hwsim", "hwsim-password", ("av/+/frame", "sim/time", "sim/faults"), ("av/+/cmd", "sim/fault")),
    BrokerUser("bench", "bench-password", ("sim/fault", "av/+/cmd"), ("sim/faults", "sim/time", "av/+/frame")),
)
WAIT_S = 15.0


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[RunningBroker]:
    running = RunningBroker("nats", tmp_path / "broker", USERS)
    running.start()
    yield running
    running.stop()


@dataclass
class Bench:
    """What one listener hears."""

    frames: list[DeviceFrame] = field(default_factory=list)
    times: list[TimeAuthority] = field(default_factory=list)

    def on_message(self, topic: str, payload: bytes) -> None:
        if topic == topics.SIM_TIME:
            self.times.append(codec.decode(payload, TimeAuthority))
        elif topic.endswith("/frame"):
            self.frames.append(codec.decode(payload, DeviceFrame))

    def energies_wh(self, node: str) -> list[float]:
        readings = [r for f in self.frames if f.node == node for r in f.readings if isinstance(r, EpsReading)]
        return [r.battery_wh for r in readings if r.battery_wh is not None]


def _write_config(folder: Path, port: int, **changes: Any) -> Path:
    (folder / "password").write_text("hwsim-password\n")
    (folder / "tokens.json").write_text(json.dumps(dict.fromkeys(NODES, "t")))
    settings = config().model_dump(mode="json") | {
        "broker": {"host": "127.0.0.1", "port": port, "username": "hwsim", "password_file": str(folder / "password")},
        "laser_tokens_file": str(folder / "tokens.json"),
        "snapshot_file": str(folder / "world.json"),
    }
    path = folder / "hwsim.json"
    path.write_text(json.dumps(settings | changes))
    return path


def _start(path: Path) -> "subprocess.Popen[str]":
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-m", "hwsim", "--config", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=path.parent,
        env=environment,
    )


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not condition():
            await asyncio.sleep(0.02)


async def _ready(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    line = await asyncio.wait_for(asyncio.to_thread(process.stdout.readline), WAIT_S)
    return line.strip()


@pytest.mark.req("HWS-010")
async def test_killed_it_comes_back_with_the_same_world_and_stops_in_order(
    broker: RunningBroker, tmp_path: Path
) -> None:
    path = _write_config(tmp_path, broker.port)
    bench = Bench()
    link = MqttLink(broker.settings("bench"), "bench", (topics.SIM_TIME, "av/+/frame"))
    listening = asyncio.create_task(link.run(bench.on_message, lambda up: None))
    first = _start(path)
    try:
        assert await _ready(first) == "hwsim ready"
        await _until(lambda: len(bench.energies_wh("node-1")) >= 2 and bool(bench.times))
        allocate = hw.ComputeAllocate(job_id="a", power_w=3_000.0)
        command = DeviceCommand(node="node-1", request_id="r", order=allocate)
        link.publish("av/node-1/cmd", codec.encode(command), qos=1)
        await _until(lambda: _allocated(bench, "node-1") == ("a",))
        await asyncio.sleep(1.3)
        before, energy_wh = bench.frames[-1].at, bench.energies_wh("node-1")[-1]
        first.kill()
        first.wait()

        bench.frames.clear()
        second = _start(path)
        try:
            assert await _ready(second) == "hwsim ready"
            await _until(lambda: len(bench.energies_wh("node-1")) >= 1)
            assert bench.times[-1] == bench.times[0]
            assert bench.frames[0].at > before
            # At 60 x a few seconds of absence are minutes of charge: 21.8 kW of load, 48 kW of array at most.
            away_h = (bench.frames[0].at - before) / 3.6e12
            assert abs(bench.energies_wh("node-1")[0] - energy_wh) < 1.0 + 30_000.0 * (away_h + 0.01)
            assert _allocated(bench, "node-1") == ("a",)
            second.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(asyncio.to_thread(second.wait), 2.0) == 0
        finally:
            second.kill()
    finally:
        listening.cancel()
        first.kill()


def _allocated(bench: Bench, node: str) -> tuple[str, ...]:
    found: tuple[str, ...] = ()
    for frame in bench.frames:
        for reading in frame.readings:
            if frame.node == node and isinstance(reading, hw.ComputeReading):
                found = reading.allocated
    return found


@pytest.mark.parametrize(
    ("changes", "says"),
    [({"rate": -1.0}, "rate: Input should be greater than 0"), ({"laser_tokens_file": "gone.json"}, "cannot be read")],
)
def test_a_bad_configuration_is_one_line_and_exit_code_two(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    process = _start(_write_config(tmp_path, 1, **changes))

    _, errors = process.communicate(timeout=WAIT_S)

    assert process.returncode == 2
    assert says in errors
    assert errors.count("\n") <= 2


def test_a_taken_port_is_one_line_and_exit_code_two(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = _start(_write_config(tmp_path, 1, laser_port=taken.getsockname()[1]))
        _, errors = process.communicate(timeout=WAIT_S)

    assert process.returncode == 2
    assert "laser_port: 127.0.0.1:" in errors
