"""Crashes in mid flight: of the ground service, of one node again and again. Nothing accepted is lost or doubled."""

import pytest

from flatsat.fly import Flight, Scenario, fly
from flatsat.mission import Mission
from flatsat.virtual import Table
from flatsat.workload import Submission, submissions
from icd.timebase import MissionTime, after
from tests.svf.flights import broken, first_light

HOURS = 2.5
SEED = 7
WORK_FOR_S = 3600.0  # the rest of the flight is for what was handed in to come to its end
CRASH_EVERY_S = 437.0


def _first_hour(mission: Mission, until: MissionTime) -> list[Submission]:
    return [one for one in submissions(mission, after(mission.epoch, WORK_FOR_S)) if one.spec.job_id != "train"]


def _crash_ground(table: Table) -> None:
    for count in range(1, 9):
        table.timers.after_s(count * CRASH_EVERY_S, table.reset_ground)


def _crash_node(table: Table) -> None:
    for count in range(1, 9):
        table.timers.after_s(count * CRASH_EVERY_S, lambda: table.reset("node-2"))


def _succeeded(flight: Flight) -> set[str]:
    ends = {entry.what[0]: entry.what[1] for entry in flight.history.entries("end")}
    return {job_id for job_id, job in ends["ground_jobs"].items() if job["state"] == "SUCCEEDED"}


@pytest.mark.slow
@pytest.mark.parametrize(("arm", "who"), [(_crash_ground, "ground"), (_crash_node, "node-2")])
def test_nothing_is_lost_or_doubled_when_a_program_crashes_again_and_again(arm: object, who: str) -> None:
    assert callable(arm)
    flight = fly(first_light(), HOURS, SEED, scenario=Scenario(_first_hour, arm))

    resets = [entry for entry in flight.history.entries("reset") if entry.source == who]
    assert len(resets) == 8
    assert broken(flight) == ""
    assert _succeeded(flight) == {one.spec.job_id for one in _first_hour(first_light(), MissionTime(0))}
