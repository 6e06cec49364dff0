"""The store on disk against the one in memory, verb by verb, with crashes between."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from icd.events import Severity
from icd.jobs import JobState
from icd.verification import Stage
from node.adapters.memory_store import MemoryStore
from node.adapters.sqlite_store import SqliteStore
from node.adapters.store_rules import StoreBounds, StoreOptions
from node.apps.commanding.lifecycle import TC_TABLE
from node.apps.jobs.lifecycle import JOB_TABLE
from node.kernel.errors import InvariantError, StorageError
from node.ports.store import JobMove, OutgoingRow, ReplayWindow
from tests.contract.node_rows import SHA, event, job_report, job_row, tc_report, tc_row

JOBS = st.sampled_from([f"job-{number}" for number in range(5)])
TCS = st.sampled_from([f"tc-{number}" for number in range(5)])
STATES = st.sampled_from(list(JobState))
Verb = Callable[[SqliteStore | MemoryStore], object]
BOUNDS = StoreBounds(outbox_rows=12, event_rows=5, tc_rows=3, job_rows=3)


class PowerCutError(BaseException):
    """Raised inside a transaction: nothing of it may be left."""


class StoreMachine(RuleBasedStateMachine):
    """Every verb goes to both; both answer alike, and neither a crash nor a failed write shows."""

    @initialize()
    def begin(self) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="store-"))
        self._cut = False
        self._lives = 0
        self._model = MemoryStore(JOB_TABLE.moves(), TC_TABLE.moves(), StoreOptions(lambda: "0" * 16, bounds=BOUNDS))
        self._store = self._open()

    def teardown(self) -> None:
        self._store.close()
        shutil.rmtree(self._directory)

    @rule(number=st.integers(1, 2**64 - 1), tc=TCS, mask=st.integers(0, 2**64 - 1))
    def accept(self, number: int, tc: str, mask: int) -> None:
        reports = [tc_report(tc, Stage.ACCEPTED)]
        self._both(lambda store: store.accept_tc(tc_row(tc, number), ReplayWindow(number, mask), reports))

    @rule(tc=TCS, spent=st.booleans())
    def reject(self, tc: str, spent: bool) -> None:
        window = ("op", ReplayWindow(3, 5)) if spent else None
        self._both(lambda store: store.reject_tc(tc_report(tc, Stage.FAILED), window))

    @rule(tc=TCS, stage=st.sampled_from(list(Stage)))
    def advance(self, tc: str, stage: Stage) -> None:
        self._both(lambda store: store.advance_tc(tc, stage, tc_report(tc, stage)))

    @rule(tc=TCS)
    def resend(self, tc: str) -> None:
        self._both(lambda store: store.resend_tc_reports(tc))

    @rule(job=JOBS, state=STATES)
    def add(self, job: str, state: JobState) -> None:
        self._both(lambda store: store.add_job(job_row(job, state), [job_report(job, state)]))

    @rule(job=JOBS, origin=STATES, goal=STATES, attempt=st.none() | st.integers(0, 9))
    def move(self, job: str, origin: JobState, goal: JobState, attempt: int | None) -> None:
        self._both(lambda store: store.move_job(job, origin, goal, JobMove(attempt=attempt), job_report(job, goal)))

    @rule(job=JOBS, state=STATES, progress=st.floats(0.0, 1.0))
    def note(self, job: str, state: JobState, progress: float) -> None:
        self._both(lambda store: store.note_job(job, state, JobMove(progress_frac=progress), None))

    @rule(severity=st.sampled_from(list(Severity)), number=st.integers())
    def happen(self, severity: Severity, number: int) -> None:
        report = event(severity=severity, number=number % 2**32)
        self._both(lambda store: store.append_event(report))

    @rule(seqs=st.lists(st.integers(-1, 40) | st.integers(), max_size=8, unique=True))
    def acknowledge(self, seqs: list[int]) -> None:
        self._both(lambda store: store.ack_outbox(seqs))

    @rule(name=st.sampled_from("abc"), value=st.text(st.characters(codec="utf-8"), max_size=20))
    def set(self, name: str, value: str) -> None:
        self._both(lambda store: store.set_setting(name, value))

    @rule(job=JOBS, ends=st.booleans())
    def transfer(self, job: str, ends: bool) -> None:
        row = OutgoingRow(f"t-{job}", "RESULT", job, f"result-{job}", 10, SHA)
        self._both(lambda store: store.end_outgoing(row.transfer_id) if ends else store.add_outgoing(row))

    @rule()
    def crash_and_reopen(self) -> None:
        """Lose the power between two writes: only the files are left."""
        self._reopen_from_copy()

    @rule(job=JOBS, state=STATES)
    def crash_in_mid_write(self, job: str, state: JobState) -> None:
        """Lose the power just before a commit: the verb has not happened."""
        self._cut = True
        try:
            self._store.add_job(job_row(job, state), [job_report(job, state)])
        except (PowerCutError, StorageError):
            self._reopen_from_copy()
        self._cut = False

    @invariant()
    def they_hold_the_same(self) -> None:
        store, model = self._store, self._model
        assert store.live_jobs() == model.live_jobs()
        assert store.open_tcs() == model.open_tcs()
        assert store.take_outbox(100, 0) == model.take_outbox(100, 0)
        assert store.outgoing() == model.outgoing()
        assert store.replay_window("op") == model.replay_window("op")
        assert store.tc_counts() == model.tc_counts()
        counts = [(s.outbox_rows(), s.event_rows(), s.events_given_way()) for s in (store, model)]
        assert counts[0] == counts[1]
        assert [store.setting(name) for name in "abc"] == [model.setting(name) for name in "abc"]

    def _open(self) -> SqliteStore:
        options = StoreOptions(lambda: "0" * 16, before_write=self._before_write, bounds=BOUNDS)
        path = self._directory / f"life-{self._lives}.db"
        return SqliteStore(path, JOB_TABLE.moves(), TC_TABLE.moves(), synchronous="OFF", options=options)

    def _before_write(self, count: int) -> None:
        if self._cut:
            raise PowerCutError

    def _reopen_from_copy(self) -> None:
        old = self._directory / f"life-{self._lives}.db"
        self._lives += 1
        for suffix in ("", "-wal"):
            if old.with_name(old.name + suffix).exists():
                shutil.copy(old.with_name(old.name + suffix), self._directory / f"life-{self._lives}.db{suffix}")
        self._store.close()
        self._cut = False
        self._store = self._open()

    def _both(self, verb: Verb) -> None:
        assert _outcome(verb, self._store) == _outcome(verb, self._model)


def _outcome(verb: Verb, store: SqliteStore | MemoryStore) -> object:
    try:
        return verb(store)
    except (InvariantError, StorageError) as error:
        return type(error)


TestStoreMachine = pytest.mark.slow(StoreMachine.TestCase)
TestStoreMachine.settings = settings(max_examples=40, stateful_step_count=40, deadline=None, derandomize=True)
