"""A reset just before and just after each durable write of one short story: a job and a telecommand on one node.

The story is flown once to count the writes, then once for each cut. Every cut must leave the same result.
CI takes every CI_STEP-th write, beginning with the first; DAWNLINE_CRASH_STEP=1 takes them all.
"""

import hashlib
import os
from dataclasses import replace

import pytest

from flatsat.fly import BENCH_USER, Flight, Scenario, fly
from flatsat.mission import Mission
from flatsat.virtual import Meddling, ProcessorResetError, Table
from flatsat.workload import Submission
from ground.tables import TcRequest
from icd.jobs import JobSpec
from icd.tc import SetHkInterval
from icd.timebase import MissionTime
from node.adapters.virtual_runner import result_of
from tests.svf.flights import broken, first_light

NODE = "node-2"
SEED = 7
HOURS = 1.0
CI_STEP = 6
JOB = "image-0001"


def _lone_mission() -> Mission:
    mission = first_light()
    nodes = tuple(node for node in mission.file.nodes if node.id == NODE)
    elements = tuple(row for row in mission.fleet.elements if row.node == NODE)
    workload = tuple(one for one in mission.workload if one.table.name == "image")
    file = mission.file.model_copy(update={"nodes": nodes})
    return replace(mission, file=file, fleet=mission.fleet.model_copy(update={"elements": elements}), workload=workload)


MISSION = _lone_mission()


def _story(mission: Mission, until: MissionTime) -> list[Submission]:
    workload = mission.workload[0]
    return [Submission(workload.at(mission.epoch, 1), workload.spec(mission.epoch, 1), workload.bundle)]


def _command(table: Table) -> None:
    request = TcRequest(node=NODE, command=SetHkInterval(interval_s=20.0), expires_after_s=3600.0)
    table.timers.after_s(200.0, lambda: table.ground.service.send_tc(request, BENCH_USER) and None)


class _Cut:
    """Resets the node once, just before or just after its n-th durable write."""

    def __init__(self, write: int, side: str) -> None:
        self.done = False
        self._write = write
        self._side = side

    def before(self, node: str, write: int) -> None:
        self._at("before", node, write)

    def after(self, node: str, write: int) -> None:
        self._at("after", node, write)

    def _at(self, side: str, node: str, write: int) -> None:
        if not self.done and side == self._side and write == self._write:
            self.done = True
            raise ProcessorResetError(node)


def _fly_whole() -> int:
    writes = 0

    def count(node: str, write: int) -> None:
        nonlocal writes
        writes = write

    flight = fly(MISSION, HOURS, SEED, scenario=Scenario(_story, _command, Meddling(after_write=count)))
    assert _problems(flight) == ""
    return writes


def _fly_cut(write: int, side: str) -> str:
    cut = _Cut(write, side)
    meddling = Meddling(before_write=cut.before, after_write=cut.after)
    flight = fly(MISSION, HOURS, SEED, scenario=Scenario(_story, _command, meddling))
    assert cut.done, f"there is no write {write}"
    problems = _problems(flight)
    return f"cut {side} write {write}: {problems}\n" if problems else ""


def _problems(flight: Flight) -> str:
    lines = [broken(flight, reports_within_s=900.0)]
    ends = {entry.what[0]: entry.what[1] for entry in flight.history.entries("end")}
    if ends["results"] != {JOB: hashlib.sha256(result_of(_spec())).hexdigest()}:
        lines.append(f"result is {ends['results']}, job is {ends['ground_jobs']}")
    if set(ends["ground_tcs"].values()) != {"COMPLETED"}:
        lines.append(f"telecommands are {ends['ground_tcs']}")
    return "\n".join(line for line in lines if line)


def _spec() -> JobSpec:
    return MISSION.workload[0].spec(MISSION.epoch, 1)


@pytest.mark.slow
@pytest.mark.parametrize("side", ["before", "after"])
def test_a_reset_at_any_durable_write_leaves_the_same_result(side: str) -> None:
    step = int(os.environ.get("DAWNLINE_CRASH_STEP", CI_STEP))
    writes = _fly_whole()

    problems = [_fly_cut(write, side) for write in range(1, writes + 1, step)]

    assert writes > 20
    assert "".join(problems) == "", "again with: DAWNLINE_CRASH_STEP=1 make svf"
