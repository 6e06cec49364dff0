"""What every store promises: one suite over the one on disk and the one in memory."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from icd.events import EventReport, Severity
from icd.jobs import EndReason, JobState
from icd.timebase import after
from icd.verification import Refusal, Stage
from node.adapters.memory_store import MemoryStore
from node.adapters.sqlite_store import SqliteStore
from node.adapters.store_rules import StoreBounds, StoreOptions
from node.apps.commanding.lifecycle import TC_TABLE
from node.apps.jobs.lifecycle import JOB_TABLE
from node.kernel.errors import InvariantError, StorageError, StorageFault
from node.ports.store import (
    EventStore,
    JobMove,
    JobStore,
    OutboxStore,
    OutgoingRow,
    ReplayWindow,
    SettingStore,
    TcStore,
    TransferStore,
)
from tests.contract.node_rows import NOW, SHA, event, job_report, job_row, tc_report, tc_row

Store = SqliteStore | MemoryStore
Make = Callable[..., Store]
S = JobState
BOUNDS = StoreBounds(outbox_rows=6, event_rows=4, tc_rows=3, job_rows=3)


class Scribe:
    """Hears what a store says of its writes, and can make one fail."""

    def __init__(self) -> None:
        self.committed: list[tuple[str, list[dict[str, Any]]]] = []
        self.before: list[int] = []
        self.after: list[int] = []
        self.disk_full = False

    def options(self, bounds: StoreBounds) -> StoreOptions:
        return StoreOptions(
            lambda: "0123456789abcdef",
            on_commit=lambda kind, bodies: self.committed.append((kind, bodies)),
            before_write=self._before_write,
            after_write=self.after.append,
            bounds=bounds,
        )

    def _before_write(self, count: int) -> None:
        if self.disk_full:
            raise StorageError(StorageFault.FULL, "planted")
        self.before.append(count)


@pytest.fixture
def scribe() -> Scribe:
    return Scribe()


@pytest.fixture(params=["sqlite", "memory"])
def make(request: pytest.FixtureRequest, tmp_path: Path, scribe: Scribe) -> Iterator[Make]:
    made: list[Store] = []

    def build(bounds: StoreBounds | None = None) -> Store:
        options = scribe.options(bounds or StoreBounds())
        if request.param == "memory":
            made.append(MemoryStore(JOB_TABLE.moves(), TC_TABLE.moves(), options))
        else:
            path = tmp_path / f"store-{len(made)}.db"
            made.append(SqliteStore(path, JOB_TABLE.moves(), TC_TABLE.moves(), synchronous="OFF", options=options))
        return made[-1]

    yield build
    for store in made:
        if isinstance(store, SqliteStore):
            store.close()


@pytest.fixture
def store(make: Make) -> Store:
    return make()


def _outbox(store: Store) -> list[tuple[int, str]]:
    return [(item.seq, item.kind) for item in store.take_outbox(100, 0)]


def test_a_store_is_every_port(store: Store) -> None:
    tc, jobs, outbox, events, settings, transfers = _ports(store, store, store, store, store, store)

    assert (tc.open_tcs(), jobs.live_jobs(), outbox.outbox_rows(), transfers.outgoing()) == ([], [], 0, [])
    assert settings.setting("x") is None
    assert events is store


def _ports(
    tc: TcStore, jobs: JobStore, outbox: OutboxStore, event: EventStore, setting: SettingStore, transfer: TransferStore
) -> tuple[TcStore, JobStore, OutboxStore, EventStore, SettingStore, TransferStore]:
    """Let the type checker say whether a store fits each port."""
    return tc, jobs, outbox, event, setting, transfer


# --- telecommands ---


def test_an_accepted_telecommand_is_found_with_its_reports(store: Store) -> None:
    row = tc_row("tc-1", sequence=2**63 + 5)
    report = tc_report("tc-1", Stage.ACCEPTED)

    assert store.accept_tc(row, ReplayWindow(2**63 + 5, 2**64 - 1), [report])

    assert store.find_tc("tc-1") == row
    assert store.tc_reports("tc-1") == [report]
    assert store.replay_window("op") == ReplayWindow(2**63 + 5, 2**64 - 1)
    assert store.open_tcs() == [row]
    assert store.tc_counts() == (1, 0)
    assert [item.report() for item in store.take_outbox(9, 0)] == [report]


def test_an_unused_key_has_an_empty_window(store: Store) -> None:
    assert store.replay_window("nobody") == ReplayWindow(0, 0)
    assert store.find_tc("tc-1") is None
    assert store.tc_reports("tc-1") == []


def test_a_second_telecommand_of_the_same_id_changes_nothing(store: Store) -> None:
    store.accept_tc(tc_row("tc-1"), ReplayWindow(1, 1), [tc_report("tc-1", Stage.ACCEPTED)])

    assert not store.accept_tc(tc_row("tc-1", 9), ReplayWindow(9, 1), [tc_report("tc-1", Stage.ACCEPTED)])

    assert store.replay_window("op") == ReplayWindow(1, 1)
    assert store.outbox_rows() == 1
    assert store.tc_counts() == (1, 0)


def test_a_refusal_spends_the_number_and_is_reported(store: Store) -> None:
    report = tc_report("tc-2", Stage.FAILED, reason=Refusal.EXPIRED)

    store.reject_tc(report, ("op", ReplayWindow(7, 1)))
    store.reject_tc(report, None)

    assert store.replay_window("op") == ReplayWindow(7, 1)
    assert store.tc_counts() == (0, 2)
    assert store.find_tc("tc-2") is None
    assert [item.report() for item in store.take_outbox(9, 0)] == [report, report]


def test_a_telecommand_advances_to_its_end_and_no_further(store: Store) -> None:
    store.accept_tc(tc_row("tc-1"), ReplayWindow(1, 1), [tc_report("tc-1", Stage.ACCEPTED)])
    steps = [(Stage.STARTED, 0), (Stage.PROGRESS, 1), (Stage.PROGRESS, 2), (Stage.COMPLETED, 0)]

    moved = [store.advance_tc("tc-1", stage, tc_report("tc-1", stage, step)) for stage, step in steps]
    again = store.advance_tc("tc-1", Stage.FAILED, tc_report("tc-1", Stage.FAILED))

    assert (moved, again) == ([True] * 4, False)
    assert [report.step for report in store.tc_reports("tc-1")] == [0, 0, 1, 2, 0]
    assert store.open_tcs() == []
    assert not store.advance_tc("unknown", Stage.STARTED, tc_report("unknown", Stage.STARTED))


def test_a_telecommand_may_not_skip_a_stage(store: Store) -> None:
    store.accept_tc(tc_row("tc-1"), ReplayWindow(1, 1), [tc_report("tc-1", Stage.ACCEPTED)])

    with pytest.raises(InvariantError):
        store.advance_tc("tc-1", Stage.COMPLETED, tc_report("tc-1", Stage.COMPLETED))

    assert store.open_tcs()[0].stage is Stage.ACCEPTED
    assert store.outbox_rows() == 1


def test_reports_are_sent_again_under_new_numbers(store: Store, scribe: Scribe) -> None:
    store.accept_tc(tc_row("tc-1"), ReplayWindow(1, 1), [tc_report("tc-1", Stage.ACCEPTED)])
    store.advance_tc("tc-1", Stage.STARTED, tc_report("tc-1", Stage.STARTED))
    store.ack_outbox([1, 2])

    assert store.resend_tc_reports("tc-1") == 2
    assert store.resend_tc_reports("unknown") == 0

    assert _outbox(store) == [(3, "verification"), (4, "verification")]
    assert len(store.tc_reports("tc-1")) == 2
    assert len(scribe.committed) == 2, "a copy is no new fact"


def test_the_oldest_ended_telecommand_leaves_a_full_journal(make: Make) -> None:
    store = make(StoreBounds(tc_rows=3))
    for number in range(1, 4):
        store.accept_tc(tc_row(f"tc-{number}", number), ReplayWindow(number, 1), [])
    for stage in (Stage.STARTED, Stage.COMPLETED):
        store.advance_tc("tc-2", stage, tc_report("tc-2", stage))

    store.accept_tc(tc_row("tc-4", 4), ReplayWindow(4, 1), [])

    assert [row.request_id for row in store.open_tcs()] == ["tc-1", "tc-3", "tc-4"]
    assert store.find_tc("tc-2") is None
    assert store.tc_reports("tc-2") == []


# --- jobs ---


def test_a_job_comes_back_as_it_was_added(store: Store) -> None:
    row = job_row("job-1")

    assert store.add_job(row, [job_report("job-1", S.STAGING)])
    assert not store.add_job(row, [job_report("job-1", S.STAGING)])

    assert store.find_job("job-1") == row
    assert store.live_jobs() == [row]
    assert store.find_job("job-2") is None
    assert store.outbox_rows() == 1


def test_a_move_changes_what_it_names_and_leaves_the_rest(store: Store) -> None:
    store.add_job(job_row("job-1", S.QUEUED), [])
    started = JobMove(attempt=1, checkpoint="step-3", not_before=after(NOW, 5.0), energy_wh=1.5)

    assert store.move_job("job-1", S.QUEUED, S.STARTING, started, job_report("job-1", S.STARTING))
    assert store.move_job("job-1", S.STARTING, S.RUNNING, JobMove(), job_report("job-1", S.RUNNING))

    row = store.find_job("job-1")
    assert row is not None
    assert (row.state, row.attempt, row.checkpoint, row.energy_wh) == (S.RUNNING, 1, "step-3", 1.5)
    assert row.not_before == after(NOW, 5.0)
    assert row.reason is None


def test_a_move_from_another_state_is_refused_quietly(store: Store) -> None:
    store.add_job(job_row("job-1", S.QUEUED), [])

    assert not store.move_job("job-1", S.RUNNING, S.VERIFYING, JobMove(), job_report("job-1", S.VERIFYING))
    assert not store.move_job("job-2", S.QUEUED, S.STARTING, JobMove(), job_report("job-2", S.STARTING))

    assert store.outbox_rows() == 0


@pytest.mark.parametrize(
    ("source", "target"), [(a, b) for a in S for b in S if (a, b) not in JOB_TABLE.moves()], ids=str
)
def test_a_move_that_is_no_edge_is_our_own_error(store: Store, source: JobState, target: JobState) -> None:
    store.add_job(job_row("job-1", source), [])

    with pytest.raises(InvariantError):
        store.move_job("job-1", source, target, JobMove(attempt=5), job_report("job-1", target))

    assert store.find_job("job-1") == job_row("job-1", source)
    assert store.outbox_rows() == 0


def test_every_edge_of_the_table_is_a_move(store: Store) -> None:
    for number, (source, target) in enumerate(JOB_TABLE.moves()):
        store.add_job(job_row(f"job-{number}", source), [])

        assert store.move_job(f"job-{number}", source, target, JobMove(), job_report(f"job-{number}", target))


def test_a_note_changes_columns_and_not_the_state(store: Store) -> None:
    store.add_job(job_row("job-1", S.RUNNING), [])

    assert store.note_job("job-1", S.RUNNING, JobMove(progress_frac=0.25), None)
    assert store.note_job("job-1", S.RUNNING, JobMove(checkpoint="b"), job_report("job-1", S.RUNNING))
    assert not store.note_job("job-1", S.QUEUED, JobMove(checkpoint="c"), job_report("job-1", S.QUEUED))

    row = store.find_job("job-1")
    assert row is not None
    assert (row.progress_frac, row.checkpoint) == (0.25, "b")
    assert store.outbox_rows() == 1


def test_ended_jobs_are_found_but_not_live_and_the_oldest_leaves_when_full(make: Make) -> None:
    store = make(StoreBounds(job_rows=3))
    for number in range(3):
        store.add_job(job_row(f"job-{number}", S.QUEUED), [])
    end = JobMove(reason=EndReason.CANCELLED)
    store.move_job("job-1", S.QUEUED, S.CANCELLED, end, job_report("job-1", S.CANCELLED))

    ended = store.find_job("job-1")
    live = [row.spec.job_id for row in store.live_jobs()]
    store.add_job(job_row("job-3", S.QUEUED), [])

    assert ended is not None
    assert ended.reason is EndReason.CANCELLED
    assert live == ["job-0", "job-2"]
    assert store.find_job("job-1") is None
    assert [row.spec.job_id for row in store.live_jobs()] == ["job-0", "job-2", "job-3"]


# --- outbox and events ---


def test_the_outbox_leaves_in_order_of_weight(store: Store) -> None:
    for severity in (Severity.INFO, Severity.LOW, Severity.MEDIUM, Severity.HIGH):
        store.append_event(event(severity=severity))
    store.add_job(job_row("job-1"), [job_report("job-1", S.STAGING)])
    store.accept_tc(tc_row("tc-1"), ReplayWindow(1, 1), [tc_report("tc-1", Stage.ACCEPTED)])

    assert [seq for seq, _ in _outbox(store)] == [6, 5, 4, 3, 2, 1]
    assert [item.seq for item in store.take_outbox(2, 0)] == [6, 5]
    assert [item.seq for item in store.take_outbox(9, 4)] == [6, 5]


def test_acknowledged_reports_are_gone_and_numbers_never_come_back(store: Store) -> None:
    for number in range(3):
        store.append_event(event(number=number))

    assert store.ack_outbox([2, 3, 99, -1, 2**70]) == 2
    assert store.ack_outbox([2, 3]) == 0
    assert store.outbox_rows() == 1

    store.append_event(event(number=9))
    assert [seq for seq, _ in _outbox(store)] == [1, 4]


def test_an_event_comes_back_with_its_fields(store: Store) -> None:
    report = EventReport(
        event_id="ISL_UP", severity=Severity.INFO, at=NOW, app="isl", fields={"a": 1.5, "b": None, "c": True, "d": "x"}
    )

    store.append_event(report)

    assert [item.report() for item in store.take_outbox(1, 0)] == [report]


def test_the_oldest_info_event_gives_way_in_a_full_outbox(make: Make) -> None:
    store = make(BOUNDS)
    store.accept_tc(tc_row("tc-1"), ReplayWindow(1, 1), [tc_report("tc-1", Stage.ACCEPTED)])
    store.append_event(event(severity=Severity.LOW))
    for number in range(6):
        store.append_event(event(number=number))
    store.add_job(job_row("job-1"), [job_report("job-1", S.STAGING)])

    assert store.outbox_rows() == 6
    assert _outbox(store) == [(1, "verification"), (9, "job"), (2, "event"), (6, "event"), (7, "event"), (8, "event")]
    assert store.events_given_way() == 3
    assert store.event_rows() == 4


def test_reports_that_may_not_be_dropped_stop_new_duties_and_nothing_else(make: Make) -> None:
    store = make(BOUNDS)
    for number in range(5):
        store.reject_tc(tc_report(f"tc-{number}", Stage.FAILED), None)
    store.add_job(job_row("job-1", S.QUEUED), [job_report("job-1", S.QUEUED)])

    with pytest.raises(StorageError) as accepted:
        store.accept_tc(tc_row("tc-9"), ReplayWindow(1, 1), [tc_report("tc-9", Stage.ACCEPTED)])
    with pytest.raises(StorageError):
        store.add_job(job_row("job-2"), [job_report("job-2", S.STAGING)])
    with pytest.raises(StorageError):
        store.reject_tc(tc_report("tc-9", Stage.FAILED), None)
    moved = store.move_job("job-1", S.QUEUED, S.CANCELLED, JobMove(), job_report("job-1", S.CANCELLED))
    store.append_event(event())

    assert accepted.value.kind is StorageFault.FULL
    assert store.find_tc("tc-9") is None
    assert moved
    assert store.outbox_rows() == 7
    assert store.events_given_way() == 1, "the event itself gave way"


def test_a_high_event_never_gives_way(make: Make) -> None:
    store = make(StoreBounds(outbox_rows=2))
    for number in range(3):
        store.append_event(event("APP_GIVEN_UP", Severity.HIGH, number))

    assert store.outbox_rows() == 3


# --- settings, transfers, writes ---


def test_a_setting_is_kept_and_replaced(store: Store) -> None:
    assert store.setting("cap") is None

    store.set_setting("cap", "100")
    store.set_setting("cap", "200")

    assert store.setting("cap") == "200"


def test_outgoing_files_wait_in_order_and_leave_once(store: Store) -> None:
    first, second = (OutgoingRow(f"t-{n}", "RESULT", f"job-{n}", f"result-job-{n}", 10, SHA) for n in (2, 1))

    assert [store.add_outgoing(first), store.add_outgoing(second), store.add_outgoing(first)] == [True, True, False]
    assert store.outgoing() == [first, second]
    assert [store.end_outgoing("t-2"), store.end_outgoing("t-2")] == [True, False]
    assert store.outgoing() == [second]


def test_ended_jobs_are_named_the_last_submitted_first(store: Store) -> None:
    for job_id in ("job-1", "job-2", "job-3", "job-4"):
        store.add_job(job_row(job_id), [job_report(job_id, S.STAGING)])
    for job_id in ("job-4", "job-1", "job-3"):
        store.move_job(job_id, S.STAGING, S.CANCELLED, JobMove(), job_report(job_id, S.CANCELLED))

    assert store.ended_jobs(10) == ["job-4", "job-3", "job-1"]
    assert store.ended_jobs(2) == ["job-4", "job-3"]


def test_the_listener_hears_committed_reports_once(store: Store, scribe: Scribe) -> None:
    store.add_job(job_row("job-1"), [job_report("job-1", S.STAGING)])
    store.set_setting("cap", "1")
    store.append_event(event())

    assert [(kind, len(bodies)) for kind, bodies in scribe.committed] == [("job", 1), ("event", 1)]
    assert scribe.committed[0][1][0]["job_id"] == "job-1"
    assert scribe.before == scribe.after == [1, 2, 3]


def test_a_full_disk_refuses_every_verb_whole(store: Store, scribe: Scribe) -> None:
    store.accept_tc(tc_row("tc-1"), ReplayWindow(1, 1), [tc_report("tc-1", Stage.ACCEPTED)])
    store.add_job(job_row("job-1", S.QUEUED), [job_report("job-1", S.QUEUED)])
    outgoing = OutgoingRow("t-1", "LOG", "job-1", "log-job-1", 1, SHA)
    store.add_outgoing(outgoing)
    heard = len(scribe.committed)
    scribe.disk_full = True
    verbs: list[Callable[[], object]] = [
        lambda: store.accept_tc(tc_row("tc-2"), ReplayWindow(2, 1), [tc_report("tc-2", Stage.ACCEPTED)]),
        lambda: store.reject_tc(tc_report("tc-3", Stage.FAILED), ("op", ReplayWindow(3, 1))),
        lambda: store.advance_tc("tc-1", Stage.STARTED, tc_report("tc-1", Stage.STARTED)),
        lambda: store.resend_tc_reports("tc-1"),
        lambda: store.add_job(job_row("job-2"), [job_report("job-2", S.STAGING)]),
        lambda: store.move_job("job-1", S.QUEUED, S.STARTING, JobMove(attempt=1), job_report("job-1", S.STARTING)),
        lambda: store.note_job("job-1", S.QUEUED, JobMove(checkpoint="x"), job_report("job-1", S.QUEUED)),
        lambda: store.append_event(event()),
        lambda: store.set_setting("a", "b"),
        lambda: store.ack_outbox([1, 2]),
        lambda: store.add_outgoing(OutgoingRow("t-2", "LOG", "job-2", "log-job-2", 1, SHA)),
        lambda: store.end_outgoing("t-1"),
    ]

    for verb in verbs:
        with pytest.raises(StorageError):
            verb()

    assert store.find_job("job-1") == job_row("job-1", S.QUEUED)
    assert (store.find_job("job-2"), store.find_tc("tc-2"), store.setting("a")) == (None, None, None)
    assert store.open_tcs() == [tc_row("tc-1")]
    assert store.replay_window("op") == ReplayWindow(1, 1)
    assert (store.outbox_rows(), store.event_rows(), store.tc_counts()) == (2, 0, (1, 0))
    assert _outbox(store) == [(1, "verification"), (2, "job")]
    assert store.outgoing() == [outgoing]
    assert len(scribe.committed) == heard

    scribe.disk_full = False
    assert store.add_job(job_row("job-2"), [job_report("job-2", S.STAGING)])
    assert _outbox(store)[-1] == (3, "job")
