"""What comes down: reports once, samples checked, files whole, and nothing trusted."""

import hashlib
import math
from collections.abc import Mapping
from pathlib import Path

import pytest

from ground.errors import ArchiveError
from ground.fleet import CLOCK_AHEAD_S_MAX
from ground.notices import EVENTS_PER_WINDOW_MAX
from icd.codec import decode, encode
from icd.events import EventReport, OutboxAck, OutboxBatch, OutboxItem, Severity
from icd.hk import Hk, pack
from icd.jobs import JobState
from icd.timebase import after
from icd.transfer import CHUNK_BYTES, Chunk, ChunkAck, TransferKind
from runtime.chunks import MISMATCHES_MAX
from tests.unit.ground.bench import OUTBOX, Bench, item, sample

ACK = "ul/node-a/ack"
FILE = b"0123456789" * 20_000


def event(bench: Bench, **fields: object) -> EventReport:
    return EventReport.model_validate(
        {
            "event_id": "JOB_ADMITTED",
            "severity": Severity.INFO,
            "at": bench.clock.now(),
            "app": "jobs",
            "fields": fields,
        }
    )


def batch(*items: OutboxItem, node: str = "node-a") -> OutboxBatch:
    return OutboxBatch(node=node, outbox_id=OUTBOX, items=items)


