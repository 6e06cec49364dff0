"""The shipped mission as it is, with its real training job; the command line is tried on it while it flies."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from flatsat.plugin import LiveRun, launch
from tests.system.audit import audit
from tests.system.flights import (
    FIRST_LIGHT,
    TRAIN,
    dawnline,
    processes_of,
    reference_weights,
    until,
    weights_in,
)
from tests.system.wreck import NODES

pytestmark = pytest.mark.slow

HEARD_WALL_S = 60.0  # a node is out of contact for up to 23 minutes of this mission: 23 s at 60 x
TRAINED_WALL_S = 400.0  # 80 s where two cores are quiet
IMAGE = TRAIN.parent / "image"


@pytest.fixture(scope="module")
def flight(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveRun]:
    run = launch(FIRST_LIGHT, tmp_path_factory.mktemp("first-light") / "runs")
    yield run
    assert run.stop() == 0
    assert processes_of(run.path) == {}


@pytest.fixture(scope="module")
def reference(flight: LiveRun, tmp_path_factory: pytest.TempPathFactory) -> Iterator["Future[str]"]:
    """The weights of an uninterrupted run, made while the mission's own waits for the Sun, and giving way to it."""
    with ThreadPoolExecutor(1) as threads:
        yield threads.submit(reference_weights, TRAIN, tmp_path_factory.mktemp("alone"), ("nice", "-n", "10"))


def test_nodes_are_listed_and_shown(flight: LiveRun) -> None:
    nodes = dawnline(flight, "node", "list")["nodes"]
    shown = dawnline(flight, "node", "show", "node-1")

    assert tuple(row["node"] for row in nodes) == NODES
    assert shown["satellite"] == "STARLINK-3308"
    assert shown["eclipses"]
    assert shown["passes"]


def test_a_telecommand_goes_through_its_stages(flight: LiveRun) -> None:
    sent = dawnline(flight, "tc", "send", "node-4", "set_hk_interval", "interval_s=20", "--wait")
    shown = dawnline(flight, "tc", "show", sent["request_id"])

    assert shown["stage"] == "COMPLETED"
    assert [row["stage"] for row in shown["stages"]] == ["RECEIVED", "ACCEPTED", "STARTED", "COMPLETED"]
    assert sent["request_id"] in [row["request_id"] for row in dawnline(flight, "tc", "list")["tcs"]]


def test_a_job_is_submitted_run_and_fetched(flight: LiveRun, tmp_path: Path) -> None:
    first = dawnline(flight, "job", "submit", str(IMAGE), "--id", "mine", "--class", "HOT", "--tenant", "me")
    again = dawnline(flight, "job", "submit", str(IMAGE), "--id", "mine", "--class", "HOT", "--tenant", "me", "--wait")
    fetched = dawnline(flight, "job", "fetch", "mine", "--out", str(tmp_path / "mine.tar"))

    assert first["state"] in ("SUBMITTED", "PLACED", "UPLINKING")
    assert again["state"] == "SUCCEEDED"
    assert again["job_class"] == "HOT"
    assert fetched["bytes"] == (tmp_path / "mine.tar").stat().st_size > 0


def test_a_job_is_cancelled(flight: LiveRun) -> None:
    dawnline(flight, "job", "submit", str(TRAIN), "--id", "unwanted", "--node", "node-2")

    ended = dawnline(flight, "job", "cancel", "unwanted", "--wait")

    assert ended["state"] == "CANCELLED"


def test_what_is_no_bundle_or_no_job_is_one_line(flight: LiveRun, tmp_path: Path) -> None:
    dawnline(flight, "job", "submit", str(tmp_path), "--id", "nothing", code=2)
    dawnline(flight, "job", "submit", str(IMAGE), "--id", "Not a name", code=2)
    dawnline(flight, "job", "submit", str(IMAGE), "--id", "lost", "--node", "node-9", code=1)
    missing = dawnline(flight, "job", "show", "never-heard-of", code=1)

    assert missing is None


def test_a_fault_is_ordered_and_in_force(flight: LiveRun) -> None:
    ordered = dawnline(
        *(flight, "fault", "inject", "ARRAY_STRING_DEAD", "node-2"), *("--magnitude", "0.01", "--for", "30m")
    )
    listed = dawnline(flight, "fault", "list")

    assert [row["node"] for row in ordered["active"]] == ["node-2"]
    assert "ARRAY_STRING_DEAD" in listed["kinds"]
    assert listed["active"] == ordered["active"]


def test_events_are_listed_and_followed(flight: LiveRun) -> None:
    words = ("event", "follow", "--run", str(flight.path), "--json")
    following = subprocess.Popen(
        (sys.executable, "-u", "-m", "flatsat.cli", *words), stdout=subprocess.PIPE, text=True, env=os.environ
    )
    try:
        assert following.stdout is not None
        followed = json.loads(following.stdout.readline())
        following.send_signal(signal.SIGINT)
        assert following.wait(10.0) == 0
    finally:
        following.kill()
    listed = dawnline(flight, "event", "list", "--limit", "1000")["events"]

    assert followed["id"] in [row["id"] for row in listed]


def test_the_training_job_is_preempted_and_ends_in_the_weights_of_an_uninterrupted_run(
    flight: LiveRun, reference: "Future[str]", tmp_path: Path
) -> None:
    def trained() -> bool:
        job = dawnline(flight, "job", "show", "train")
        return bool(job["state"] == "SUCCEEDED" and job["result_state"] == "READY")

    until("the training job has its result on the ground", trained, TRAINED_WALL_S, 0.5)
    log = until("the job's log is down", lambda: _log(flight, "train"), HEARD_WALL_S, 0.5)
    dawnline(flight, "job", "fetch", "train", "--out", str(tmp_path / "train.tar"))
    reasons = [row["reason"] for row in dawnline(flight, "job", "show", "train")["reports"]]

    assert "test accuracy" in log
    assert {"PREEMPTED_MODE", "PREEMPTED_ENERGY"} & set(reasons)
    assert weights_in((tmp_path / "train.tar").read_bytes()) == reference.result()


def test_the_whole_flight_adds_up(flight: LiveRun) -> None:
    """Ended here, so that the stores stand still; whatever test comes after this one starts its own."""
    assert flight.stop() == 0
    assert audit(flight.path, NODES) == []


def _log(flight: LiveRun, job_id: str) -> str:
    try:
        return str(dawnline(flight, "job", "logs", job_id)["log"])
    except AssertionError:
        return ""
