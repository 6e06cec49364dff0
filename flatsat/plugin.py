"""A pytest plugin: fixtures for a virtual flight and for a live one.

def test_no_job_is_lost(virtual_flight):
flight = virtual_flight("missions/first-light.toml", hours=2, seed=7)
assert all(verdict.holds for verdict in flight.verdicts)

async def test_a_job_comes_back(live_flight):
run = live_flight("missions/first-light.toml", rate=60)
async with run.client() as client: ...
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from flatsat.fly import Flight, fly
from flatsat.keys import KeyRing
from flatsat.mission import load_mission
from ground.client import GroundClient

READY_WALL_S = 60.0
STOP_WALL_S = 15.0
POLL_WALL_S = 0.02

VirtualFlight = Callable[..., Flight]
LiveFlight = Callable[..., "LiveRun"]


@dataclass(slots=True)
class LiveRun:
    """A `dawnline up` that flies as processes of its own."""

    path: Path
    url: str
    process: subprocess.Popen[str]
    said: list[str]  # lines that it has printed so far

    def client(self, user: str = "operator") -> GroundClient:
        """Return a client of the run's ground service."""
        return GroundClient(self.url, KeyRing(self.path / "keys").api_token(user))

    def log(self, program: str) -> str:
        """Return what a program has logged so far."""
        return (self.path / "logs" / f"{program}.log").read_text(errors="replace")

    def pid_of(self, program: str) -> int:
        """Return the process id of a child by its name: the command line of each holds its configuration file."""
        broker = program == "broker"
        wanted = str(self.path / "store" / "broker") if broker else str(self.path / "config" / f"{program}.json")
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                argv = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            if any(word == wanted or word.startswith(f"{wanted}/") for word in argv):
                return int(entry.name)
        raise LookupError(f"no process of {program} runs")

    def stop(self) -> int:
        """Interrupt the run as Ctrl-C does and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(STOP_WALL_S)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            raise


@pytest.fixture
def virtual_flight() -> VirtualFlight:
    """Fly a mission in virtual time: `virtual_flight(path, hours=..., seed=...)` returns the Flight."""

    def start(path: str | Path, hours: float, seed: int = 7) -> Flight:
        return fly(load_mission(Path(path), hours), hours, seed)

    return start


@pytest.fixture
def live_flight(tmp_path: Path) -> Iterator[LiveFlight]:
    """Fly a mission as processes: `live_flight(path, rate=..., broker=...)` returns the LiveRun when it is ready."""
    started: list[LiveRun] = []

    def start(path: str | Path, *options: str) -> LiveRun:
        run = launch(Path(path), tmp_path / "runs", *options)
        started.append(run)
        return run

    yield start
    for run in started:
        run.stop()


def launch(mission: Path, runs: Path, *options: str) -> LiveRun:
    """Start a flight as processes, for fixtures of one's own; return when it is ready. Whoever starts it stops it.

    Raises:
        RuntimeError: it does not come up; the text is what it printed.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    where = ("--port", str(port), "--runs", str(runs))
    process = subprocess.Popen(
        (sys.executable, "-m", "flatsat.cli", "up", str(mission), *where, *options),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    said: list[str] = []
    reader = threading.Thread(target=_read, args=(process, said), daemon=True)
    reader.start()
    deadline = time.monotonic() + READY_WALL_S
    while not any(line.startswith("Ready in") for line in said):
        if not reader.is_alive() or time.monotonic() > deadline:
            process.kill()
            raise RuntimeError(f"dawnline up ended with exit code {process.wait()}:\n{''.join(said)}")
        time.sleep(POLL_WALL_S)
    path = (runs / "latest").resolve()
    url = json.loads((path / "access.json").read_text())["url"]
    return LiveRun(path, url, process, said)


def _read(process: subprocess.Popen[str], said: list[str]) -> None:
    """Read what the run prints, for as long as it prints, so that a full pipe never stops it."""
    assert process.stdout is not None
    for line in process.stdout:
        said.append(line)
