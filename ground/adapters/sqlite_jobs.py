"""Jobs, their reports and their files in SQLite."""

from collections.abc import Sequence

from ground.adapters.sqlite_database import Database, Row
from ground.ports.archive import FileRow, GroundJobState, JobRow, ResultState, TimelineRow
from icd.jobs import JobReport, JobSpec
from icd.timebase import MissionTime

_COLUMNS = (
    "job_id, spec, digest, state, node, wanted_node, request_id, cancel_id, cancel_wanted, placements, not_before, "
    "reason, detail, attempt, progress_frac, energy_wh, result_state, result_sha256, result_bytes, submitted_at, "
    "updated_at, report_at, report_seq"
)
_NAMES = tuple(_COLUMNS.split(", "))
_CHANGING = _NAMES[3:]
_OPEN = "state NOT IN ('SUCCEEDED', 'FAILED', 'CANCELLED')"


class SqliteJobs:
    """The jobs' part of the archive."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(self, row: JobRow) -> None:
        """Keep a new job."""
        self._db.execute(
            f"INSERT INTO job ({_COLUMNS}, work_s) VALUES ({', '.join('?' * 24)})",
            (row.job_id, row.spec.model_dump_json(), row.digest, *_changing(row), row.spec.work_s),
        )

    def find(self, job_id: str) -> JobRow | None:
        """Return a job."""
        found = self._db.row(f"SELECT {_COLUMNS} FROM job WHERE job_id = ?", (job_id,))
        return None if found is None else _job(found)

    def put(self, row: JobRow) -> None:
        """Replace a job's row by its changed self."""
        sets = ", ".join(f"{name} = ?" for name in _CHANGING)
        self._db.execute(f"UPDATE job SET {sets} WHERE job_id = ?", (*_changing(row), row.job_id))

    def in_states(self, states: Sequence[GroundJobState], node: str | None = None) -> list[JobRow]:
        """Return jobs in any of these states, in order of submission."""
        marks = ", ".join("?" * len(states))
        rows = self._db.rows(
            f"SELECT {_COLUMNS} FROM job WHERE {_OPEN} AND state IN ({marks}) AND (? IS NULL OR node = ?) "
            "ORDER BY number",
            (*states, node, node),
        )
        return [_job(row) for row in rows]

    def to_cancel(self) -> list[JobRow]:
        """Return jobs that have not ended, shall be cancelled, and have no telecommand for it, oldest first."""
        rows = self._db.rows(
            f"SELECT {_COLUMNS} FROM job WHERE {_OPEN} AND cancel_wanted AND cancel_id IS NULL ORDER BY number"
        )
        return [_job(row) for row in rows]

    def backlog(self) -> dict[str, tuple[int, float]]:
        """Return, by node, how many placed jobs have not ended and their declared work still to do, s."""
        rows = self._db.rows(
            "SELECT node, count(*), sum(work_s * (1.0 - coalesce(progress_frac, 0.0))) FROM job "
            f"WHERE {_OPEN} AND node IS NOT NULL GROUP BY node ORDER BY node"
        )
        return {node: (int(count), float(work_s)) for node, count, work_s in rows}

    def counts(self) -> dict[str, int]:
        """Return how many jobs are in each state that has any."""
        return dict(self._db.rows("SELECT state, count(*) FROM job GROUP BY state ORDER BY state"))

    def add_report(self, node: str, seq: int, report: JobReport) -> None:
        """Keep a job report in the job's timeline."""
        self._db.execute(
            "INSERT INTO job_report (job_id, node, seq, at, body) VALUES (?, ?, ?, ?, ?)",
            (report.job_id, node, seq, report.at, report.model_dump_json()),
        )

    def timeline(self, job_id: str) -> list[TimelineRow]:
        """Return a job's reports in order of their time."""
        rows = self._db.rows("SELECT node, body FROM job_report WHERE job_id = ? ORDER BY at, seq, number", (job_id,))
        return [_report(row) for row in rows]

    def reports_between(self, node: str, start: MissionTime, end: MissionTime) -> list[TimelineRow]:
        """Return a node's job reports in a span, and before it the last one of each job that then ran, by time."""
        before = self._db.rows(
            "SELECT node, body, at FROM (SELECT node, body, max(at) AS at FROM job_report WHERE node = ? AND at < ? "
            "GROUP BY job_id) WHERE json_extract(body, '$.state') IN ('RUNNING', 'CHECKPOINTING')",
            (node, start),
        )
        inside = self._db.rows(
            "SELECT node, body, at FROM job_report WHERE node = ? AND at >= ? AND at < ? ORDER BY at, seq, number",
            (node, start, end),
        )
        earlier = sorted(before, key=lambda row: int(row[2]))
        return [_report(row[:2]) for row in (*earlier, *inside)]

    def newest(self, limit: int, state: str | None, node: str | None) -> list[JobRow]:
        """Return jobs, newest first."""
        rows = self._db.rows(
            f"SELECT {_COLUMNS} FROM job WHERE (? IS NULL OR state = ?) AND (? IS NULL OR node = ?) "
            "ORDER BY number DESC LIMIT ?",
            (state, state, node, node, limit),
        )
        return [_job(row) for row in rows]

    def add_file(self, row: FileRow) -> None:
        """Keep that a file came down whole."""
        self._db.execute(
            "INSERT OR IGNORE INTO file (node, transfer_id, kind, job_id, sha256, total_bytes) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (row.node, row.transfer_id, row.kind, row.job_id, row.sha256, row.total_bytes),
        )

    def find_file(self, node: str, transfer_id: str) -> FileRow | None:
        """Return a file that came down whole."""
        found = self._db.row(
            "SELECT node, transfer_id, kind, job_id, sha256, total_bytes FROM file WHERE node = ? AND transfer_id = ?",
            (node, transfer_id),
        )
        return None if found is None else FileRow(*found)

    def newest_file(self, job_id: str, kind: str) -> FileRow | None:
        """Return the file of a job and kind that came last."""
        found = self._db.row(
            "SELECT node, transfer_id, kind, job_id, sha256, total_bytes FROM file WHERE job_id = ? AND kind = ? "
            "ORDER BY number DESC LIMIT 1",
            (job_id, kind),
        )
        return None if found is None else FileRow(*found)


def _changing(row: JobRow) -> tuple[object, ...]:
    return (
        *(row.state, row.node, row.wanted_node, row.request_id, row.cancel_id, row.cancel_wanted, row.placements),
        *(row.not_before, row.reason, row.detail, row.attempt, row.progress_frac, row.energy_wh, row.result_state),
        *(row.result_sha256, row.result_bytes, row.submitted_at, row.updated_at, row.report_at, row.report_seq),
    )


def _job(row: Row) -> JobRow:
    values = dict(zip(_NAMES, row, strict=True))
    values["spec"] = JobSpec.model_validate_json(values["spec"])
    values["state"] = GroundJobState(values["state"])
    values["cancel_wanted"] = bool(values["cancel_wanted"])
    values["result_state"] = ResultState(values["result_state"])
    return JobRow(**values)


def _report(row: Row) -> TimelineRow:
    return TimelineRow(row[0], JobReport.model_validate_json(row[1]))
