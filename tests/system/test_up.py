"""`dawnline up` itself: its end, its resumption, what it says when it cannot start."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flatsat.cli import app
from flatsat.plugin import LiveRun, launch
from tests.brokers import free_port
from tests.system.audit import audit
from tests.system.flights import (
    FIRST_LIGHT,
    attempts_of,
    dawnline,
    processes_of,
    reference_weights,
    until,
    weights_in,
    write_mission,
    write_training,
)
from tests.system.wreck import NODES, SEAT

pytestmark = pytest.mark.slow

RATE = 20.0
EPOCHS = 16
STOP_WALL_S_MAX = 5.0
GONE_WALL_S = 10.0
RESULT_WALL_S = 180.0
BATTERY_WH_PER_S = 30_000.0 / 3600.0


@dataclass
class Legs:
    """One run in two legs, with a Ctrl-C between them and a kill -9 of `dawnline up` at the end."""

    exit_code: int
    stop_wall_s: float
    left_by_stop: dict[int, str]
    left_by_kill: dict[int, str]
    before: dict[str, Any]  # hwsim's world after the first leg
    after: dict[str, Any]  # and early in the second
    now_s: tuple[float, float]
    attempts: list[str]
    job: dict[str, Any]
    result: bytes
    reference: str
    run: Path


@pytest.fixture(scope="module")
def legs(tmp_path_factory: pytest.TempPathFactory) -> Legs:
    folder = tmp_path_factory.mktemp("legs")
    bundle = write_training(folder, EPOCHS)
    reference = reference_weights(bundle, folder / "alone")
    mission = write_mission(folder, rate=RATE)
    first = launch(mission, folder / "runs")
    try:
        dawnline(first, "job", "submit", str(bundle), "--id", "learn", "--node", SEAT)
        until("a checkpoint is on the ground", lambda: _checkpoint(first), 60.0)
        before_s = _now_s(first)
    finally:
        begun = time.monotonic()
        exit_code = first.stop()
        stop_wall_s = time.monotonic() - begun
    left_by_stop = processes_of(first.path)
    before = _world(first)

    second = launch(mission, folder / "runs", "--resume")
    try:
        after_s, after = _now_s(second), _world(second)
        attempts = list(until("the job goes on", lambda: attempts_of(second.path, "learn"), 60.0).values())
        until("the result is down", lambda: _is_down(second), RESULT_WALL_S, 0.5)
        dawnline(second, "job", "fetch", "learn", "--out", str(folder / "learn.tar"))
        job = dawnline(second, "job", "show", "learn")
    finally:
        second.process.kill()
        second.process.wait()
    left_by_kill = _left_after(second.path, GONE_WALL_S)
    return Legs(
        exit_code=exit_code,
        stop_wall_s=stop_wall_s,
        left_by_stop=left_by_stop,
        left_by_kill=left_by_kill,
        before=before,
        after=after,
        now_s=(before_s, after_s),
        attempts=attempts,
        job=job,
        result=(folder / "learn.tar").read_bytes(),
        reference=reference,
        run=second.path,
    )


def test_ctrl_c_ends_all_in_order_and_in_time(legs: Legs) -> None:
    assert legs.exit_code == 0
    assert legs.stop_wall_s < STOP_WALL_S_MAX
    assert legs.left_by_stop == {}


def test_kill_9_of_up_leaves_no_process(legs: Legs) -> None:
    assert legs.left_by_kill == {}


def test_resumed_mission_time_and_batteries_go_on_from_where_they_stood(legs: Legs) -> None:
    before_s, after_s = legs.now_s
    away_s = (legs.after["at"] - legs.before["at"]) / 1e9

    # The stop and the start take seconds of wall time; had mission time gone on meanwhile, it would be far ahead.
    assert before_s < after_s < before_s + STOP_WALL_S_MAX * RATE + 60.0
    for node in NODES:
        moved_wh = abs(_battery_wh(legs.after, node) - _battery_wh(legs.before, node))
        assert moved_wh <= BATTERY_WH_PER_S * away_s + 1.0, node


def test_a_half_done_training_job_goes_on_from_its_checkpoint_to_the_same_weights(legs: Legs) -> None:
    assert legs.attempts == ["2"]
    assert "SHUTDOWN" in [row["reason"] for row in legs.job["reports"]]
    assert weights_in(legs.result) == legs.reference


def test_nothing_is_lost_or_doubled_by_stop_resumption_and_kill(legs: Legs) -> None:
    assert audit(legs.run, NODES) == []


@pytest.mark.parametrize("after_wall_s", [0.3, 1.0, 2.0, 3.0])
def test_ctrl_c_during_the_start_ends_all_too(tmp_path: Path, after_wall_s: float) -> None:
    runs = tmp_path / "runs"
    process = _up(FIRST_LIGHT, "--runs", str(runs), "--port", str(free_port()))
    begun = time.monotonic()
    until("the run has a directory", lambda: (runs / "latest").exists(), 30.0)
    until("the moment", lambda: time.monotonic() > begun + after_wall_s, 30.0)

    process.send_signal(signal.SIGINT)
    stopped = time.monotonic()
    said, _ = process.communicate(timeout=GONE_WALL_S)

    assert process.returncode == 0, said
    assert time.monotonic() - stopped < STOP_WALL_S_MAX
    assert processes_of((runs / "latest").resolve()) == {}


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (('satellite = "STARLINK-3308"', 'satellite = "STARLINK-1"'), "no element set named 'STARLINK-1'"),
        (("rate = 20.0", "rate = -1.0"), "rate: Input should be greater than 0"),
        (("first-light.tle", "gone.tle"), "cannot read"),
        (("seed = 7", "seed = "), "not TOML"),
    ],
)
def test_a_bad_mission_is_one_line_and_exit_code_2(tmp_path: Path, broken: tuple[str, str], says: str) -> None:
    mission = write_mission(tmp_path, rate=RATE)
    mission.write_text(mission.read_text().replace(*broken))

    process = _up(mission, "--runs", str(tmp_path / "runs"))
    said, _ = process.communicate(timeout=30.0)

    assert process.returncode == 2
    assert says in said
    assert str(tmp_path) in said
    assert len(said.splitlines()) == 1
    assert not (tmp_path / "runs").exists()


def test_a_taken_port_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = _up(FIRST_LIGHT, "--runs", str(tmp_path / "runs"), "--port", str(port))
        said, _ = process.communicate(timeout=30.0)

    assert process.returncode == 2
    assert f"port {port} for the console is taken" in said
    assert "--port" in said
    assert len(said.splitlines()) == 1


def test_nothing_to_resume_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    process = _up(FIRST_LIGHT, "--runs", str(tmp_path / "runs"), "--port", str(free_port()), "--resume")
    said, _ = process.communicate(timeout=30.0)

    assert process.returncode == 2
    assert "no earlier run" in said
    assert len(said.splitlines()) == 1


def test_a_missing_mosquitto_is_one_line_that_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)

    words = ("--broker", "mosquitto", "--runs", str(tmp_path / "runs"), "--port", str(free_port()))
    result = CliRunner().invoke(app, ["up", str(FIRST_LIGHT), *words])

    assert result.exit_code == 2
    assert "mosquitto is not installed: " in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.mosquitto
def test_it_flies_over_mosquitto_too(tmp_path: Path) -> None:
    run = launch(write_mission(tmp_path, rate=RATE), tmp_path / "runs", "--broker", "mosquitto")
    try:
        ended = dawnline(run, "tc", "send", "node-4", "ping", "--wait")
        assert "mosquitto" in " ".join(processes_of(run.path).values())
    finally:
        assert run.stop() == 0

    assert ended["stage"] == "COMPLETED"


def _up(mission: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        (sys.executable, "-m", "flatsat.cli", "up", str(mission), *options),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ,
    )


def _left_after(run: Path, wall_s: float) -> dict[int, str]:
    deadline = time.monotonic() + wall_s
    until("its processes end", lambda: not processes_of(run) or time.monotonic() > deadline, wall_s + 1.0)
    return processes_of(run)


def _checkpoint(run: LiveRun) -> bool:
    """Whether the node holds a checkpoint of the job; looked up on its disk, for it may be out of contact."""
    return any((run.path / "store" / SEAT).rglob("*step-*.ckpt"))


def _now_s(run: LiveRun) -> float:
    world = _world(run)
    return float(world["at"] / 1e9)


def _world(run: LiveRun) -> dict[str, Any]:
    lines = (run.path / "store" / "hwsim" / "world.json").read_text().splitlines()
    found: dict[str, Any] = json.loads(lines[1])
    return found


def _battery_wh(world: dict[str, Any], node: str) -> float:
    return float(world["world"]["crafts"][node]["vehicle"]["battery"]["energy_wh"])


def _is_down(run: LiveRun) -> bool:
    job = dawnline(run, "job", "show", "learn")
    assert job["state"] not in ("FAILED", "CANCELLED"), job
    return bool(job["state"] == "SUCCEEDED" and job["result_state"] == "READY")


@pytest.fixture(autouse=True)
def _no_orphans(tmp_path: Path) -> Iterator[None]:
    """Nothing that a test started in its own folder outlives it."""
    yield
    assert processes_of(tmp_path) == {}
