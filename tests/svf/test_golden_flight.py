"""First light for three hours: what the mission promises, seen in its history."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from flatsat import report
from flatsat.fly import Flight, fly
from flatsat.history import load
from icd.jobs import EndReason, JobState
from icd.timebase import MissionTime, seconds_between
from tests.svf.flights import first_light

HOURS = 3.0
SEED = 7
TRAIN = "train"
BUSY = (JobState.RUNNING, JobState.CHECKPOINTING)


@pytest.fixture(scope="module")
def flight() -> Flight:
    return fly(first_light(), HOURS, SEED)


def _reports_of(flight: Flight, job_id: str) -> list[dict[str, Any]]:
    facts = [entry.what for entry in flight.history.entries("fact")]
    return [body for kind, bodies in facts if kind == "job" for body in bodies if body["job_id"] == job_id]


@pytest.mark.slow
def test_every_invariant_is_looked_at_and_holds(flight: Flight) -> None:
    bad = [(verdict.name, verdict.checked, verdict.examples) for verdict in flight.verdicts if not verdict.holds]

    assert bad == []
    assert len(flight.verdicts) >= 12


@pytest.mark.slow
def test_the_training_job_is_preempted_by_the_mode_and_goes_on_from_its_checkpoint(flight: Flight) -> None:
    reports = _reports_of(flight, TRAIN)
    preempted = [row for row in reports if row["reason"] == EndReason.PREEMPTED_MODE]
    resumed = [row for row in reports if row["state"] == JobState.RUNNING and row["attempt"] > 1]

    assert preempted, "the mission never preempts its training job"
    assert resumed
    assert resumed[0]["checkpoint"] is not None
    assert resumed[0]["progress_frac"] > 0.0
    assert reports[-1]["state"] == JobState.SUCCEEDED


@pytest.mark.slow
def test_a_preemption_loses_less_work_than_lies_between_two_checkpoints(flight: Flight) -> None:
    reports = _reports_of(flight, TRAIN)
    spec = next(one.spec(flight.mission.epoch, 1) for one in flight.mission.workload if one.table.name == TRAIN)

    busy_s = sum(
        seconds_between(MissionTime(one["at"]), MissionTime(other["at"]))
        for one, other in pairwise(reports)
        if one["state"] in BUSY
    )

    assert spec.work_s <= busy_s + 1.0
    assert busy_s - spec.work_s < spec.checkpoint_every_s


@pytest.mark.slow
def test_neighbours_change(flight: Flight) -> None:
    assert all(story.handoffs > 0 for story in flight.stories.values())


@pytest.mark.slow
def test_results_come_down_as_the_nodes_promised(flight: Flight) -> None:
    ends = {entry.what[0]: entry.what[1] for entry in flight.history.entries("end")}
    promised = {
        body["job_id"]: body["result_sha256"]
        for entry in flight.history.entries("fact")
        if entry.what[0] == "job"
        for body in entry.what[1]
        if body["state"] == JobState.SUCCEEDED
    }

    assert len(ends["results"]) > 20
    assert TRAIN in ends["results"]
    assert {job_id: promised[job_id] for job_id in ends["results"]} == ends["results"]


@pytest.mark.slow
def test_the_report_holds_what_readers_are_promised(flight: Flight, tmp_path: Path) -> None:
    report.save(tmp_path, flight.report(), flight.history, flight.stories)

    found = json.loads((tmp_path / report.REPORT_FILE).read_text())
    assert {"seed", "history_sha256", "sim_s", "wall_s", "nodes", "invariants"} <= set(found)
    assert (found["seed"], found["sim_s"]) == (SEED, HOURS * 3600.0)
    assert list(found["nodes"]) == list(flight.mission.node_ids)
    for node in found["nodes"].values():
        assert {"jobs", "soc_frac_min", "mode_changes", "handoffs", "link_uptime_frac"} <= set(node)
        assert node["jobs"]["SUCCEEDED"] > 0
        assert 0.55 < node["soc_frac_min"] < 1.0
        assert 0.2 < node["link_uptime_frac"] < 1.0
        assert node["mode_changes"] > 0
    assert all({"name", "checked", "violated"} <= set(row) for row in found["invariants"])
    assert len(load(tmp_path / "history.msgpack.gz")) == found["history_entries"]
    assert sorted(path.name for path in tmp_path.glob("*.png")) == [f"{node}.png" for node in flight.mission.node_ids]


@pytest.mark.slow
def test_nobody_goes_to_safe_mode_on_a_day_without_faults(flight: Flight) -> None:
    events = [
        body
        for entry in flight.history.entries("fact")
        if entry.what[0] == "event"
        for body in entry.what[1]
        if body["event_id"] in ("SAFE_MODE_ENTERED", "APP_FAILED", "FRAME_REJECTED", "READINGS_LOST", "WATCHDOG_BITTEN")
    ]

    assert events == []
