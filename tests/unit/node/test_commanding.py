"""Commanding: what is let in, what is answered, and what a reset leaves of it."""

import hashlib
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from icd.codec import encode
from icd.events import OUTBOX_BATCH_MAX
from icd.tc import (
    COMMAND_TYPES,
    CancelJob,
    EnterSafe,
    Ping,
    PowerMode,
    PublicKey,
    ResetUnit,
    Role,
    SetIslEnabled,
    SignedTelecommand,
    Telecommand,
    sign,
)
from icd.timebase import after
from icd.verification import Refusal, Stage
from node.adapters.memory_store import MemoryStore
from node.apps.commanding import app as commanding
from node.apps.commanding.app import ANSWER_S_MAX, OPEN_TCS_MAX, REPEATS_BURST, CommandingApp
from node.apps.commanding.lifecycle import TC_TABLE, triggers_to
from node.apps.commanding.routes import REPEATABLE
from node.messages import (
    FdirTc,
    IslTc,
    JobsTc,
    ModeReason,
    PowerModeChanged,
    PowerTc,
    TcAnswered,
    TcCounted,
    TelemetryTc,
    UplinkReceived,
)
from tests.unit.node.harness import EPOCH, Bench
from tests.unit.node.stores import Disk, memory_store

OPERATOR = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
SCHEDULER = Ed25519PrivateKey.from_private_bytes(b"s" * 32)
STRANGER = Ed25519PrivateKey.from_private_bytes(b"x" * 32)
ACCEPTED = [("RECEIVED", None), ("ACCEPTED", None)]


def public(key_id: str, role: Role, key: Ed25519PrivateKey) -> PublicKey:
    return PublicKey(key_id=key_id, role=role, public_hex=key.public_key().public_bytes_raw().hex())


class Desk:
    """A commanding app on a bench, with a ground that signs."""

    def __init__(self, store: MemoryStore | None = None, disk: Disk | None = None) -> None:
        self.disk = disk or Disk()
        self.store = store or memory_store(self.disk)
        self.bench = Bench()
        keys = (public("op", Role.OPERATOR, OPERATOR), public("sched", Role.SCHEDULER, SCHEDULER))
        self.app = self.bench.add("commanding", lambda kernel: CommandingApp(kernel, "node-a", keys, self.store))
        self.bench.boot()
        self.bench.advance(0.0)

    def reset(self, after_s: float = 0.0) -> "Desk":
        """Return the desk after a reset of the processor: the same store, everything else new."""
        fresh = Desk.__new__(Desk)
        fresh.disk, fresh.store, fresh.bench = self.disk, self.store, Bench()
        fresh.bench.now = after(self.bench.now, after_s)
        keys = (public("op", Role.OPERATOR, OPERATOR), public("sched", Role.SCHEDULER, SCHEDULER))
        fresh.app = fresh.bench.add("commanding", lambda kernel: CommandingApp(kernel, "node-a", keys, fresh.store))
        fresh.bench.boot()
        fresh.bench.advance(0.0)
        return fresh

    def receive(self, payload: bytes) -> None:
        self.bench.say(UplinkReceived("tc", payload))

    def send(self, request_id: str, sequence: int = 1, **changes: Any) -> bytes:
        payload = signed(request_id, sequence, **changes)
        self.receive(payload)
        return payload

    def answer(self, request_id: str, stage: Stage, reason: Refusal | None = None) -> None:
        self.bench.say(TcAnswered(request_id, stage, reason))

    def told(self, request_id: str) -> list[tuple[str, str | None]]:
        return self.disk.told(request_id)


def signed(
    request_id: str,
    sequence: int = 1,
    *,
    key: Ed25519PrivateKey = OPERATOR,
    key_id: str = "op",
    command: Any = None,
    node: str = "node-a",
    issued_s: float = 0.0,
    expires_s: float = 3600.0,
) -> bytes:
    tc = Telecommand(
        request_id=request_id,
        node=node,
        sequence=sequence,
        issued_at=after(EPOCH, issued_s),
        expires_at=after(EPOCH, expires_s),
        command=command or Ping(),
    )
    return encode(sign(encode(tc), key_id, key))


# --- what is let in ---


@pytest.mark.req("CMD-001")
def test_an_authentic_telecommand_is_journalled_reported_and_handed_on_once() -> None:
    desk = Desk()

    desk.send("r1")

    assert desk.told("r1") == ACCEPTED
    assert desk.bench.said(TelemetryTc) == [TelemetryTc("r1", Ping())]
    assert desk.bench.said(TcCounted)[-1] == TcCounted(accepted=1, rejected=0)
    row = desk.store.find_tc("r1")
    assert row is not None
    assert row.digest == hashlib.sha256(row.body).hexdigest()


