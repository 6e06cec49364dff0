"""Every checker: a history that holds, a planted violation that it must catch, and nothing checked has not held."""

from collections.abc import Callable
from typing import Any

import pytest

from flatsat import invariants
from flatsat.history import History
from flatsat.invariants import CHECKERS, Verdict, judge
from icd.timebase import MissionTime, after

Plant = Callable[[History], None]
NODE = "node-1"
BOOK = {
    "start_wh": 100.0,
    "solar_wh": 50.0,
    "unserved_wh": 0.0,
    "energy_wh": 80.0,
    "load_wh": 60.0,
    "conversion_loss_wh": 4.0,
    "resistance_loss_wh": 1.5,
    "curtailed_wh": 4.0,
    "cells_lost_wh": 0.0,
    "faded_wh": 0.5,
}
HEAT = {
    "start_j": 1e8,
    "compute_j": 5e7,
    "background_j": 2e7,
    "sunlight_j": 1e6,
    "albedo_j": 1e6,
    "infrared_j": 4e6,
    "radiated_j": 8e7,
    "stored_j": 9.6e7,
}


def fact(history: History, kind: str, *bodies: dict[str, Any], node: str = NODE) -> None:
    history.write(MissionTime(len(history)), node, "fact", kind, list(bodies))


def end(history: History, *what: Any, source: str = NODE) -> None:
    history.write(MissionTime(len(history)), source, "end", *what)


def stage(name: str, step: int = 0, request_id: str = "tc-1", reason: str | None = None, at: int = 0) -> dict[str, Any]:
    return {"request_id": request_id, "stage": name, "step": step, "reason": reason, "at": at}


def job(state: str, job_id: str = "job-1", **changed: Any) -> dict[str, Any]:
    body = {"job_id": job_id, "state": state, "attempt": 1, "at": 0, "checkpoint": None, "reason": None}
    return body | {"result_sha256": "ab" if state == "SUCCEEDED" else None} | changed


def mode(source: str, target: str, reason: str = "sun") -> dict[str, Any]:
    fields = {"source": source, "target": target, "reason": reason}
    return {"event_id": "POWER_MODE_CHANGED", "at": 0, "fields": fields}


def broken_disk(node: str, start: int, end: int | None, *moves: tuple[int, str, str]) -> Plant:
    """Moves at their instants, and a span in which a node's disk took no write."""

    def plant(history: History) -> None:
        history.write(MissionTime(start), node, "disk", "broken")
        if end is not None:
            history.write(MissionTime(end), node, "disk", "works")
        for at, source, target in moves:
            fact(history, "event", mode(source, target) | {"at": at})

    return plant


def stages(*names: str) -> Plant:
    def plant(history: History) -> None:
        fact(history, "verification", *(stage(name, at=at) for at, name in enumerate(names)))

    return plant


def repeated(*names: str) -> Plant:
    """A telecommand that was sent again and answered with the same reports."""

    def plant(history: History) -> None:
        stages(*names)(history)
        stages(*names)(history)

    return plant


def steps(*numbers: int) -> Plant:
    def plant(history: History) -> None:
        progress = [stage("PROGRESS", number, at=at) for at, number in enumerate(numbers)]
        fact(history, "verification", *map(stage, ("RECEIVED", "ACCEPTED", "STARTED")), *progress, stage("COMPLETED"))

    return plant


def jobs(*states: str) -> Plant:
    def plant(history: History) -> None:
        for state in states:
            fact(history, "job", job(state))

    return plant


def jobs_on_two_nodes(history: History) -> None:
    for node in ("node-1", "node-2"):
        fact(history, "job", job("STAGING"), job("FAILED", reason="DEADLINE"), node=node)


def held(states: tuple[str, ...], alive: tuple[str, ...], ground: dict[str, str]) -> Plant:
    def plant(history: History) -> None:
        jobs(*states)(history)
        end(history, "live_jobs", dict.fromkeys(alive, "QUEUED"))
        kept = {job_id: _ground_job(state) for job_id, state in ground.items()}
        end(history, "ground_jobs", kept, source="ground")

    return plant


def _ground_job(state: str) -> dict[str, str]:
    """A state, or a state with the reason for it."""
    name, _, reason = state.partition(" ")
    return {"state": name, "reason": reason}


def reports(got: int, waiting: int, strange: bool = False) -> Plant:
    def plant(history: History) -> None:
        sent = [stage("RECEIVED"), stage("ACCEPTED")]
        fact(history, "verification", *sent)
        arrived = [[NODE, "verification", body] for body in (sent * 2)[:got]]
        arrived += [[NODE, "verification", stage("STARTED")]] if strange else []
        end(history, "reports", arrived, source="ground")
        end(history, "outbox_rows", waiting)

    return plant


