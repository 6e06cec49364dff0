"""The history's file and hash, and the report that is told from it."""

import gzip
from pathlib import Path

import pytest

from flatsat import history as histories
from flatsat import report
from flatsat.history import Entry, History
from flatsat.invariants import Verdict
from flatsat.report import NodeStory
from icd.timebase import NS_PER_S, MissionTime

HOUR = 3600 * NS_PER_S
EPOCH = MissionTime(1_000 * HOUR)


def at(hour: float) -> MissionTime:
    return MissionTime(EPOCH + round(hour * HOUR))


def told() -> History:
    """A history of two hours: node-1 changes its mode twice and preempts a job, node-2 does nothing."""
    made = History()
    for minute in range(0, 121, 30):
        for node in ("node-1", "node-2"):
            made.write(at(minute / 60), node, "sample", sample(0.9 - minute / 1000, path=minute < 60))
    made.write(at(0.5), "node-1", "fact", "event", [mode("NOMINAL", "ECLIPSE"), mode("ECLIPSE", "NOMINAL")])
    for hour, state in ((0.1, "STAGING"), (0.2, "QUEUED"), (0.3, "RUNNING"), (0.4, "RUNNING"), (0.5, "CHECKPOINTING")):
        made.write(at(hour), "node-1", "fact", "job", [{"job_id": "image-0001", "state": state}])
    made.write(at(1.9), "node-1", "fact", "job", [{"job_id": "train", "state": "SUCCEEDED"}])
    made.write(at(1.0), "node-1", "fact", "event", [{"event_id": "ISL_HANDOFF", "fields": {}}])
    made.write(at(1.0), "ground", "fact", "event", [{"event_id": "ISL_HANDOFF", "fields": {}}])
    return made


def sample(soc_frac: float, path: bool) -> dict[str, object]:
    return {"soc_frac": soc_frac, "solar_w": 9e3, "load_w": 8e3, "path": path, "soc_hard_floor_frac": 0.55}


def mode(source: str, target: str) -> dict[str, object]:
    return {"event_id": "POWER_MODE_CHANGED", "fields": {"source": source, "target": target, "reason": "sun"}}


def test_entries_come_back_in_the_order_in_which_they_happened() -> None:
    made = History()
    made.write(MissionTime(5), "node-1", "in", "space", b"\x00", None)
    made.append(b"\x94\x06\xa1b\xa3out\x07")
    made.write(MissionTime(4), "node-1", "end")

    assert list(made.entries()) == [
        Entry(MissionTime(5), "node-1", "in", ("space", b"\x00", None)),
        Entry(MissionTime(6), "b", "out", (7,)),
        Entry(MissionTime(4), "node-1", "end", ()),
    ]
    assert [entry.what for entry in made.entries("out")] == [(7,)]
    assert len(made) == 3


def test_a_saved_history_loads_to_the_same_entries_and_hash(tmp_path: Path) -> None:
    made = told()
    path = tmp_path / histories.HISTORY_FILE

    made.save(path)
    loaded = histories.load(path)

    assert list(loaded.entries()) == list(made.entries())
    assert loaded.sha256({"a": "1"}) == made.sha256({"a": "1"})


def test_one_history_is_the_same_file_each_time(tmp_path: Path) -> None:
    told().save(tmp_path / "one")
    told().save(tmp_path / "two")

    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_the_hash_sees_every_entry_their_order_and_each_recorder() -> None:
    first, second = History(), History()
    for node in ("a", "b"):
        first.write(MissionTime(1), node, "in")
    for node in ("b", "a"):
        second.write(MissionTime(1), node, "in")

    hashes = [
        first.sha256({}),
        second.sha256({}),
        first.sha256({"a": "1"}),
        first.sha256({"a": "2"}),
        History().sha256({}),
    ]

    assert len(set(hashes)) == len(hashes)
    assert first.sha256({"a": "1", "b": "2"}) == first.sha256({"b": "2", "a": "1"})


@pytest.mark.parametrize(
    "content",
    [
        b"no gzip",
        gzip.compress(b"\xc1"),
        gzip.compress(b"\x07\x08"),
        gzip.compress(b"\x92\x01\xa1a"),
        gzip.compress(b"\x93")[:12],
    ],
    ids=["no gzip", "no msgpack", "no entries", "too short an entry", "torn"],  # gzip's bytes hold the time
)
def test_a_file_that_is_no_history_is_an_os_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "history"
    path.write_bytes(content)

    with pytest.raises(OSError, match=r".+"):
        histories.load(path)


def test_a_torn_history_is_an_os_error(tmp_path: Path) -> None:
    path = tmp_path / "history"
    told().save(path)
    path.write_bytes(path.read_bytes()[:-20])

    with pytest.raises(OSError, match="torn"):
        histories.load(path)


def test_a_story_holds_what_happened_on_its_node_alone() -> None:
    stories = report.tell(told(), EPOCH, ("node-1", "node-2"))

    one = stories["node-1"]
    assert list(stories) == ["node-1", "node-2"]
    assert one.t_h == [0.0, 0.5, 1.0, 1.5, 2.0]
    assert one.modes == [(0.0, "NOMINAL"), (0.5, "ECLIPSE"), (0.5, "NOMINAL")]
    assert [state for _, state in one.jobs["image-0001"]] == ["STAGING", "QUEUED", "RUNNING", "CHECKPOINTING"]
    assert one.handoffs == 1
    assert one.soc_floor_frac == 0.55
    assert stories["node-2"].jobs == {}


def test_the_summary_counts_what_the_story_tells() -> None:
    summary = report.node_summary(report.tell(told(), EPOCH, ("node-1",))["node-1"])

    assert summary == {
        "jobs": {"CHECKPOINTING": 1, "SUCCEEDED": 1},
        "jobs_ended": 1,
        "preemptions": 1,
        "soc_frac_min": 0.78,
        "mode_changes": 2,
        "handoffs": 1,
        "link_uptime_frac": 0.4,
    }


def test_a_node_of_which_nothing_was_recorded_has_a_summary_too() -> None:
    summary = report.node_summary(NodeStory())

    assert summary["soc_frac_min"] is None
    assert summary["link_uptime_frac"] is None
    assert summary["mode_changes"] == 0


def test_verdicts_become_rows() -> None:
    assert report.verdict_rows([Verdict("rule", 3, 1, ("broken",))]) == [
        {"name": "rule", "checked": 3, "violated": 1, "examples": ["broken"]}
    ]


@pytest.mark.slow
def test_the_reports_folder_holds_report_history_and_a_picture_of_each_node(tmp_path: Path) -> None:
    made = told()
    stories = report.tell(made, EPOCH, ("node-1", "node-2", "node-3"))

    report.save(tmp_path / "new" / "out", {"seed": 7}, made, stories)

    names = sorted(path.name for path in (tmp_path / "new" / "out").iterdir())
    assert names == [histories.HISTORY_FILE, "node-1.png", "node-2.png", "node-3.png", report.REPORT_FILE]
    assert (tmp_path / "new" / "out" / "node-3.png").read_bytes().startswith(b"\x89PNG")
    assert len(histories.load(tmp_path / "new" / "out" / histories.HISTORY_FILE)) == len(made)


@pytest.mark.slow
def test_one_story_is_the_same_picture_each_time(tmp_path: Path) -> None:
    story = report.tell(told(), EPOCH, ("node-1",))["node-1"]

    report.draw(story, "node-1", tmp_path / "one.png")
    report.draw(story, "node-1", tmp_path / "two.png")

    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