@pytest.mark.req("CMD-001")
@pytest.mark.parametrize(
    ("command", "kind"),
    [
        (EnterSafe(), PowerTc),
        (CancelJob(job_id="j"), JobsTc),
        (SetIslEnabled(enabled=True), IslTc),
        (Ping(), TelemetryTc),
        (ResetUnit(unit="eps"), FdirTc),
    ],
)
def test_each_command_goes_to_the_app_that_carries_it_out(command: Any, kind: Any) -> None:
    desk = Desk()

    desk.send("r1", command=command)

    assert [(message.request_id, message.command) for message in desk.bench.said(kind)] == [("r1", command)]


@pytest.mark.req("CMD-002")
@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", Refusal.NOT_DECODABLE),
        (b"\xff" * 100, Refusal.NOT_DECODABLE),
        (b"\x00" * (SignedTelecommand.MAX_BYTES + 1), Refusal.TOO_LARGE),
        (signed("r1", key=STRANGER), Refusal.BAD_SIGNATURE),
        (signed("r1", key=STRANGER, key_id="nobody"), Refusal.UNKNOWN_KEY),
        (encode(sign(b"no telecommand", "op", OPERATOR)), Refusal.NOT_DECODABLE),
        (signed("r1")[:-1], Refusal.NOT_DECODABLE),
    ],
)
def test_bytes_that_nobody_vouches_for_leave_an_event_and_no_answer(payload: bytes, reason: Refusal) -> None:
    desk = Desk()

    desk.receive(payload)

    assert [event.fields["reason"] for event in desk.bench.events_of("TC_GARBAGE")] == [reason.value]
    assert desk.app.garbage == 1
    assert desk.disk.committed == []
    assert desk.store.replay_window("op").highest == 0


@pytest.mark.req("CMD-002")
def test_a_flood_of_garbage_makes_one_event_a_minute_that_counts_it() -> None:
    desk = Desk()

    for _ in range(50):
        desk.receive(b"\xff")
    desk.bench.advance(61.0)
    desk.bench.advance(600.0)

    assert [event.fields["count"] for event in desk.bench.events_of("TC_GARBAGE")] == [1, 50]


@pytest.mark.req("CMD-002")
def test_a_changed_byte_breaks_the_signature() -> None:
    desk = Desk()
    payload = bytearray(signed("r1"))
    payload[payload.index(b"ping")] ^= 1

    desk.receive(bytes(payload))

    assert desk.bench.events_of("TC_GARBAGE")[0].fields["reason"] == "BAD_SIGNATURE"


@pytest.mark.req("CMD-003")
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"expires_s": -1.0}, Refusal.EXPIRED),
        ({"issued_s": 61.0}, Refusal.ISSUED_IN_FUTURE),
        ({"issued_s": 30.0, "expires_s": 20.0}, Refusal.BAD_ARGUMENT),
        ({"key": SCHEDULER, "key_id": "sched", "command": EnterSafe()}, Refusal.ROLE_NOT_ALLOWED),
    ],
)
def test_an_authentic_telecommand_that_may_not_run_is_refused_with_its_reason(changes: Any, reason: Refusal) -> None:
    desk = Desk()

    desk.send("r1", **changes)

    assert desk.told("r1") == [("FAILED", reason.value)]
    assert desk.bench.events_of("TC_REJECTED")[0].fields["reason"] == reason.value
    assert desk.bench.said(TcCounted)[-1] == TcCounted(accepted=0, rejected=1)
    assert desk.store.find_tc("r1") is None


@pytest.mark.req("CMD-003")
def test_a_clock_of_the_ground_a_minute_ahead_is_tolerated() -> None:
    desk = Desk()

    desk.send("r1", issued_s=59.0)

    assert desk.told("r1") == ACCEPTED


@pytest.mark.req("CMD-003")
def test_a_telecommand_for_another_node_is_an_event_and_no_report() -> None:
    desk = Desk()

    desk.send("r1", node="node-b")

    assert desk.told("r1") == []
    assert desk.bench.events_of("TC_REJECTED")[0].fields["reason"] == "WRONG_NODE"


@pytest.mark.req("CMD-004")
def test_safe_mode_refuses_what_its_list_names_and_takes_the_rest() -> None:
    desk = Desk()
    desk.bench.say(PowerModeChanged(PowerMode.NOMINAL, PowerMode.SAFE, ModeReason.COMMANDED))

    desk.send("r1", 1, command=SetIslEnabled(enabled=True))
    desk.send("r2", 2, command=Ping())

    assert desk.told("r1") == [("FAILED", "MODE_NOT_ALLOWED")]
    assert desk.told("r2") == ACCEPTED


# --- repeats and replays ---


