"""The past as columns and bars, and the near future as windows."""

from pathlib import Path

import pytest

from ground.passes import Passes
from icd.events import EventReport, Severity
from icd.jobs import JobState
from icd.timebase import after
from tests.unit.ground.bench import EPOCH, Bench, fleet


def event(bench: Bench, event_id: str, **fields: object) -> EventReport:
    return EventReport.model_validate(
        {"event_id": event_id, "severity": Severity.INFO, "at": bench.clock.now(), "app": "isl", "fields": fields}
    )


@pytest.mark.req("GND-040")
def test_columns_come_in_as_many_buckets_as_asked_for(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    for step in range(120):
        bench.hear("node-a", soc_frac=step / 120)
        bench.advance(30.0)
    bench.ground.flush()

    few = bench.ground.reader.history("node-a", 0.0, 3700.0, 10)["columns"]
    all_of_them = bench.ground.reader.history("node-a", 0.0, 3700.0, 5000)["columns"]

    assert len(few["t_s"]) == 10
    assert len(all_of_them["t_s"]) == 120
    assert all_of_them["t_s"][:2] == [100.0, 130.0]
    assert {len(column) for column in few.values()} == {10}  # type: ignore[arg-type]  # every column is a list


@pytest.mark.req("GND-040")
def test_bars_of_modes_jobs_and_links(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.hear("node-a", mode="NOMINAL")
    bench.submit("job-1", node="node-a")
    bench.report(
        "node-a", bench.job_report("job-1", JobState.RUNNING), event(bench, "ISL_UP", terminal=0, peer="node-b")
    )
    bench.advance(50.0)
    changed = event(bench, "POWER_MODE_CHANGED", source="NOMINAL", target="ECLIPSE", reason="dark")
    bench.report("node-a", bench.job_report("job-1", JobState.CHECKPOINTING), changed)
    bench.advance(10.0)
    down = event(bench, "ISL_DOWN", terminal=0, peer="node-b", why="set")
    bench.report("node-a", bench.job_report("job-1", JobState.QUEUED), down)
    bench.hear("node-a", mode="ECLIPSE")
    bench.advance(40.0)
    bench.ground.flush()

    past = bench.ground.reader.history("node-a", 120.0, 1000.0, 600)

    assert past["jobs"] == [
        {"job_id": "job-1", "state": "RUNNING", "start_s": 120.0, "end_s": 150.0},
        {"job_id": "job-1", "state": "CHECKPOINTING", "start_s": 150.0, "end_s": 160.0},
    ]
    assert past["links"] == [{"peer": "node-b", "start_s": 120.0, "end_s": 160.0}]
    assert past["modes"] == [{"mode": "ECLIPSE", "reason": "dark", "start_s": 150.0, "end_s": 200.0}]


@pytest.mark.req("GND-041")
def test_the_outlook_agrees_with_itself_an_hour_later() -> None:
    passes = Passes(fleet())
    early = passes.outlook("node-a", EPOCH)
    late = passes.outlook("node-a", after(EPOCH, 3600.0))

    first, last = after(EPOCH, 600.0), after(EPOCH, 3 * 3600.0)
    inside = [window for window in early.passes if first < window.start and window.end < last]
    assert inside
    assert inside == [window for window in late.passes if first < window.start and window.end < last]
    assert early.eclipses


@pytest.mark.req("GND-041")
def test_contact_is_now_or_next() -> None:
    passes = Passes(fleet())
    window = passes.outlook("node-a", EPOCH).passes[-1]

    assert passes.in_contact("node-a", after(window.start, 1.0))
    assert passes.contact_in_s("node-a", after(window.start, 1.0)) == 0.0
    assert passes.next_contact("node-a", after(window.start, -0.5)) == window.start
