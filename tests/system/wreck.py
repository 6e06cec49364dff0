"""A live run in which programs are killed with -9 at random moments of a training job. Shared with tests/soak."""

import json
import os
import random
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flatsat.plugin import LiveRun, launch
from tests.system.flights import (
    JobWatch,
    attempts_of,
    dawnline,
    reference_weights,
    until,
    write_mission,
    write_training,
)

NODES = ("node-1", "node-2", "node-3", "node-4")
SEAT = "node-3"  # in contact and in sunlight from the first minute of first-light
RATE = 20.0
JOB = "learn"
DELAY_WALL_S = (0.05, 2.0)  # from the start of an attempt to the kill
RUNNING_WALL_S = 60.0  # for an attempt to start after a kill
RESULT_WALL_S = 240.0  # for the result to come down: the next contacts are some minutes of mission time away


@dataclass
class Wreck:
    """What a run with kills came to."""

    seed: int
    run: LiveRun
    moments: list[str] = field(default_factory=list)
    reference: str = ""
    result: bytes = b""
    job: dict[str, Any] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    attempts: list[str] = field(default_factory=list)
    overlaps: list[dict[int, str]] = field(default_factory=list)
    worlds: list[dict[str, Any]] = field(default_factory=list)  # hwsim's snapshots around its own death
    exit_code: int | None = None

    def story(self) -> str:
        """Return what to print with a failure: the seed and what was done."""
        return f"seed {self.seed}; {'; '.join(self.moments)}; run kept in {self.run.path}"


def wreck(folder: Path, seed: int, kills: int, epochs: int, others: tuple[str, ...] = ()) -> Wreck:
    """Fly a training job, kill its node `kills` times in the middle of it and then each of `others` once, and end."""
    rng = random.Random(seed)
    bundle = write_training(folder, epochs)
    reference = reference_weights(bundle, folder / "alone")
    run = launch(write_mission(folder, rate=RATE), folder / "runs")
    told = Wreck(seed, run, reference=reference)
    try:
        dawnline(run, "job", "submit", str(bundle), "--id", JOB, "--node", SEAT)
        with JobWatch(run.path, JOB) as watch:
            for _ in range(kills):
                _kill_in_mid_attempt(told, watch, rng)
            for program in others:
                _kill(told, program, rng)
            until(f"{JOB} has its result on the ground; {told.story()}", lambda: _is_down(run), RESULT_WALL_S, 0.5)
        told.attempts, told.overlaps = watch.seen, watch.overlaps
        told.job = dawnline(run, "job", "show", JOB)
        dawnline(run, "job", "fetch", JOB, "--out", str(folder / "result.tar"))
        told.result = (folder / "result.tar").read_bytes()
        told.events = dawnline(run, "event", "list", "--limit", "1000")["events"]
    finally:
        told.exit_code = run.stop()
    return told


def _kill_in_mid_attempt(told: Wreck, watch: JobWatch, rng: random.Random) -> None:
    """Wait for an attempt that has not been killed yet, then for a random moment of it."""
    run, gone = told.run.path, list(watch.seen)

    def fresh() -> set[str]:
        return set(attempts_of(run, JOB).values()) - set(gone) if told.moments else set(attempts_of(run, JOB).values())

    attempt = until(f"a fresh attempt of {JOB}; {told.story()}", fresh, RUNNING_WALL_S)
    _wait(rng)
    pid = told.run.pid_of(SEAT)
    told.moments.append(f"{SEAT} killed in attempt {', '.join(attempt)}")
    os.kill(pid, signal.SIGKILL)
    until(f"{SEAT} is started again", lambda: _pid(told.run, SEAT) not in (None, pid), RUNNING_WALL_S)


def _kill(told: Wreck, program: str, rng: random.Random) -> None:
    _wait(rng)
    world = told.run.path / "store" / "hwsim" / "world.json"
    pid = told.run.pid_of(program)
    told.moments.append(f"{program} killed")
    os.kill(pid, signal.SIGKILL)
    if program == "hwsim":
        told.worlds.append(_world(world))
    until(f"{program} is started again", lambda: _pid(told.run, program) not in (None, pid), RUNNING_WALL_S)
    if program == "hwsim":
        before = world.stat().st_mtime_ns
        until("hwsim writes its world again", lambda: world.stat().st_mtime_ns != before, RUNNING_WALL_S)
        told.worlds.append(_world(world))
    if program == "ground":
        until("ground answers again", lambda: _answers(told.run), RUNNING_WALL_S)


def _wait(rng: random.Random) -> None:
    """Let a random time pass: the moment is what is tested, so there is nothing to poll for."""
    deadline = time.monotonic() + rng.uniform(*DELAY_WALL_S)
    until("the moment", lambda: time.monotonic() >= deadline, DELAY_WALL_S[1] + 5.0)


def _pid(run: LiveRun, program: str) -> int | None:
    try:
        return run.pid_of(program)
    except LookupError:
        return None


def _answers(run: LiveRun) -> bool:
    try:
        return bool(dawnline(run, "node", "list"))
    except AssertionError:
        return False


def _is_down(run: LiveRun) -> bool:
    try:
        job = dawnline(run, "job", "show", JOB)
    except AssertionError:  # the ground is being restarted
        return False
    assert job["state"] not in ("FAILED", "CANCELLED"), job
    # The bytes may be down before the word of the success.
    return bool(job["state"] == "SUCCEEDED" and job["result_state"] == "READY")


def _world(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text().splitlines()[1])
    return found
