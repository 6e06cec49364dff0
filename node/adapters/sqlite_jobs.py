"""The job queue on SQLite."""

import sqlite3
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import msgpack

from icd.jobs import TERMINAL_STATES, EndReason, JobReport, JobSpec, JobState
from icd.timebase import MissionTime
from node.adapters.sqlite_db import Database
from node.adapters.sqlite_outbox import SqliteOutbox
from node.ports.store import JobMove, JobRow

SPECS_CACHED_MAX = 1_024  # decoded job specs kept in memory; a spec never changes

_COLUMNS = (
    "job_id, spec, request_id, state, submitted_at, attempt, failures, restarts, not_before, checkpoint, "
    "progress_frac, reason, result_sha256, result_bytes, energy_wh"
)
_CHANGED = tuple(field.name for field in fields(JobMove))
_CHANGES = ", ".join(f"{name} = coalesce(?, {name})" for name in _CHANGED)
_ENDED = ", ".join(f"'{state}'" for state in sorted(TERMINAL_STATES))


class SqliteJobs:
    """What the jobs app asks of the store."""

    def __init__(self, database: Database, outbox: SqliteOutbox) -> None:
        self._db = database
        self._outbox = outbox
        self._specs: dict[str, JobSpec] = {}

    def add_job(self, row: JobRow, reports: Sequence[JobReport]) -> bool:
        """Commit a new job with its reports; False when a job of that id is already there."""
        if self.find_job(row.spec.job_id) is not None:
            return False
        self._outbox.refuse_if_full()
        with self._db.transaction() as connection:
            connection.execute(
                f"INSERT INTO job ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", _columns(row)
            )
            self._outbox.put(connection, reports)
            self._shorten(connection)
        return True

    def find_job(self, job_id: str) -> JobRow | None:
        """Return a job, ended or not."""
        with self._db.reading() as connection:
            found = connection.execute(f"SELECT {_COLUMNS} FROM job WHERE job_id = ?", (job_id,)).fetchone()
        return None if found is None else self._row(found)

    def live_jobs(self) -> list[JobRow]:
        """Return every job that has not ended, in order of submission."""
        with self._db.reading() as connection:
            found = connection.execute(f"SELECT {_COLUMNS} FROM job WHERE state NOT IN ({_ENDED}) ORDER BY ordinal")
            return [self._row(columns) for columns in found]

    def ended_jobs(self, limit: int) -> list[str]:
        """Return the ids of up to `limit` jobs that have ended, the last submitted first."""
        with self._db.reading() as connection:
            found = connection.execute(
                f"SELECT job_id FROM job WHERE state IN ({_ENDED}) ORDER BY ordinal DESC LIMIT ?", (limit,)
            )
            return [str(job_id) for (job_id,) in found]

    def move_job(self, job_id: str, source: JobState, target: JobState, change: JobMove, report: JobReport) -> bool:
        """Move a job along an edge of the table and commit the report with it; False when it is not in `source`."""
        if not self._is_in(job_id, source):
            return False
        with self._db.transaction() as connection:
            connection.execute(
                f"UPDATE job SET state = ?, {_CHANGES} WHERE job_id = ? AND state = ?",
                (target.value, *_changes(change), job_id, source.value),
            )
            self._outbox.put(connection, (report,))
        return True

    def note_job(self, job_id: str, state: JobState, change: JobMove, report: JobReport | None) -> bool:
        """Change columns of a job that stays in its state (progress, a checkpoint); False when it is not in `state`."""
        if not self._is_in(job_id, state):
            return False
        with self._db.transaction() as connection:
            connection.execute(f"UPDATE job SET {_CHANGES} WHERE job_id = ?", (*_changes(change), job_id))
            if report is not None:
                self._outbox.put(connection, (report,))
        return True

    def _is_in(self, job_id: str, state: JobState) -> bool:
        with self._db.reading() as connection:
            found = connection.execute("SELECT state FROM job WHERE job_id = ?", (job_id,)).fetchone()
        return found is not None and found[0] == state.value

    def _shorten(self, connection: sqlite3.Connection) -> None:
        """Let the oldest ended job go when the table is full."""
        self._db.counts.job += 1
        if self._db.counts.job > self._db.options.bounds.job_rows:
            oldest = f"SELECT ordinal FROM job WHERE state IN ({_ENDED}) ORDER BY ordinal LIMIT 1"
            if connection.execute(f"DELETE FROM job WHERE ordinal = ({oldest})").rowcount:
                self._db.counts.job -= 1

    def _row(self, columns: tuple[Any, ...]) -> JobRow:
        job_id, packed, request_id, state, submitted_at, attempt, failures, restarts, not_before, *rest = columns
        checkpoint, progress_frac, reason, result_sha256, result_bytes, energy_wh = rest
        return JobRow(
            spec=self._spec(job_id, packed),
            request_id=request_id,
            state=JobState(state),
            submitted_at=MissionTime(submitted_at),
            attempt=attempt,
            failures=failures,
            restarts=restarts,
            not_before=None if not_before is None else MissionTime(not_before),
            checkpoint=checkpoint,
            progress_frac=progress_frac,
            reason=None if reason is None else EndReason(reason),
            result_sha256=result_sha256,
            result_bytes=result_bytes,
            energy_wh=energy_wh,
        )

    def _spec(self, job_id: str, packed: bytes) -> JobSpec:
        spec = self._specs.get(job_id)
        if spec is None:
            spec = JobSpec.model_validate(msgpack.unpackb(packed))
            if len(self._specs) >= SPECS_CACHED_MAX:
                del self._specs[next(iter(self._specs))]
            self._specs[job_id] = spec
        return spec


def _columns(row: JobRow) -> tuple[Any, ...]:
    return (
        row.spec.job_id,
        msgpack.packb(row.spec.model_dump(mode="python")),
        row.request_id,
        row.state.value,
        row.submitted_at,
        row.attempt,
        row.failures,
        row.restarts,
        row.not_before,
        row.checkpoint,
        row.progress_frac,
        None if row.reason is None else row.reason.value,
        row.result_sha256,
        row.result_bytes,
        row.energy_wh,
    )


def _changes(change: JobMove) -> tuple[Any, ...]:
    return tuple(_bare(getattr(change, name)) for name in _CHANGED)


def _bare(value: Any) -> Any:
    return value.value if isinstance(value, EndReason) else value
