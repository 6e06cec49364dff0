"""Faults that the bench carries out in a real run: of a node's disk, of the broker, of the messages of a space link."""

import resource
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flatsat.plugin import LiveRun, launch
from tests.system.flights import dawnline, until, write_mission

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="limits of processes: Linux")]
RATE = 60.0
WAIT_WALL_S = 30.0


@pytest.fixture(scope="module")
def flight(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveRun]:
    folder = tmp_path_factory.mktemp("faults")
    run = launch(write_mission(folder, rate=RATE), folder / "runs")
    yield run
    assert run.stop() == 0


def _active(run: LiveRun) -> list[str]:
    return [row["kind"] for row in dawnline(run, "fault", "list")["active"]]


def test_a_node_whose_disk_takes_no_write_flies_on_and_writes_again(flight: LiveRun) -> None:
    """Two hangs, one in the fault: the node mends both, and can write of the second alone."""
    pid = flight.pid_of("node-1")

    dawnline(flight, "fault", "inject", "STORAGE_FAIL", "node-1", "--for", "5m")
    until("the limit is on", lambda: _limit(pid) == 0, WAIT_WALL_S)
    dawnline(flight, "fault", "inject", "COMPUTE_HANG", "node-1", "--for", "ever")
    until("the module is power-cycled", lambda: "COMPUTE_HANG" not in _active(flight), WAIT_WALL_S)
    assert _limit(pid) == 0
    until("the disk works", lambda: "STORAGE_FAIL" not in _active(flight), WAIT_WALL_S)
    until("the limit is off", lambda: _limit(pid) != 0, WAIT_WALL_S)
    dawnline(flight, "fault", "inject", "COMPUTE_HANG", "node-1", "--for", "ever")
    until("it is told", lambda: _told(flight, "node-1", "COMPUTE_HUNG"), WAIT_WALL_S)

    rows = dawnline(flight, "event", "list", "--node", "node-1", "--limit", "1000")["events"]
    assert [row["event_id"] for row in rows].count("COMPUTE_HUNG") == 1
    assert flight.pid_of("node-1") == pid
    assert _limit(flight.pid_of("node-2")) != 0


def test_a_broker_that_is_stopped_comes_back_and_so_does_everybody(flight: LiveRun) -> None:
    pid = flight.pid_of("broker")
    nodes = [flight.pid_of(f"node-{number}") for number in (1, 2, 3, 4)]

    dawnline(flight, "fault", "inject", "BROKER_STOP", "--for", "3m")
    until("another broker runs", lambda: _broker(flight) not in (None, pid), WAIT_WALL_S)
    until("the simulator speaks again", lambda: "BROKER_STOP" not in _try_active(flight), WAIT_WALL_S)
    until("the nodes are heard", lambda: _told(flight, "node-2", "READINGS_BACK"), WAIT_WALL_S)

    assert [flight.pid_of(f"node-{number}") for number in (1, 2, 3, 4)] == nodes


def test_a_broker_that_is_frozen_goes_on(flight: LiveRun) -> None:
    pid = flight.pid_of("broker")

    dawnline(flight, "fault", "inject", "BROKER_PAUSE", "--for", "3m")
    until("it stands still", lambda: _state(pid) == "T", WAIT_WALL_S, 0.01)
    until("it goes on", lambda: _state(pid) != "T", WAIT_WALL_S)
    until("the simulator speaks again", lambda: "BROKER_PAUSE" not in _try_active(flight), WAIT_WALL_S)

    assert flight.pid_of("broker") == pid


def test_a_space_link_that_loses_and_doubles_messages_stays_up(flight: LiveRun) -> None:
    for kind, magnitude in (("LINK_LOSS", "0.7"), ("LINK_COPY", "0.7")):
        for node in (1, 2, 3, 4):
            dawnline(flight, "fault", "inject", kind, f"node-{node}", "--magnitude", magnitude, "--for", "5m")
    until("the faults are over", lambda: _active(flight) == [], WAIT_WALL_S)

    sent = dawnline(flight, "tc", "send", "node-1", "ping", "--wait")
    assert "COMPLETED" in str(sent)


def _try_active(run: LiveRun) -> list[str]:
    try:
        return _active(run)
    except AssertionError:
        return ["BROKER_STOP", "BROKER_PAUSE"]


def _told(run: LiveRun, node: str, event_id: str) -> bool:
    rows = dawnline(run, "event", "list", "--node", node, "--limit", "1000")["events"]
    return any(row["event_id"] == event_id for row in rows)


def _broker(run: LiveRun) -> int | None:
    try:
        return run.pid_of("broker")
    except LookupError:
        return None


def _limit(pid: int) -> int:
    return resource.prlimit(pid, resource.RLIMIT_FSIZE)[0]


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""