@pytest.mark.req("GND-001")
def test_a_batch_that_comes_twice_is_archived_once_and_acknowledged_twice(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    message = batch(item(7, event(bench, job_id="job-1", tenant="acme")), item(8, event(bench, job_id="job-2")))

    bench.send("node-a", "report", message)
    bench.send("node-a", "report", message)

    texts = [one["text"] for one in bench.ground.reader.events()]
    assert texts == ["Job job-1 of acme admitted.", "Job job-2 of ? admitted."]
    assert [decode(payload, OutboxAck).seqs for payload in bench.link.take(ACK)] == [(7, 8), (7, 8)]


@pytest.mark.req("GND-002")
@pytest.mark.parametrize(
    "bad",
    [
        OutboxItem(seq=1, kind="job", body={"job_id": "job-1"}),
        OutboxItem(seq=1, kind="event", body={"x": 1}),
        OutboxItem(seq=1, kind="verification", body={}),
    ],
)
def test_a_report_that_is_none_is_noted_and_blocks_nothing(tmp_path: Path, bad: OutboxItem) -> None:
    bench = Bench(tmp_path)

    bench.send("node-a", "report", batch(bad, item(2, event(bench, job_id="job-2"))))

    assert [one["event_id"] for one in bench.ground.reader.events()] == ["JOB_ADMITTED", "MESSAGE_REJECTED"]
    assert decode(bench.link.take(ACK)[0], OutboxAck).seqs == (1, 2)


@pytest.mark.req("GND-002")
@pytest.mark.parametrize("change", [{"at": 2**63}, {"fields": {"job_id": math.nan}}])
def test_numbers_beyond_reason_are_refused(tmp_path: Path, change: dict[str, object]) -> None:
    bench = Bench(tmp_path)
    body = {**event(bench).model_dump(mode="python"), **change}

    bench.send("node-a", "report", batch(OutboxItem(seq=1, kind="event", body=body)))

    assert [one["event_id"] for one in bench.ground.reader.events()] == ["MESSAGE_REJECTED"]


@pytest.mark.req("GND-003")
def test_a_body_that_names_another_node_than_its_topic_is_refused(tmp_path: Path) -> None:
    bench = Bench(tmp_path)

    bench.ground.on_message("dl/node-a/hk", encode(pack("node-b", 1, bench.clock.now(), sample())))
    bench.ground.on_message("dl/node-a/report", encode(batch(item(1, event(bench)), node="node-b")))

    assert bench.ground.notices.counts["messages_rejected"] == 2
    assert bench.link.sent == []
    assert not bench.ground.watch.heard("node-b")


@pytest.mark.req("GND-003")
def test_noise_fills_no_archive(tmp_path: Path) -> None:
    bench = Bench(tmp_path)

    for _ in range(500):
        bench.ground.on_message("dl/node-a/hk", b"\xff")

    assert bench.ground.notices.counts["messages_rejected"] == 500
    assert len(bench.ground.reader.events(limit=1000)) == EVENTS_PER_WINDOW_MAX


@pytest.mark.req("GND-004")
@pytest.mark.parametrize("change", [{"mode": 5}, {"soc_frac": "high"}, {"boot_count": 1.5}, {"handoffs": True}])
def test_a_sample_with_values_of_the_wrong_kind_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    bench = Bench(tmp_path)

    bench.hear("node-a", **change)

    assert bench.ground.watch.latest("node-a") is None
    assert bench.ground.notices.counts["messages_rejected"] == 1


@pytest.mark.req("GND-004")
def test_late_samples_fill_the_past_and_leave_the_present(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    early, late = bench.clock.now(), after(bench.clock.now(), 60.0)
    bench.advance(60.0)

    bench.ground.on_message("dl/node-a/hk", encode(pack("node-a", 2, late, sample(soc_frac=0.7))))
    bench.ground.on_message("dl/node-a/hk", encode(pack("node-a", 1, early, sample(soc_frac=0.8))))
    bench.ground.flush()

    assert bench.ground.reader.node("node-a")["soc_frac"] == 0.7
    assert bench.ground.reader.history("node-a", 0.0, 200.0, 600)["columns"]["soc_frac"] == [0.8, 0.7]


@pytest.mark.req("GND-004")
def test_a_sample_from_the_future_would_hide_all_later_ones_and_is_refused(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    ahead = after(bench.clock.now(), CLOCK_AHEAD_S_MAX + 1.0)

    bench.ground.on_message("dl/node-a/hk", encode(pack("node-a", 1, ahead, sample())))

    assert bench.ground.watch.latest("node-a") is None


@pytest.mark.req("GND-004")
def test_another_dictionary_is_refused(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    good = pack("node-a", 1, bench.clock.now(), sample())
    other = Hk(node="node-a", counter=1, at=good.at, dictionary="f" * 16, values=good.values)

    bench.send("node-a", "hk", other)

    assert bench.ground.notices.counts["messages_rejected"] == 1


@pytest.mark.req("GND-005")
def test_a_node_is_heard_for_three_quarters_of_a_minute(tmp_path: Path) -> None:
    bench = Bench(tmp_path)

    bench.hear("node-a")
    bench.advance(45.0)
    still = bench.ground.watch.heard("node-a")
    bench.advance(1.0)

    assert still
    assert not bench.ground.watch.heard("node-a")


@pytest.mark.req("GND-006")
def test_what_the_archive_refuses_is_not_acknowledged(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    message = batch(item(1, event(bench, job_id="job-1")))
    commit = bench.archive.telemetry.take_report

    def full(node: str, outbox_id: str, seq: int) -> bool:
        raise ArchiveError("disk full")

    bench.archive.telemetry.take_report = full  # type: ignore[method-assign]  # a disk cannot be filled here
    bench.send("node-a", "report", message)
    refused = bench.link.take(ACK)
    bench.archive.telemetry.take_report = commit  # type: ignore[method-assign]
    bench.send("node-a", "report", message)

    assert refused == []
    assert bench.ground.notices.counts["storage_failures"] == 1
    assert [decode(payload, OutboxAck).seqs for payload in bench.link.take(ACK)] == [(1,)]
    assert [one["event_id"] for one in bench.ground.reader.events()] == ["STORAGE_FAILED", "JOB_ADMITTED"]


def flying(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path)
    bench.hear("node-a")
    bench.submit("job-1", node="node-a")
    bench.report("node-a", bench.job_report("job-1", JobState.QUEUED))
    bench.link.sent.clear()
    return bench


def chunk(offset: int, content: bytes = FILE, changes: Mapping[str, object] | None = None) -> Chunk:
    values: dict[str, object] = {
        "transfer_id": "r-job-1",
        "kind": TransferKind.RESULT,
        "job_id": "job-1",
        "total_bytes": len(content),
        "sha256": hashlib.sha256(FILE).hexdigest(),
        "offset": offset,
        "content": content[offset : offset + CHUNK_BYTES],
    }
    return Chunk.model_validate({**values, **(changes or {})})


def acks(bench: Bench) -> list[ChunkAck]:
    return [decode(payload, ChunkAck) for payload in bench.link.take("ul/node-a/xfer")]


@pytest.mark.req("GND-007")
def test_a_result_comes_in_pieces_in_any_order_and_twice(tmp_path: Path) -> None:
    bench = flying(tmp_path)
    for offset in (CHUNK_BYTES, 0, 0, CHUNK_BYTES, 2 * CHUNK_BYTES, 2 * CHUNK_BYTES):
        bench.send("node-a", "xfer", chunk(offset))

    job = bench.ground.reader.job("job-1")
    assert [(ack.next_offset, ack.done) for ack in acks(bench)] == [
        (0, False),
        (CHUNK_BYTES, False),
        (CHUNK_BYTES, False),
        (2 * CHUNK_BYTES, False),
        (len(FILE), True),
        (len(FILE), True),
    ]
    assert job["result_state"] == "READY"
    assert bench.ground.reader.job_file("job-1", TransferKind.RESULT) == FILE


@pytest.mark.req("GND-007")
def test_a_restarted_ground_goes_on_where_its_disk_stands(tmp_path: Path) -> None:
    bench = flying(tmp_path)
    bench.send("node-a", "xfer", chunk(0))
    again = Bench(tmp_path, bench.archive, bench.clock)
    again.hear("node-a")
    again.link.sent.clear()

    again.send("node-a", "xfer", chunk(0))

    assert [ack.next_offset for ack in acks(again)] == [CHUNK_BYTES]


@pytest.mark.req("GND-008")
def test_a_file_with_the_wrong_sha_is_asked_for_again_and_then_refused(tmp_path: Path) -> None:
    bench = flying(tmp_path)
    wrong = FILE[:-1] + b"x"
    for _ in range(MISMATCHES_MAX):
        for offset in range(0, len(wrong), CHUNK_BYTES):
            bench.send("node-a", "xfer", chunk(offset, content=wrong))

    last = [ack for ack in acks(bench) if ack.next_offset == 0]
    assert [ack.refused is None for ack in last] == [True] * (MISMATCHES_MAX - 1) + [False]
    assert bench.ground.reader.job("job-1")["result_state"] == "DOWNLINKING"


@pytest.mark.req("GND-008")
@pytest.mark.parametrize(
    "changes",
    [
        {"job_id": "job-9"},
        {"kind": TransferKind.BUNDLE},
        {"total_bytes": CHUNK_BYTES},
    ],
)
def test_files_that_nobody_expects_are_refused(tmp_path: Path, changes: dict[str, object]) -> None:
    bench = flying(tmp_path)

    bench.send("node-a", "xfer", chunk(2 * CHUNK_BYTES, changes=changes))

    assert acks(bench)[0].refused is not None


@pytest.mark.req("GND-008")
def test_a_result_other_than_the_reported_one_is_refused(tmp_path: Path) -> None:
    bench = flying(tmp_path)
    bench.advance(1.0)
    bench.report("node-a", bench.job_report("job-1", JobState.SUCCEEDED, result_sha256="0" * 64, result_bytes=4))
    bench.link.sent.clear()

    bench.send("node-a", "xfer", chunk(0))

    assert acks(bench)[0].refused is not None
