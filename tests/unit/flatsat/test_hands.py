"""The bench's hands on real processes: a disk that takes no write, a broker that is stopped or frozen."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from flatsat import hands, supervisor
from flatsat.hands import BenchHands
from flatsat.supervisor import Program, Supervisor
from icd.faults import ActiveFaults, FaultInForce, FaultKind, FaultOrder
from icd.timebase import NS_PER_S

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="limits of other processes: Linux")]
WAIT_WALL_S = 5.0
RATE = 60.0
# Writes a growing number into a file, and on to another file when the first refuses, as a node's store and log do.
WRITER = """
import sys, time
print("up", flush=True)
n = 0
while True:
    n += 1
    try:
        with open("count", "w") as file:
            file.write(str(n))
    except OSError as error:
        print(error.errno, flush=True)
    time.sleep(0.01)
"""


class Bench:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.complaints: list[str] = []
        self.supervisor = Supervisor(lambda name, how, count: None)
        self.hands = BenchHands(self.supervisor, RATE, self.complaints.append)

    async def up(self, name: str) -> None:
        argv = (sys.executable, "-c", f"import os; os.chdir({str(self.folder)!r})\n{WRITER}")
        await self.supervisor.start([Program(name, argv, self.folder / f"{name}.log", "up", None, 0)])
        await self.supervisor.ready()

    def say(self, *rows: FaultInForce) -> None:
        self.hands.on_faults(ActiveFaults(at=0, active=rows, waiting=(), latest="f", refused=None))

    def pid(self, name: str) -> int | None:
        return self.supervisor.pid(name)

    def state(self, name: str) -> str:
        """Return the process's state as the kernel has it: T is stopped."""
        pid = self.pid(name)
        with contextlib.suppress(OSError):
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return ""

    @property
    def refusals(self) -> int:
        return (self.folder / "node-1.log").read_text().count("27\n")  # EFBIG

    @property
    def count(self) -> int:
        with contextlib.suppress(OSError, ValueError):
            return int((self.folder / "count").read_text())
        return 0

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_WALL_S):
            while not condition():
                await asyncio.sleep(0.005)


@pytest.fixture
async def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    monkeypatch.setattr(supervisor, "RESTART_DELAY_WALL_S", 0.0)
    monkeypatch.setattr(hands, "GRACE_WALL_S", 0.0)
    made = Bench(tmp_path)
    running = asyncio.create_task(made.hands.run())
    yield made
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await made.supervisor.stop()


def fault(kind: FaultKind, until_s: float | None, strikes: int = 1) -> FaultInForce:
    node = "node-1" if kind is FaultKind.STORAGE_FAIL else ""
    order = FaultOrder(fault_id="f", kind=kind, node=node, duration_s=until_s)
    until = None if until_s is None else round(until_s * NS_PER_S)
    return FaultInForce(order=order, since=0, until=until, strikes=strikes)


async def test_a_broken_disk_refuses_writes_of_the_process_and_of_the_one_that_takes_its_place(bench: Bench) -> None:
    await bench.up("node-1")

    bench.say(fault(FaultKind.STORAGE_FAIL, None))
    await bench.until(lambda: bench.refusals > 3)
    before, pid = bench.refusals, bench.pid("node-1")
    bench.supervisor.kill("node-1")
    await bench.until(lambda: bench.pid("node-1") not in (None, pid) and bench.refusals > before + 3)
    bench.say()
    await bench.until(lambda: bench.count > 5)

    written, refused = bench.count, bench.refusals
    await bench.until(lambda: bench.count > written + 5)
    assert bench.refusals <= refused + 1
    assert bench.complaints == []


async def test_a_broken_disk_works_again_at_its_time_though_nobody_says_so(bench: Bench) -> None:
    await bench.up("node-1")

    bench.say(fault(FaultKind.STORAGE_FAIL, 0.3 * RATE))
    await bench.until(lambda: bench.refusals > 3)
    refused = bench.refusals
    await bench.until(lambda: bench.count > 0)

    assert refused > 3


async def test_a_broken_disk_of_a_node_that_is_not_there_is_borne(bench: Bench) -> None:
    await bench.up("node-1")
    bench.supervisor.stop_for("node-1", 60.0)
    await bench.until(lambda: bench.pid("node-1") is None)

    bench.say(fault(FaultKind.STORAGE_FAIL, None))
    await asyncio.sleep(3.0 * hands.HOLD_WALL_S)

    assert bench.complaints == []


async def test_a_stopped_broker_is_down_for_its_time_and_started_again_once(bench: Bench) -> None:
    await bench.up("broker")
    first = bench.pid("broker")
    row = fault(FaultKind.BROKER_STOP, 0.5 * RATE)

    bench.say(row)
    bench.say(row)
    await bench.until(lambda: bench.pid("broker") is None)
    loop = asyncio.get_running_loop()
    since = loop.time()
    await bench.until(lambda: bench.pid("broker") is not None)

    assert loop.time() - since > 0.3
    assert bench.pid("broker") != first
    assert bench.supervisor.restarts == {"broker": 1}
    bench.say(fault(FaultKind.BROKER_STOP, 0.2 * RATE, strikes=2))
    await bench.until(lambda: bench.supervisor.restarts == {"broker": 2})


async def test_a_frozen_broker_goes_on_by_itself(bench: Bench) -> None:
    await bench.up("broker")
    first = bench.pid("broker")

    bench.say(fault(FaultKind.BROKER_PAUSE, 0.5 * RATE))
    await bench.until(lambda: bench.state("broker") == "T")
    await bench.until(lambda: bench.state("broker") in ("S", "R"))

    assert (bench.pid("broker"), bench.supervisor.restarts) == (first, {})


async def test_a_frozen_broker_is_woken_to_be_stopped_in_order(bench: Bench) -> None:
    await bench.up("broker")
    bench.say(fault(FaultKind.BROKER_PAUSE, 600.0 * RATE))
    await bench.until(lambda: bench.state("broker") == "T")

    assert await bench.supervisor.stop() == []
    assert bench.pid("broker") is None


async def test_a_frozen_process_wakes_though_its_bench_is_gone(tmp_path: Path) -> None:
    sleeper = await asyncio.create_subprocess_exec(sys.executable, "-c", "import time; time.sleep(60)")
    try:
        sleeper.send_signal(signal.SIGSTOP)
        thaw = Path(supervisor.__file__).with_name("thaw.py")
        waker = await asyncio.create_subprocess_exec(sys.executable, "-I", "-S", str(thaw), str(sleeper.pid), "0.1")
        assert await waker.wait() == 0
        state = Path(f"/proc/{sleeper.pid}/stat").read_text().rpartition(")")[2].split()[0]
        assert state != "T"
        assert os.path.exists(f"/proc/{sleeper.pid}")
    finally:
        sleeper.kill()
        await sleeper.wait()