@pytest.mark.req("CMD-005")
def test_the_same_bytes_again_are_answered_again_and_not_carried_out_again() -> None:
    desk = Desk()
    payload = desk.send("r1")
    desk.answer("r1", Stage.COMPLETED)
    desk.bench.forget()
    before = desk.store.outbox_rows()

    desk.receive(payload)

    assert desk.bench.said(TelemetryTc) == []
    assert desk.store.outbox_rows() == before + 4


@pytest.mark.req("CMD-005")
def test_another_telecommand_under_a_used_id_is_refused_without_touching_the_first_ones_history() -> None:
    desk = Desk()
    desk.send("r1", 1)

    desk.send("r1", 2, command=EnterSafe())

    assert desk.told("r1") == ACCEPTED
    assert desk.bench.said(PowerTc) == []
    assert desk.bench.events_of("TC_REJECTED")[0].fields["reason"] == "ID_REUSED"


@pytest.mark.req("CMD-005")
def test_a_used_number_under_a_new_id_is_a_replay() -> None:
    desk = Desk()
    desk.send("r1", 7)

    desk.send("r2", 7)

    assert desk.told("r2") == [("FAILED", "REPLAYED")]


@pytest.mark.req("CMD-005")
def test_numbers_may_overtake_each_other() -> None:
    desk = Desk()

    for sequence in (3, 1, 2):
        desk.send(f"r{sequence}", sequence)

    assert len(desk.bench.said(TelemetryTc)) == 3


@pytest.mark.req("CMD-005")
def test_keys_count_apart() -> None:
    desk = Desk()

    desk.send("r1", 1)
    desk.send("r2", 1, key=SCHEDULER, key_id="sched")

    assert desk.told("r2") == ACCEPTED


@pytest.mark.req("CMD-003")
def test_a_refused_telecommand_that_comes_again_gets_the_same_answer() -> None:
    desk = Desk()

    payload = desk.send("r1", expires_s=-1.0)
    desk.receive(payload)

    assert desk.told("r1") == [("FAILED", "EXPIRED"), ("FAILED", "EXPIRED")]


@pytest.mark.req("CMD-005")
def test_a_flood_of_repeats_does_not_fill_the_outbox() -> None:
    desk = Desk()
    payload = desk.send("r1")

    for _ in range(REPEATS_BURST + 200):
        desk.receive(payload)

    assert desk.store.outbox_rows() <= 2 * (REPEATS_BURST + 1)
    assert desk.store.outbox_rows() > OUTBOX_BATCH_MAX


# --- answers ---


@pytest.mark.req("CMD-006")
def test_completed_at_once_is_reported_with_its_start() -> None:
    desk = Desk()
    desk.send("r1")

    desk.answer("r1", Stage.COMPLETED)

    assert desk.told("r1") == [*ACCEPTED, ("STARTED", None), ("COMPLETED", None)]


@pytest.mark.req("CMD-006")
def test_progress_is_counted_and_a_second_start_says_nothing_new() -> None:
    desk = Desk()
    desk.send("r1")

    for stage in (Stage.STARTED, Stage.STARTED, Stage.PROGRESS, Stage.PROGRESS, Stage.COMPLETED):
        desk.answer("r1", stage)

    reports = desk.store.tc_reports("r1")
    assert [report.stage for report in reports[2:]] == [Stage.STARTED, Stage.PROGRESS, Stage.PROGRESS, Stage.COMPLETED]
    assert [report.step for report in reports[2:]] == [0, 1, 2, 0]


@pytest.mark.req("CMD-006")
def test_nothing_is_reported_after_the_end() -> None:
    desk = Desk()
    desk.send("r1")
    desk.answer("r1", Stage.FAILED, Refusal.UNKNOWN_JOB)

    desk.answer("r1", Stage.COMPLETED)
    desk.answer("r2", Stage.COMPLETED)

    assert desk.told("r1") == [*ACCEPTED, ("FAILED", "UNKNOWN_JOB")]


@pytest.mark.req("CMD-006")
def test_a_failure_without_a_reason_is_the_apps_failure() -> None:
    desk = Desk()
    desk.send("r1")

    desk.answer("r1", Stage.FAILED)

    assert desk.told("r1")[-1] == ("FAILED", "APP_FAILED")


@pytest.mark.req("CMD-006")
@pytest.mark.parametrize("state", [Stage.ACCEPTED, Stage.STARTED, Stage.PROGRESS, Stage.COMPLETED, Stage.FAILED])
@pytest.mark.parametrize("answer", list(Stage))
def test_every_answer_in_every_state_walks_edges_of_the_table(state: Stage, answer: Stage) -> None:
    for trigger in triggers_to(state, answer):
        target = TC_TABLE.target(state, trigger)
        assert target is not None
        state = target