def modes(*bodies: dict[str, Any]) -> Plant:
    return lambda history: fact(history, "event", *bodies)


def soc(soc_frac: float, profile: str = "FULL", jobs_run: int = 0, solar_w: float = 0.0) -> Plant:
    truth = {"soc_frac": soc_frac, "soc_hard_floor_frac": 0.55, "load_profile": profile, "jobs_run": jobs_run}
    truth |= {"solar_w": solar_w, "load_w": 9e3}

    def plant(history: History) -> None:
        for minute in range(4):
            history.write(after(MissionTime(0), 60.0 * minute), NODE, "sample", truth)

    return plant


def book(**changed: float) -> Plant:
    return lambda history: end(history, "energy_book", BOOK | changed)


def heat(**changed: float) -> Plant:
    return lambda history: end(history, "heat_book", HEAT | changed)


def sending(*words: str) -> Plant:
    def plant(history: History) -> None:
        for word in words:
            if word == "reset":
                history.write(MissionTime(0), NODE, "reset")
            elif word == "send":
                history.write(MissionTime(0), NODE, "out", "space", f"dl/{NODE}/hk", 100)
            else:
                history.write(MissionTime(0), NODE, "in", "space", "state", word.encode())

    return plant


def refusal(kind: str, body: dict[str, Any]) -> Plant:
    return lambda history: fact(history, kind, body)


def result(promised: str | None, kept: str) -> Plant:
    def plant(history: History) -> None:
        fact(history, "job", job("SUCCEEDED", result_sha256=promised))
        end(history, "results", {"job-1": kept}, source="ground")

    return plant


def closing(names: tuple[str, ...], still_open: tuple[str, ...]) -> Plant:
    def plant(history: History) -> None:
        stages(*names)(history)
        end(history, "open_tcs", list(still_open))

    return plant


