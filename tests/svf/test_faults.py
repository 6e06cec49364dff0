"""Faults of every sort in flight: what the node must bear, and that it is whole again when they are over."""

from dataclasses import replace

import pytest

from flatsat.fly import Flight, Scenario, fly
from flatsat.mission import Mission
from flatsat.virtual import Table
from icd.codec import encode
from icd.faults import FaultKind, FaultOrder
from icd.timebase import MissionTime, seconds_between
from tests.svf.flights import broken, first_light
from tests.svf.test_crashes import _first_hour as first_hour

HOURS = 2.0
SEED = 7


def with_faults(*orders: FaultOrder) -> Mission:
    mission = first_light()
    return replace(mission, file=mission.file.model_copy(update={"faults": orders}))


def order(fault_id: str, kind: FaultKind, **fields: object) -> FaultOrder:
    return FaultOrder.model_validate({"fault_id": fault_id, "kind": kind, **fields})


def events(flight: Flight, node: str) -> list[str]:
    return [
        body["event_id"]
        for entry in flight.history.entries("fact")
        if entry.source == node and entry.what[0] == "event"
        for body in entry.what[1]
    ]


def timed_events(flight: Flight, node: str, wanted: tuple[str, ...]) -> list[tuple[float, str]]:
    """Return when a node wrote down certain events, s since the start."""
    found = []
    for entry in flight.history.entries("fact"):
        if entry.source == node and entry.what[0] == "event":
            bodies = [body for body in entry.what[1] if body["event_id"] in wanted]
            found += [
                (seconds_between(flight.mission.epoch, MissionTime(body["at"])), body["event_id"]) for body in bodies
            ]
    return found


def jobs(flight: Flight) -> dict[str, str]:
    ends = {entry.what[0]: entry.what[1] for entry in flight.history.entries("end")}
    return {job_id: job["state"] for job_id, job in ends["ground_jobs"].items()}


def fly_with(*orders: FaultOrder) -> Flight:
    return fly(with_faults(*orders), HOURS, SEED, scenario=Scenario(first_hour))


@pytest.mark.slow
def test_a_disk_that_takes_no_write_for_ten_minutes_loses_nothing() -> None:
    flight = fly_with(order("disk", FaultKind.STORAGE_FAIL, node="node-2", after_s=900.0, duration_s=600.0))

    disk = [(entry.source, entry.what[0]) for entry in flight.history.entries("disk")]
    assert disk == [("node-2", "broken"), ("node-2", "works")]
    assert broken(flight) == ""
    assert set(jobs(flight).values()) == {"SUCCEEDED"}


@pytest.mark.slow
@pytest.mark.parametrize("kind", [FaultKind.BROKER_STOP, FaultKind.BROKER_PAUSE])
def test_a_broker_that_is_gone_or_stands_still_comes_back_and_all_is_said(kind: FaultKind) -> None:
    flight = fly_with(order("gone", kind, after_s=900.0, duration_s=300.0))

    assert broken(flight) == ""
    assert set(jobs(flight).values()) == {"SUCCEEDED"}
    assert "SAFE_MODE_ENTERED" in events(flight, "node-1")  # blind: no device frames came


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "fields", "event_id"),
    [
        (FaultKind.COMPUTE_HANG, {}, "COMPUTE_HUNG"),
        (FaultKind.COMPUTE_LATCHUP, {"magnitude": 900.0}, "COMPUTE_LATCHED"),
        (FaultKind.MEMORY_ERROR, {}, "MEMORY_ERROR"),
    ],
)
def test_a_module_that_radiation_strikes_again_and_again_is_brought_back_each_time(
    kind: FaultKind, fields: dict[str, object], event_id: str
) -> None:
    """Without a duration: only the node's own power cycle ends it."""
    flight = fly_with(order("hit", kind, node="node-1", rate_per_day=300.0, times=8, **fields))

    told = events(flight, "node-1")
    assert told.count(event_id) == 8
    assert told.count("COMPUTE_BACK") == (0 if kind is FaultKind.MEMORY_ERROR else 8)
    assert "JOB_INTERRUPTED" in told
    assert "COMPUTE_STAYS_BAD" not in told
    assert broken(flight) == ""
    assert set(jobs(flight).values()) == {"SUCCEEDED"}


@pytest.mark.slow
def test_a_hostile_sky_is_borne_by_every_node() -> None:
    mission = first_light()
    rough = mission.fleet.profile.radiation.model_copy(
        update={"interrupts_per_day": 40.0, "latchups_per_day": 20.0, "multi_bit_frac": 1e-5}
    )
    profile = mission.fleet.profile.model_copy(update={"radiation": rough})
    sky = replace(mission, fleet=mission.fleet.model_copy(update={"profile": profile}))

    flight = fly(sky, HOURS, SEED, scenario=Scenario(first_hour))

    told = [event_id for node in mission.node_ids for event_id in events(flight, node)]
    assert min(told.count("COMPUTE_HUNG"), told.count("COMPUTE_LATCHED"), told.count("MEMORY_ERROR")) > 0
    assert broken(flight) == ""


@pytest.mark.slow
def test_one_object_makes_one_history_whether_a_mission_names_it_or_the_bus_brings_it() -> None:
    hang = order("hang", FaultKind.COMPUTE_HANG, node="node-1", duration_s=600.0)

    def arm(table: Table) -> None:
        link = table.broker.link("test", ())
        table.spawn(link.run(lambda topic, payload: None, lambda up: None), "test")

        def strike() -> None:
            assert link.publish("sim/fault", encode(hang), qos=1)

        table.timers.after_s(900.0, strike)

    told = fly(first_light(), 0.5, SEED, scenario=Scenario(first_hour, arm))
    named = fly(with_faults(hang.model_copy(update={"after_s": 900.0})), 0.5, SEED, scenario=Scenario(first_hour))

    marks = ("COMPUTE_HUNG", "COMPUTE_BACK", "JOB_INTERRUPTED")
    assert timed_events(told, "node-1", marks)[0][1] == "COMPUTE_HUNG"
    for one, other in zip(timed_events(told, "node-1", marks), timed_events(named, "node-1", marks), strict=True):
        assert one[1] == other[1]
        assert one[0] == pytest.approx(other[0], abs=1.0)
