"""The jobs in memory, as the store has them: every move is committed first, with its report."""

from dataclasses import replace
from typing import TypeVar

from icd.jobs import TERMINAL_STATES, EndReason, JobReport, JobSpec, JobState
from icd.timebase import MissionTime
from node.apps.jobs.lifecycle import JOB_TABLE, JobTrigger
from node.kernel.errors import IllegalTransitionError, InvariantError, StorageError
from node.ports.store import JobMove, JobRow, JobStore

V = TypeVar("V")


def report_of(row: JobRow, now: MissionTime, detail: str = "", exit_code: int | None = None) -> JobReport:
    """Return the report of a job as its row stands. A reason of an earlier attempt is no news of one that runs."""
    reason = None if row.state in (JobState.STARTING, JobState.RUNNING) else row.reason
    return JobReport(
        job_id=row.spec.job_id,
        state=row.state,
        attempt=row.attempt,
        at=now,
        reason=reason,
        detail=detail[:400],
        progress_frac=row.progress_frac,
        checkpoint=row.checkpoint,
        exit_code=exit_code,
        result_sha256=row.result_sha256,
        result_bytes=row.result_bytes,
        energy_wh=row.energy_wh,
    )


class Ledger:
    """Every job that has not ended, in order of submission."""

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self._unsaved: dict[str, JobMove] = {}  # notes that the storage refused: they ride with the next move
        self.rows: dict[str, JobRow] = {}

    def load(self) -> None:
        """Read every live job from the store."""
        self._unsaved.clear()
        self.rows = {row.spec.job_id: row for row in self._store.live_jobs()}

    def waiting(self) -> list[JobRow]:
        """Return the jobs that wait for their bundle or their turn."""
        return [row for row in self.rows.values() if row.state in (JobState.STAGING, JobState.QUEUED)]

    def find(self, job_id: str) -> JobRow | None:
        """Return a job, ended or not."""
        return self.rows.get(job_id) or self._store.find_job(job_id)

    def add(self, spec: JobSpec, request_id: str, now: MissionTime) -> JobRow:
        """Commit a new job in STAGING with its report.

        Raises:
            StorageError: nothing happened.
        """
        row = JobRow(
            spec=spec,
            request_id=request_id,
            state=JOB_TABLE.initial,
            submitted_at=now,
            attempt=0,
            failures=0,
            restarts=0,
            not_before=None,
            checkpoint=None,
            progress_frac=None,
            reason=None,
            result_sha256=None,
            result_bytes=None,
            energy_wh=0.0,
        )
        if not self._store.add_job(row, [report_of(row, now)]):
            raise InvariantError(f"job {spec.job_id} is in the store but was not found there")
        self.rows[spec.job_id] = row
        return row

    def move(
        self,
        job_id: str,
        trigger: JobTrigger,
        change: JobMove,
        now: MissionTime,
        *,
        detail: str = "",
        exit_code: int | None = None,
    ) -> JobRow:
        """Move a job along an edge of the table, committing row and report together; return the row then.

        Raises:
            StorageError: nothing happened.
            IllegalTransitionError: the table has no such edge.
        """
        row = self.rows[job_id]
        target = JOB_TABLE.target(row.state, trigger)
        if target is None:
            raise IllegalTransitionError(f"job {job_id}: {trigger} is not legal in {row.state}")
        whole = self._with_unsaved(job_id, change)
        moved = replace(_changed(row, whole), state=target)
        report = report_of(moved, now, detail, exit_code)
        if not self._store.move_job(job_id, row.state, target, whole, report):
            raise InvariantError(f"job {job_id} is not {row.state} in the store")
        self._unsaved.pop(job_id, None)
        if target in TERMINAL_STATES:
            del self.rows[job_id]
        else:
            self.rows[job_id] = moved
        return moved

    def note(self, job_id: str, change: JobMove, now: MissionTime, *, reported: bool) -> bool:
        """Change columns of a job that stays in its state; False when the storage refused and it waits for later."""
        row = self.rows[job_id]
        whole = self._with_unsaved(job_id, change)
        noted = _changed(row, whole)
        self.rows[job_id] = noted
        try:
            stayed = self._store.note_job(job_id, row.state, whole, report_of(noted, now) if reported else None)
        except StorageError:
            self._unsaved[job_id] = whole
            return False
        if not stayed:
            raise InvariantError(f"job {job_id} is not {row.state} in the store")
        self._unsaved.pop(job_id, None)
        return True

    def see_progress(self, job_id: str, progress_frac: float) -> JobRow:
        """Keep a job's progress in memory only; return the row."""
        row = replace(self.rows[job_id], progress_frac=progress_frac)
        self.rows[job_id] = row
        return row

    def _with_unsaved(self, job_id: str, change: JobMove) -> JobMove:
        unsaved = self._unsaved.get(job_id)
        return change if unsaved is None else _merged(unsaved, change)


def ended_reason(row: JobRow) -> EndReason:
    """Return why a job ended; it always has a reason then."""
    assert row.state in TERMINAL_STATES, f"{row.spec.job_id} is {row.state}"
    assert row.reason is not None, f"{row.spec.job_id} ended without a reason"
    return row.reason


def _changed(row: JobRow, change: JobMove) -> JobRow:
    return replace(
        row,
        attempt=_or(change.attempt, row.attempt),
        failures=_or(change.failures, row.failures),
        restarts=_or(change.restarts, row.restarts),
        not_before=_or(change.not_before, row.not_before),
        checkpoint=_or(change.checkpoint, row.checkpoint),
        progress_frac=_or(change.progress_frac, row.progress_frac),
        reason=_or(change.reason, row.reason),
        result_sha256=_or(change.result_sha256, row.result_sha256),
        result_bytes=_or(change.result_bytes, row.result_bytes),
        energy_wh=_or(change.energy_wh, row.energy_wh),
    )


def _merged(old: JobMove, new: JobMove) -> JobMove:
    return JobMove(
        attempt=_or(new.attempt, old.attempt),
        failures=_or(new.failures, old.failures),
        restarts=_or(new.restarts, old.restarts),
        not_before=_or(new.not_before, old.not_before),
        checkpoint=_or(new.checkpoint, old.checkpoint),
        progress_frac=_or(new.progress_frac, old.progress_frac),
        reason=_or(new.reason, old.reason),
        result_sha256=_or(new.result_sha256, old.result_sha256),
        result_bytes=_or(new.result_bytes, old.result_bytes),
        energy_wh=_or(new.energy_wh, old.energy_wh),
    )


def _or(new: V | None, old: V) -> V:
    return old if new is None else new