DONE = ("RECEIVED", "ACCEPTED", "STARTED", "COMPLETED")
RUN = ("STAGING", "QUEUED", "STARTING", "RUNNING")
CASES: dict[str, tuple[list[Plant], list[Plant]]] = {
    "telecommand_stages_in_order_and_once": (
        [stages(*DONE), stages("RECEIVED", "FAILED"), steps(1, 2, 3), repeated(*DONE), stages("FAILED", "FAILED")],
        [
            stages("ACCEPTED", "STARTED", "COMPLETED"),
            stages("RECEIVED", "STARTED", "COMPLETED"),
            stages("RECEIVED", "RECEIVED", "ACCEPTED"),
            stages(*DONE, "COMPLETED"),
            stages("RECEIVED", "FAILED", "ACCEPTED"),
            steps(1, 1),
            steps(2, 3),
        ],
    ),
    "accepted_telecommands_close_or_stay_open": (
        [closing(DONE, ()), closing(DONE[:2], ("tc-1",))],
        [closing(DONE[:2], ()), closing(DONE, ("tc-1",))],
    ),
    "jobs_move_along_edges": (
        [jobs(*RUN), jobs(*RUN, "RUNNING", "CHECKPOINTING", "QUEUED"), jobs_on_two_nodes],
        [jobs("QUEUED"), jobs("STAGING", "RUNNING"), jobs(*RUN, "SUCCEEDED"), jobs("STAGING", "FAILED", "QUEUED")],
    ),
    "jobs_end_once": (
        [jobs("STAGING", "FAILED"), jobs("STAGING", "CANCELLED")],
        [jobs("STAGING", "FAILED", "FAILED"), jobs_on_two_nodes, jobs("STAGING", "CANCELLED", "SUCCEEDED")],
    ),
    "no_accepted_job_lost": (
        [
            held(("STAGING", "FAILED"), (), {"job-1": "FAILED"}),
            held(("STAGING",), ("job-1",), {"job-1": "QUEUED", "job-2": "SUBMITTED", "job-3": "FAILED DEADLINE"}),
        ],
        [
            held(("STAGING",), (), {}),
            held(("STAGING", "FAILED"), ("job-1",), {}),
            held(("STAGING",), ("job-1",), {"job-2": "QUEUED"}),
            held(("STAGING",), ("job-1",), {"job-2": "FAILED EXIT_CODE"}),
        ],
    ),
    "reports_arrive_once": (
        [reports(2, 0), reports(1, 1), reports(0, 2)],
        [reports(3, 0), reports(1, 0), reports(2, 0, strange=True)],
    ),
    "power_modes_along_edges_with_reason": (
        [
            modes(mode("SURVIVAL", "NOMINAL"), mode("NOMINAL", "ECLIPSE")),
            modes(
                mode("SURVIVAL", "NOMINAL"),
                {"event_id": "NODE_BOOTED", "at": 0, "fields": {}},
                mode("SURVIVAL", "ECLIPSE"),
            ),
            broken_disk(NODE, 5, 6, (1, "SURVIVAL", "NOMINAL"), (9, "SAFE", "SURVIVAL")),
            broken_disk(NODE, 5, None, (1, "SURVIVAL", "NOMINAL"), (9, "SAFE", "SURVIVAL")),
        ],
        [
            modes(mode("SAFE", "BOOST")),
            modes(mode("SURVIVAL", "NOMINAL", reason="")),
            modes(mode("SURVIVAL", "NOMINAL"), mode("SURVIVAL", "ECLIPSE")),
            modes({"event_id": "POWER_MODE_CHANGED", "at": 0, "fields": {}}),
            broken_disk(NODE, 10, 12, (1, "SURVIVAL", "NOMINAL"), (9, "SAFE", "SURVIVAL")),
            broken_disk("node-2", 5, 6, (1, "SURVIVAL", "NOMINAL"), (9, "SAFE", "SURVIVAL")),
            broken_disk(NODE, 5, 6, (1, "SURVIVAL", "NOMINAL"), (9, "SAFE", "BOOST")),
        ],
    ),
    "battery_above_hard_floor": (
        [soc(0.55), soc(0.9), soc(0.5, "REDUCED"), soc(0.5, jobs_run=1, solar_w=1e4)],
        [soc(0.5499), soc(0.5, "REDUCED", jobs_run=1), soc(float("nan"))],
    ),
    "energy_book_closes": (
        [book(), book(solar_wh=60.0, curtailed_wh=14.0)],
        [book(solar_wh=50.001), book(load_wh=float("nan")), book(unserved_wh=-1.0)],
    ),
    "heat_book_closes": (
        [heat(), heat(compute_j=6e7, radiated_j=9e7)],
        [heat(stored_j=9.6001e7), heat(radiated_j=float("nan")), heat(albedo_j=0.0)],
    ),
    "no_sending_without_link": (
        [sending("up", "send", "down", "up", "send")],
        [sending("send"), sending("up", "send", "down", "send"), sending("up", "reset", "send")],
    ),
    "every_refusal_has_a_reason": (
        [refusal("verification", stage("FAILED", reason="EXPIRED")), refusal("job", job("FAILED", reason="DEADLINE"))],
        [refusal("verification", stage("FAILED")), refusal("job", job("FAILED")), refusal("job", job("CANCELLED"))],
    ),
    "results_are_the_bytes_promised": ([result("ab", "ab")], [result("ab", "cd"), result(None, "ab")]),
}


def verdict(name: str, plant: Plant) -> Verdict:
    history = History()
    plant(history)
    return next(row for row in judge(history) if row.name == name)


def test_every_checker_has_its_cases() -> None:
    assert list(CASES) == list(CHECKERS)


@pytest.mark.parametrize(("name", "at"), [(name, at) for name, (good, _) in CASES.items() for at in range(len(good))])
def test_a_checker_lets_a_history_pass_that_holds(name: str, at: int) -> None:
    found = verdict(name, CASES[name][0][at])

    assert found.examples == ()
    assert found.holds


@pytest.mark.parametrize(("name", "at"), [(name, at) for name, (_, bad) in CASES.items() for at in range(len(bad))])
def test_a_checker_catches_a_planted_violation(name: str, at: int) -> None:
    found = verdict(name, CASES[name][1][at])

    assert found.violated >= 1
    assert not found.holds
    assert all(example and "\n" not in example for example in found.examples)


@pytest.mark.parametrize("name", CHECKERS)
def test_a_checker_that_checked_nothing_has_not_held(name: str) -> None:
    found = next(row for row in judge(History()) if row.name == name)

    assert (found.checked, found.violated) == (0, 0)
    assert not found.holds


def test_a_verdict_keeps_a_few_examples_and_counts_all() -> None:
    history = History()
    for _ in range(50):
        book(load_wh=0.0)(history)

    found = next(row for row in judge(history) if row.name == "energy_book_closes")

    assert (found.checked, found.violated, len(found.examples)) == (50, 50, 20)


def test_judging_changes_nothing_and_says_the_same_twice() -> None:
    history = History()
    for good, _ in CASES.values():
        good[0](history)
    before = history.sha256({})

    assert judge(history) == judge(history)
    assert history.sha256({}) == before
    assert [row.name for row in invariants.judge(history)] == list(CHECKERS)
