"""What only the store on disk can show: recovery, corruption, versions, a full disk, crashes at every write."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from icd.jobs import EndReason, JobState
from icd.verification import Refusal, Stage
from node.adapters import sqlite_db
from node.adapters.sqlite_store import SqliteStore
from node.adapters.store_rules import StoreOptions
from node.apps.commanding.lifecycle import TC_TABLE
from node.apps.jobs.lifecycle import JOB_TABLE
from node.kernel.errors import InvariantError, StorageError, StorageFault
from node.ports.store import JobMove, OutgoingRow, ReplayWindow
from tests.contract.node_rows import SHA, event, job_report, job_row, tc_report, tc_row

S = JobState
VERSION_1 = Path(__file__).parents[2] / "fixtures" / "store-version-1.db"
NAMES = iter(f"{number:016x}" for number in range(1, 1_000_000))


def _open(path: Path, options: StoreOptions | None = None) -> SqliteStore:
    options = options or StoreOptions(lambda: next(NAMES))
    return SqliteStore(path, JOB_TABLE.moves(), TC_TABLE.moves(), synchronous="OFF", options=options)


def _fill(store: SqliteStore) -> None:
    """Take one telecommand and one job through their lives: a durable write of every verb."""
    store.accept_tc(tc_row("tc-1"), ReplayWindow(1, 1), [tc_report("tc-1", Stage.ACCEPTED)])
    store.advance_tc("tc-1", Stage.STARTED, tc_report("tc-1", Stage.STARTED))
    store.add_job(job_row("job-1"), [job_report("job-1", S.STAGING)])
    store.advance_tc("tc-1", Stage.COMPLETED, tc_report("tc-1", Stage.COMPLETED))
    store.reject_tc(tc_report("tc-2", Stage.FAILED, reason=Refusal.EXPIRED), ("op", ReplayWindow(2, 3)))
    store.append_event(event())
    store.set_setting("hk_interval_s", "30")
    path = (S.QUEUED, S.STARTING, S.RUNNING, S.VERIFYING, S.SUCCEEDED)
    for attempt, (source, target) in enumerate(zip((S.STAGING, *path), path, strict=False)):
        store.move_job("job-1", source, target, JobMove(attempt=attempt), job_report("job-1", target, attempt))
        if target is S.RUNNING:
            store.note_job("job-1", target, JobMove(checkpoint="step-1"), job_report("job-1", target, attempt))
    store.add_outgoing(OutgoingRow("t-1", "RESULT", "job-1", "result-job-1", 10, SHA))
    store.ack_outbox([1, 2])
    store.resend_tc_reports("tc-1")
    store.end_outgoing("t-1")


def _facts(store: SqliteStore) -> dict[str, object]:
    job = store.find_job("job-1")
    tc = store.find_tc("tc-1")
    return {
        "job": None if job is None else (job.state, job.attempt, job.checkpoint),
        "tc": None if tc is None else tc.stage,
        "tc_reports": [report.stage for report in store.tc_reports("tc-1")],
        "counts": store.tc_counts(),
        "window": store.replay_window("op"),
        "events": store.event_rows(),
        "setting": store.setting("hk_interval_s"),
        "outgoing": [row.transfer_id for row in store.outgoing()],
        "outbox": [(item.seq, item.kind, item.report()) for item in store.take_outbox(100, 0)],
    }


def test_what_was_committed_is_there_after_a_restart(tmp_path: Path) -> None:
    first = _open(tmp_path / "store.db")
    _fill(first)
    facts, name = _facts(first), first.outbox_id()
    first.close()

    second = _open(tmp_path / "store.db")

    assert _facts(second) == facts
    assert second.outbox_id() == name
    assert second.opened == sqlite_db.Opened(False, None, "")
    assert first.opened.fresh


def test_a_second_node_on_the_same_store_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_db, "LOCK_WAIT_S", 0.01)
    first = _open(tmp_path / "store.db")

    with pytest.raises(StorageError, match="locked"):
        _open(tmp_path / "store.db")

    first.set_setting("still", "works")


class CrashError(BaseException):
    """The power goes."""


class Crash:
    """Takes the database files aside at one durable write, as a power cut at that instant would leave them."""

    def __init__(self, source: Path, target: Path, at: int | None, before: bool) -> None:
        self._source = source
        self._target = target
        self._at = at
        self._before = before
        self.writes = 0

    def options(self) -> StoreOptions:
        return StoreOptions(lambda: next(NAMES), before_write=self._on_before, after_write=self._on_after)

    def _on_before(self, count: int) -> None:
        if count == self._at and self._before:
            self._cut()

    def _on_after(self, count: int) -> None:
        self.writes = count
        if count == self._at and not self._before:
            self._cut()

    def _cut(self) -> None:
        for side in self._source.parent.glob(self._source.name + "*"):
            if not side.name.endswith("-shm"):
                shutil.copy(side, self._target.parent / side.name.replace(self._source.name, self._target.name))
        raise CrashError


def _run_until(tmp_path: Path, name: str, at: int | None, before: bool) -> tuple[Crash, Path]:
    source, target = tmp_path / f"{name}.db", tmp_path / f"{name}-after.db"
    crash = Crash(source, target, at, before)
    store = _open(source, crash.options())
    with suppress(CrashError):
        _fill(store)
    store.close()
    return crash, target


def test_a_crash_at_any_write_leaves_fact_and_report_both_or_neither(tmp_path: Path) -> None:
    """Crash-point enumeration: every write of the scenario, just before and just after its commit."""
    writes = _run_until(tmp_path, "golden", None, before=False)[0].writes
    assert writes >= 16
    states = []
    for at in range(1, writes + 1):
        for before in (True, False):
            _, target = _run_until(tmp_path, f"{at}-{before}", at, before)
            store = _open(target)
            states.append((at, before, _facts(store)))
            store.close()

    for (at, _, _), (_, _, just_before) in zip(states[1::2], states[2::2], strict=False):
        assert states[2 * at - 1][2] == just_before, f"after write {at} is not before write {at + 1}"
    for at, before, facts in states:
        _check_facts_and_reports(f"write {at}, {'before' if before else 'after'}", at - before, facts)


def _check_facts_and_reports(where: str, done: int, facts: dict[str, object]) -> None:
    outbox = facts["outbox"]
    assert isinstance(outbox, list)
    jobs = [report.state for _, kind, report in outbox if kind == "job"]
    assert (facts["job"] is None) == (not jobs), where
    if isinstance(facts["job"], tuple):
        assert jobs[-1] is facts["job"][0], where
    stages = facts["tc_reports"]
    assert isinstance(stages, list)
    assert (facts["tc"] is None) == (not stages), where
    if stages:
        assert stages[-1] is facts["tc"], where
    waiting = {report.stage for _, kind, report in outbox if kind == "verification" and report.request_id == "tc-1"}
    acknowledged = {15: {Stage.ACCEPTED, Stage.STARTED}}  # by the write before the one that sends them again
    assert waiting == set(stages) - acknowledged.get(done, set()), where
    assert facts["events"] == sum(kind == "event" for _, kind, _ in outbox), where
    rejected = [report for _, kind, report in outbox if kind == "verification" and report.request_id == "tc-2"]
    assert facts["counts"] == (int(facts["tc"] is not None), len(rejected)), where
    assert facts["window"] == (ReplayWindow(2, 3) if rejected else ReplayWindow(*(2 * [int(done > 0)]))), where


@pytest.mark.parametrize("damage", ["garbage", "truncated", "torn page"])
def test_a_corrupt_store_is_set_aside_by_name_and_a_fresh_one_begins(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "store.db"
    old = _open(path)
    _fill(old)
    old_id = old.outbox_id()
    old.close()
    content = path.read_bytes()
    page = b"\xa5" * 4096
    damaged = {
        "garbage": b"no database at all" * 1000,
        "truncated": content[: len(content) // 2],
        "torn page": content[:4096] + page * 3 + content[4096 * 4 :],
    }
    path.write_bytes(damaged[damage])

    store = _open(path)

    assert store.opened.set_aside == "store.db.corrupt-1"
    assert store.opened.why
    assert (tmp_path / "store.db.corrupt-1").read_bytes() == damaged[damage]
    assert store.outbox_id() != old_id, "numbers begin again, so the numbering has a new name"
    assert store.live_jobs() == []
    _fill(store)


def test_a_second_corrupt_store_does_not_overwrite_the_first(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    for number in (1, 2):
        path.write_bytes(b"garbage %d" % number * 500)
        store = _open(path)
        store.close()

    assert store.opened.set_aside == "store.db.corrupt-2"


def test_a_store_of_newer_software_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    _open(path).close()
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA user_version = 99")

    with pytest.raises(StorageError, match="version 99, this software knows 1"):
        _open(path)

    assert [found.name for found in tmp_path.glob("*corrupt*")] == []


def test_a_full_disk_is_a_storage_error_and_changes_nothing(tmp_path: Path) -> None:
    store = _open(tmp_path / "store.db")
    _fill(store)
    facts = _facts(store)
    pages = store._db.connection.execute("PRAGMA page_count").fetchone()[0]
    store._db.connection.execute(f"PRAGMA max_page_count = {pages}")

    with pytest.raises(StorageError) as refused:
        store.set_setting("ballast", "x" * 100_000)

    assert refused.value.kind is StorageFault.FULL
    assert _facts(store) == facts
    store._db.connection.execute("PRAGMA max_page_count = 100000")
    store.set_setting("room", "again")
    assert store.setting("room") == "again"


def test_a_failed_read_is_a_storage_error(tmp_path: Path) -> None:
    store = _open(tmp_path / "store.db")
    store.close()
    calls: list[Callable[[], object]] = [store.live_jobs, store.open_tcs, store.outgoing, lambda: store.setting("a")]

    for call in calls:
        with pytest.raises(StorageError):
            call()


def test_the_database_itself_refuses_a_move_that_is_no_edge(tmp_path: Path) -> None:
    store = _open(tmp_path / "store.db")
    store.add_job(job_row("job-1", S.RUNNING), [])

    with pytest.raises(sqlite3.IntegrityError, match="illegal move of a job"):
        store._db.connection.execute("UPDATE job SET state = 'SUCCEEDED'")
    with pytest.raises(InvariantError):
        store.move_job("job-1", S.RUNNING, S.SUCCEEDED, JobMove(), job_report("job-1", S.SUCCEEDED))


def test_the_edges_follow_the_transition_tables_of_today(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    old = SqliteStore(path, (("QUEUED", "SUCCEEDED"),), (), synchronous="OFF", options=StoreOptions(lambda: "0" * 16))
    old.add_job(job_row("job-1", S.QUEUED), [])
    old.close()

    store = _open(path)

    with pytest.raises(InvariantError):
        store.move_job("job-1", S.QUEUED, S.SUCCEEDED, JobMove(), job_report("job-1", S.SUCCEEDED))
    assert store.move_job("job-1", S.QUEUED, S.STARTING, JobMove(), job_report("job-1", S.STARTING))


def test_a_store_of_version_1_opens_with_all_it_held(tmp_path: Path) -> None:
    """The fixture was written by the first version; every later one must still read it."""
    shutil.copy(VERSION_1, tmp_path / "store.db")

    store = _open(tmp_path / "store.db")

    job = store.find_job("job-1")
    assert job is not None
    assert (job.state, job.attempt, job.checkpoint) == (S.SUCCEEDED, 4, "step-1")
    assert store.tc_counts() == (1, 1)
    assert store.setting("hk_interval_s") == "30"
    assert len(store.take_outbox(100, 0)) == 13
    assert store.outbox_id() == "00000000000000f1"
    store.add_job(job_row("job-2"), [job_report("job-2", S.STAGING)])
    store.move_job(
        "job-2", S.STAGING, S.CANCELLED, JobMove(reason=EndReason.CANCELLED), job_report("job-2", S.CANCELLED)
    )


def test_synchronous_full_reaches_sqlite(tmp_path: Path) -> None:
    options = StoreOptions(lambda: "0" * 16)
    store = SqliteStore(tmp_path / "store.db", (), (), synchronous="FULL", options=options)

    assert store._db.connection.execute("PRAGMA synchronous").fetchone()[0] == 2
    assert store._db.connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