@pytest.mark.req("CMD-007")
def test_an_app_that_stays_silent_fails_the_telecommand_and_each_word_gives_it_new_time() -> None:
    desk = Desk()
    desk.send("r1", 1)
    desk.send("r2", 2)

    desk.bench.advance(ANSWER_S_MAX - 10.0)
    desk.answer("r2", Stage.STARTED)
    desk.bench.advance(20.0)
    assert desk.told("r1")[-1] == ("FAILED", "TIMED_OUT")
    assert desk.told("r2")[-1] == ("STARTED", None)
    desk.bench.advance(ANSWER_S_MAX)

    assert desk.told("r2")[-1] == ("FAILED", "TIMED_OUT")


@pytest.mark.req("CMD-007")
def test_a_full_queue_of_the_target_fails_the_telecommand() -> None:
    desk = Desk()
    desk.bench.refused.add(TelemetryTc)

    desk.send("r1")

    assert desk.told("r1") == [*ACCEPTED, ("FAILED", "QUEUE_FULL")]


@pytest.mark.req("CMD-007")
def test_open_telecommands_are_bounded() -> None:
    desk = Desk()

    for number in range(1, OPEN_TCS_MAX + 2):
        desk.send(f"r{number}", number)

    assert desk.told(f"r{OPEN_TCS_MAX + 1}") == [("FAILED", "QUEUE_FULL")]


# --- resets ---


@pytest.mark.req("CMD-008")
def test_after_a_reset_an_open_telecommand_goes_to_its_app_again() -> None:
    desk = Desk()
    desk.send("r1")
    desk.answer("r1", Stage.STARTED)

    after_reset = desk.reset()

    assert after_reset.bench.said(TelemetryTc) == [TelemetryTc("r1", Ping())]
    after_reset.answer("r1", Stage.COMPLETED)
    assert desk.told("r1") == [*ACCEPTED, ("STARTED", None), ("COMPLETED", None)]


@pytest.mark.req("CMD-008")
def test_after_a_reset_an_expired_telecommand_is_closed() -> None:
    desk = Desk()
    desk.send("r1", expires_s=100.0)

    after_reset = desk.reset(after_s=101.0)

    assert after_reset.bench.said(TelemetryTc) == []
    assert desk.told("r1")[-1] == ("FAILED", "EXPIRED")


@pytest.mark.req("CMD-008")
def test_after_a_reset_a_command_that_may_not_be_repeated_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    desk.send("r1")
    monkeypatch.setattr(commanding, "REPEATABLE", REPEATABLE - {"ping"})

    after_reset = desk.reset()

    assert after_reset.bench.said(TelemetryTc) == []
    assert desk.told("r1")[-1] == ("FAILED", "INTERRUPTED")


@pytest.mark.req("CMD-008")
def test_the_table_of_repeatable_commands_names_only_commands_that_exist() -> None:
    assert frozenset(model.model_fields["name"].default for model in COMMAND_TYPES) >= REPEATABLE


@pytest.mark.req("CMD-008")
def test_a_reset_forgets_neither_the_journal_nor_the_numbers() -> None:
    desk = Desk()
    payload = desk.send("r1", 5)
    desk.answer("r1", Stage.COMPLETED)

    after_reset = desk.reset()
    after_reset.receive(payload)
    after_reset.send("r2", 5)

    assert after_reset.bench.said(TelemetryTc) == []
    assert desk.told("r2") == [("FAILED", "REPLAYED")]


# --- a full disk ---


@pytest.mark.req("CMD-009")
def test_with_a_full_disk_nothing_is_accepted_and_the_same_bytes_pass_later() -> None:
    desk = Desk()
    desk.disk.full = True

    payload = desk.send("r1")
    assert desk.bench.said(TelemetryTc) == []
    assert desk.bench.event_ids() == ["STORAGE_FAILED"]
    desk.disk.full = False
    desk.receive(payload)

    assert desk.told("r1") == ACCEPTED


@pytest.mark.req("CMD-009")
def test_an_answer_that_the_disk_refuses_is_kept_in_order_and_stored_later() -> None:
    desk = Desk()
    desk.send("r1")
    desk.disk.full = True

    desk.answer("r1", Stage.STARTED)
    desk.answer("r1", Stage.COMPLETED)
    assert desk.told("r1") == ACCEPTED
    desk.disk.full = False
    desk.bench.advance(31.0)

    assert desk.told("r1") == [*ACCEPTED, ("STARTED", None), ("COMPLETED", None)]


def test_other_channels_are_left_alone() -> None:
    desk = Desk()

    desk.bench.say(UplinkReceived("ack", b"\xff"), UplinkReceived("xfer", b"\xff"))

    assert desk.bench.events == []
