"""Transfer: bundles come whole or are asked for again; results leave until the ground has them."""

import hashlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from icd.codec import decode, encode
from icd.ids import is_name
from icd.jobs import JobState
from icd.transfer import CHUNK_BYTES, Chunk, ChunkAck, TransferKind, bundle_transfer, log_transfer, result_transfer
from node.adapters.files import MemoryFiles
from node.adapters.memory_store import MemoryStore
from node.apps.transfer.app import TransferApp
from node.apps.transfer.bundles import Objection
from node.apps.transfer.deliveries import SILENCES_MAX
from node.messages import BundleReady, BundleWanted, JobEnded, LinkChanged, UplinkReceived
from node.ports.files import bundle_file, log_file, result_file
from node.ports.store import JobMove
from runtime.chunks import MISMATCHES_MAX, RESEND_WALL_S, WINDOW_CHUNKS
from tests.contract.node_rows import job_report, job_row
from tests.unit.node.harness import Bench, BenchLink
from tests.unit.node.stores import Disk, memory_store

BUNDLE = bytes(range(256)) * (CHUNK_BYTES // 256) + b"tail of the bundle"
FILES_BYTES_MAX = 16 * 1024 * 1024


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Desk:
    """A transfer app on a bench, with files, a store, a link, and a ground that keeps what comes down."""

    def __init__(
        self, *, store: MemoryStore | None = None, files: MemoryFiles | None = None, up: bool = True, room: int = 0
    ) -> None:
        self.disk = Disk()
        self.store = store or memory_store(self.disk)
        self.files = files or MemoryFiles(room or FILES_BYTES_MAX)
        self.link = BenchLink(up)
        self.bench = Bench()
        self.app = self.bench.add("transfer", lambda kernel: TransferApp(kernel, self.link, self.files, self.store))
        self.bench.boot()
        self.bench.advance(0.0)

    def reset(self) -> "Desk":
        """Return the desk after a reset of the processor: the same disk, everything else new."""
        fresh = Desk(store=self.store, files=self.files)
        fresh.disk = self.disk
        return fresh

    def want(self, content: bytes = BUNDLE, job_id: str = "j1") -> None:
        self.bench.say(BundleWanted(job_id, sha(content), len(content)))

    def chunk(self, at: int, bundle: bytes = BUNDLE, /, **changes: Any) -> ChunkAck:
        """Send the chunk at an offset up, and return the answer."""
        fields: dict[str, Any] = {
            "transfer_id": bundle_transfer("j1"),
            "kind": TransferKind.BUNDLE,
            "job_id": "j1",
            "total_bytes": len(bundle),
            "sha256": sha(bundle),
            "offset": at,
            "content": bundle[at : at + CHUNK_BYTES],
        }
        self.bench.say(UplinkReceived("xfer", encode(Chunk(**{**fields, **changes}))))
        [answer] = [decode(payload, ChunkAck) for payload in self.link.take("xfer")]
        return answer

    def end_job(self, job_id: str = "j1", result: bytes | None = None, log: bytes | None = None) -> None:
        for name, content in ((result_file(job_id), result), (log_file(job_id), log)):
            if content is not None:
                self.files.write(name, content)
        self.store.add_job(job_row(job_id), ())
        self.store.move_job(job_id, JobState.STAGING, JobState.FAILED, JobMove(), job_report(job_id, JobState.FAILED))
        self.bench.say(JobEnded(job_id, JobState.SUCCEEDED, None, None))

    def down(self) -> list[Chunk]:
        return [decode(payload, Chunk) for payload in self.link.take("xfer")]

    def ack(self, transfer_id: str, next_offset: int, *, done: bool = False, refused: str | None = None) -> None:
        ack = ChunkAck(transfer_id=transfer_id, next_offset=next_offset, done=done, refused=refused)
        self.bench.say(UplinkReceived("xfer", encode(ack)))

    def set_link(self, up: bool) -> None:
        self.link.up = up
        self.bench.say(LinkChanged(up))


# --- up ---


@pytest.mark.req("XFR-001")
def test_a_bundle_comes_whole_in_chunks_and_is_announced_once() -> None:
    desk = Desk()
    desk.want()

    first, second = desk.chunk(0), desk.chunk(CHUNK_BYTES)

    assert (first.next_offset, first.done) == (CHUNK_BYTES, False)
    assert (second.next_offset, second.done) == (len(BUNDLE), True)
    assert desk.bench.said(BundleReady) == [BundleReady("j1")]
    assert desk.bench.event_ids() == ["BUNDLE_RECEIVED"]
    assert desk.files.read(bundle_file("j1"), 0, len(BUNDLE)) == BUNDLE


@pytest.mark.req("XFR-001")
def test_a_chunk_after_a_gap_is_answered_with_what_is_wanted_and_a_copy_changes_nothing() -> None:
    desk = Desk()
    desk.want()

    assert desk.chunk(CHUNK_BYTES).next_offset == 0
    assert desk.chunk(0).next_offset == CHUNK_BYTES
    assert desk.chunk(0).next_offset == CHUNK_BYTES

    assert desk.chunk(CHUNK_BYTES).done
    assert desk.chunk(CHUNK_BYTES).done
    assert desk.bench.said(BundleReady) == [BundleReady("j1")]


@pytest.mark.req("XFR-002")
def test_a_reset_keeps_the_part_that_was_there() -> None:
    desk = Desk()
    desk.want()
    desk.chunk(0)

    after_reset = desk.reset()
    after_reset.want()

    assert after_reset.chunk(0).next_offset == CHUNK_BYTES
    assert after_reset.chunk(CHUNK_BYTES).done


@pytest.mark.req("XFR-002")
def test_a_bundle_that_is_whole_on_disk_is_announced_without_a_transfer() -> None:
    desk = Desk()
    desk.want()
    desk.chunk(0)
    desk.chunk(CHUNK_BYTES)

    after_reset = desk.reset()
    after_reset.want()

    assert after_reset.bench.said(BundleReady) == [BundleReady("j1")]


@pytest.mark.req("XFR-003")
def test_a_corrupt_bundle_is_dropped_named_and_asked_for_again() -> None:
    desk = Desk()
    desk.want()
    desk.chunk(0, content=b"\x00" * CHUNK_BYTES)

    assert desk.chunk(CHUNK_BYTES).next_offset == 0
    assert desk.bench.event_ids() == ["BUNDLE_CORRUPT"]
    desk.chunk(0)

    assert desk.chunk(CHUNK_BYTES).done


@pytest.mark.req("XFR-003")
def test_a_bundle_that_is_corrupt_again_and_again_is_refused() -> None:
    desk = Desk()
    desk.want(b"right")

    answers = [desk.chunk(0, b"right", content=b"wrong") for _ in range(MISMATCHES_MAX)]

    assert [answer.refused for answer in answers] == [None] * (MISMATCHES_MAX - 1) + [Objection.MISMATCH.value]
    assert desk.chunk(0, b"right").done


@pytest.mark.req("XFR-004")
@pytest.mark.parametrize(
    ("changes", "objection"),
    [
        ({"job_id": "j2", "transfer_id": bundle_transfer("j2")}, Objection.UNKNOWN_JOB),
        ({"kind": TransferKind.RESULT}, Objection.KIND),
        ({"transfer_id": "something-else"}, Objection.NAME),
        ({"sha256": "0" * 64}, Objection.OTHER_FILE),
        ({"total_bytes": len(BUNDLE) + 1}, Objection.OTHER_FILE),
        ({"offset": len(BUNDLE), "content": b"more"}, Objection.PLACE),
    ],
)
def test_a_transfer_that_nobody_wants_is_refused_with_the_reason(changes: Any, objection: Objection) -> None:
    desk = Desk()
    desk.want()

    answer = desk.chunk(0, **changes)

    assert answer.refused == objection.value
    assert desk.bench.event_ids() == ["TRANSFER_REFUSED"]
    assert desk.files.part_size(bundle_file("j1")) == 0


@pytest.mark.req("XFR-004")
def test_a_refused_transfer_that_goes_on_is_one_event() -> None:
    desk = Desk()

    for _ in range(20):
        desk.chunk(0)

    assert desk.bench.event_ids() == ["TRANSFER_REFUSED"]


@pytest.mark.req("XFR-004")
@pytest.mark.parametrize("payload", [b"", b"\xff" * 99, b"\x00" * 600_000])
def test_garbage_on_the_transfer_channel_is_a_rejection(payload: bytes) -> None:
    desk = Desk()

    desk.bench.say(UplinkReceived("xfer", payload))

    assert desk.bench.event_ids() == ["UPLINK_REJECTED"]


@pytest.mark.req("XFR-005")
def test_a_full_disk_asks_for_the_same_bytes_until_there_is_room() -> None:
    desk = Desk(room=len(BUNDLE) + 10)
    desk.files.write("result-old", b"x" * 20)
    desk.want()

    assert desk.chunk(0).next_offset == CHUNK_BYTES
    assert desk.chunk(CHUNK_BYTES).next_offset == CHUNK_BYTES
    assert desk.bench.event_ids() == ["STORAGE_FAILED"]
    desk.files.remove("result-old")

    assert desk.chunk(CHUNK_BYTES).done


@pytest.mark.req("XFR-005")
def test_a_job_that_ended_wants_no_bundle_and_leaves_no_part() -> None:
    desk = Desk()
    desk.want()
    desk.chunk(0)

    desk.end_job()

    assert desk.files.part_size(bundle_file("j1")) == 0
    assert desk.chunk(CHUNK_BYTES).refused == Objection.UNKNOWN_JOB.value


# --- down ---


@pytest.mark.req("XFR-006")
def test_result_and_log_go_down_whole_and_then_leave_the_disk() -> None:
    desk = Desk()
    result = b"r" * (CHUNK_BYTES * 2 + 1)
    desk.end_job(result=result, log=b"done\n")

    [question] = desk.down()
    assert (question.transfer_id, question.offset, question.kind) == (result_transfer("j1"), 0, TransferKind.RESULT)
    desk.ack(result_transfer("j1"), CHUNK_BYTES)
    rest = desk.down()
    assert question.content + b"".join(chunk.content for chunk in rest) == result
    desk.ack(result_transfer("j1"), len(result), done=True)
    [log] = desk.down()
    assert (log.transfer_id, log.kind, log.content) == (log_transfer("j1"), TransferKind.LOG, b"done\n")
    desk.ack(log_transfer("j1"), 5, done=True)

    assert desk.store.outgoing() == []
    assert not desk.files.has(result_file("j1"))
    assert not desk.files.has(log_file("j1"))
    assert desk.bench.event_ids() == ["RESULT_SENT"]


@pytest.mark.req("XFR-006")
def test_an_empty_log_goes_down_too() -> None:
    desk = Desk()

    desk.end_job(log=b"")
    [chunk] = desk.down()
    desk.ack(chunk.transfer_id, 0, done=True)

    assert (chunk.total_bytes, chunk.content) == (0, b"")
    assert desk.store.outgoing() == []


@pytest.mark.req("XFR-006")
def test_no_more_than_a_window_is_on_its_way() -> None:
    desk = Desk()
    desk.end_job(result=b"r" * CHUNK_BYTES * 10)
    desk.down()

    desk.ack(result_transfer("j1"), CHUNK_BYTES)

    assert [chunk.offset // CHUNK_BYTES for chunk in desk.down()] == list(range(1, 1 + WINDOW_CHUNKS))


@pytest.mark.req("XFR-007")
def test_silence_and_a_new_link_ask_again_where_the_ground_stands() -> None:
    desk = Desk()
    desk.end_job(result=b"r" * CHUNK_BYTES * 3)
    desk.down()
    desk.ack(result_transfer("j1"), CHUNK_BYTES)
    desk.down()

    desk.bench.advance_wall(RESEND_WALL_S + 0.1)
    assert [chunk.offset for chunk in desk.down()] == [CHUNK_BYTES]
    desk.set_link(False)
    desk.bench.advance(100.0)
    assert desk.down() == []
    desk.set_link(True)

    assert [chunk.offset for chunk in desk.down()] == [CHUNK_BYTES]


@pytest.mark.req("XFR-007")
def test_a_full_link_is_tried_again() -> None:
    desk = Desk()
    desk.link.room = 0
    desk.end_job(result=b"r")

    desk.link.room = 10
    desk.bench.advance_wall(RESEND_WALL_S + 0.1)

    assert len(desk.down()) == 1


@pytest.mark.req("XFR-007")
def test_a_file_that_meets_only_silence_lets_the_next_one_go() -> None:
    desk = Desk()
    desk.end_job("j1", result=b"one")
    desk.end_job("j2", result=b"two")

    for _ in range(SILENCES_MAX):
        desk.bench.advance_wall(RESEND_WALL_S + 0.1)

    assert desk.down()[-1].transfer_id == result_transfer("j2")
    desk.ack(result_transfer("j1"), 3, done=True)
    assert [row.transfer_id for row in desk.store.outgoing()] == [result_transfer("j2")]


@pytest.mark.req("XFR-008")
def test_what_was_queued_goes_down_after_a_reset() -> None:
    desk = Desk(up=False)
    desk.end_job(result=b"result")

    after_reset = desk.reset()

    assert [chunk.content for chunk in after_reset.down()] == [b"result"]


@pytest.mark.req("XFR-008")
def test_a_result_whose_job_ended_just_before_a_reset_is_queued_by_the_recovery() -> None:
    desk = Desk()
    desk.files.write(result_file("j1"), b"result")
    desk.store.add_job(job_row("j1"), ())
    desk.store.move_job("j1", JobState.STAGING, JobState.FAILED, JobMove(), job_report("j1", JobState.FAILED))

    after_reset = desk.reset()

    assert [chunk.content for chunk in after_reset.down()] == [b"result"]


@pytest.mark.req("XFR-008")
def test_a_result_that_a_full_disk_kept_from_the_queue_is_queued_later() -> None:
    desk = Desk()
    desk.disk.full = True
    desk.files.write(result_file("j1"), b"result")
    desk.disk.full = False
    desk.store.add_job(job_row("j1"), ())
    desk.store.move_job("j1", JobState.STAGING, JobState.FAILED, JobMove(), job_report("j1", JobState.FAILED))
    desk.disk.full = True

    desk.bench.say(JobEnded("j1", JobState.SUCCEEDED, None, None))
    assert desk.bench.event_ids() == ["STORAGE_FAILED"]
    desk.disk.full = False
    desk.bench.advance(61.0)

    assert [chunk.content for chunk in desk.down()] == [b"result"]


@pytest.mark.req("XFR-009")
def test_a_transfer_that_the_ground_refuses_ends_with_its_reason() -> None:
    desk = Desk()
    desk.end_job(result=b"result")

    desk.ack(result_transfer("j1"), 0, refused="no such job")

    assert desk.store.outgoing() == []
    assert desk.bench.events_of("TRANSFER_REFUSED")[0].fields["why"] == "the ground says: no such job"


@pytest.mark.req("XFR-009")
def test_a_row_whose_file_is_gone_is_named_and_forgotten() -> None:
    desk = Desk(up=False)
    desk.end_job(result=b"result")
    desk.files.remove(result_file("j1"))

    desk.set_link(True)

    assert desk.store.outgoing() == []
    assert desk.bench.event_ids() == ["TRANSFER_REFUSED"]


@pytest.mark.req("XFR-009")
def test_a_result_that_the_ground_found_corrupt_goes_again_from_its_first_byte() -> None:
    desk = Desk()
    desk.end_job(result=b"r" * CHUNK_BYTES * 2)
    desk.ack(result_transfer("j1"), CHUNK_BYTES * 2)
    desk.down()

    desk.ack(result_transfer("j1"), 0)

    assert [chunk.offset for chunk in desk.down()] == [0, CHUNK_BYTES]


# --- names ---


@pytest.mark.req("XFR-010")
@settings(max_examples=40)
@given(st.lists(st.from_regex(r"[a-z0-9][a-z0-9_-]{0,62}", fullmatch=True), min_size=1, max_size=5, unique=True))
def test_transfers_have_legal_names_and_no_two_share_one(job_ids: list[str]) -> None:
    names = [name(job_id) for job_id in job_ids for name in (bundle_transfer, result_transfer, log_transfer)]

    assert all(is_name(name) for name in names)
    assert len(set(names)) == len(names)


@pytest.mark.req("XFR-010")
def test_long_job_ids_that_begin_alike_have_different_transfers() -> None:
    assert bundle_transfer("a" * 63) != bundle_transfer("a" * 62 + "b")
    assert bundle_transfer("short") == "b-short"
