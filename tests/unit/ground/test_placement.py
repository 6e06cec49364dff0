"""The choice of a node is pure and has a reason."""

from dataclasses import replace

import pytest

from ground.placement import Standing, choose
from icd.jobs import JobClass, JobSpec
from icd.tc import PowerMode
from tests.unit.ground.bench import BUNDLE, job_request

IDLE = Standing(
    node="node-a",
    heard=True,
    contact_in_s=None,
    mode=PowerMode.NOMINAL,
    soc_frac=0.9,
    backlog_s=0.0,
    has_room=True,
    slots=2,
)


def spec(job_class: JobClass = JobClass.STANDARD) -> JobSpec:
    values = job_request("job-1").model_dump(exclude={"deadline_s", "node", "bundle_base64"})
    values |= {"job_class": job_class, "bundle_sha256": "0" * 64, "bundle_bytes": len(BUNDLE), "deadline": None}
    return JobSpec.model_validate(values)


def pick(*standings: Standing, wanted: str | None = None, job_class: JobClass = JobClass.STANDARD) -> str:
    choice = choose(spec(job_class), wanted, standings)
    assert choice is not None
    return choice.node


@pytest.mark.req("GND-022")
@pytest.mark.parametrize(
    "worse",
    [
        {"backlog_s": 600.0},
        {"mode": PowerMode.SURVIVAL},
        {"mode": PowerMode.SAFE},
        {"mode": PowerMode.ECLIPSE},
        {"mode": None},
        {"soc_frac": 0.3},
        {"heard": False},
    ],
)
def test_the_node_that_starts_sooner_is_chosen(worse: dict[str, object]) -> None:
    other = replace(IDLE, node="node-b", **worse)  # type: ignore[arg-type]

    assert pick(other, IDLE) == "node-a"
    assert pick(IDLE, other) == "node-a"


@pytest.mark.req("GND-022")
def test_equal_nodes_are_chosen_in_order_of_the_fleet() -> None:
    assert pick(replace(IDLE, node="node-b"), IDLE) == "node-b"


@pytest.mark.req("GND-022")
def test_a_hot_job_minds_no_eclipse() -> None:
    dark = replace(IDLE, node="node-b", mode=PowerMode.ECLIPSE)
    busy = replace(IDLE, backlog_s=1000.0)

    assert pick(dark, busy, job_class=JobClass.HOT) == "node-b"
    assert pick(dark, busy, job_class=JobClass.BULK) == "node-a"


@pytest.mark.req("GND-022")
def test_a_wanted_node_is_taken_whatever_its_state() -> None:
    bad = replace(IDLE, node="node-b", heard=False, mode=PowerMode.SAFE)

    assert pick(IDLE, bad, wanted="node-b") == "node-b"


@pytest.mark.req("GND-022")
def test_a_node_in_safe_loses_to_one_that_will_be_heard_soon() -> None:
    safe = replace(IDLE, mode=PowerMode.SAFE)
    soon = replace(IDLE, node="node-b", heard=False, contact_in_s=300.0)

    choice = choose(spec(), None, (safe, soon))

    assert choice is not None
    assert (choice.node, choice.heard) == ("node-b", False)
    assert "heard in 300 s" in choice.why


def test_no_node_no_choice() -> None:
    assert choose(spec(), "node-z", (IDLE,)) is None
