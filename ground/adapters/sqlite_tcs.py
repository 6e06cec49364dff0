"""Telecommands in SQLite."""

from ground.adapters.sqlite_database import Database, Row
from ground.ports.archive import TcRow, TcStage
from icd.timebase import MissionTime
from icd.verification import Refusal, Stage, VerificationReport

_COLUMNS = (
    "request_id, node, key_id, sequence, user, command, job_id, issued_at, expires_at, signed, sent, stage, reason, "
    "detail, updated_at"
)
_NAMES = tuple(_COLUMNS.split(", "))
_COUNT = (
    "INSERT INTO counter (name, last) VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET last = last + 1 RETURNING last"
)


class SqliteTcs:
    """The telecommands' part of the archive."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def next_number(self) -> int:
        """Count and return the number of the next telecommand; never the same twice."""
        return self._count("tc")

    def next_sequence(self, key_id: str, node: str) -> int:
        """Count and return the next place in a key's sequence towards a node; never the same twice."""
        return self._count(f"sequence/{key_id}/{node}")

    def add(self, row: TcRow) -> None:
        """Keep a new telecommand."""
        self._db.execute(
            f"INSERT INTO tc ({_COLUMNS}) VALUES ({', '.join('?' * 15)})",
            (
                *(row.request_id, row.node, row.key_id, row.sequence, row.user, row.command, row.job_id),
                *(row.issued_at, row.expires_at, row.signed, row.sent, row.stage, row.reason, row.detail),
                row.updated_at,
            ),
        )

    def find(self, request_id: str) -> TcRow | None:
        """Return a telecommand."""
        found = self._db.row(f"SELECT {_COLUMNS} FROM tc WHERE request_id = ?", (request_id,))
        return None if found is None else _tc(found)

    def mark_sent(self, request_id: str) -> None:
        """Note that the telecommand may have left the ground."""
        self._db.execute("UPDATE tc SET sent = 1 WHERE request_id = ?", (request_id,))

    def move(self, request_id: str, stage: TcStage, reason: str | None, detail: str, at: MissionTime) -> None:
        """Set how far a telecommand has come."""
        self._db.execute(
            "UPDATE tc SET stage = ?, reason = ?, detail = ?, updated_at = ? WHERE request_id = ?",
            (stage, reason, detail, at, request_id),
        )

    def add_stage(self, report: VerificationReport) -> bool:
        """Keep a stage report; False when that stage and step are already there."""
        done = self._db.execute(
            "INSERT OR IGNORE INTO tc_stage (request_id, stage, step, at, reason, detail) VALUES (?, ?, ?, ?, ?, ?)",
            (report.request_id, report.stage, report.step, report.at, report.reason, report.detail),
        )
        return done.rowcount == 1

    def stages(self, request_id: str) -> list[VerificationReport]:
        """Return the stage reports of a telecommand in order of time."""
        rows = self._db.rows(
            "SELECT request_id, stage, step, at, reason, detail FROM tc_stage WHERE request_id = ?", (request_id,)
        )
        order = list(Stage)
        found = [
            VerificationReport(
                request_id=name,
                stage=Stage(stage),
                step=step,
                at=at,
                reason=None if reason is None else Refusal(reason),
                detail=detail,
            )
            for name, stage, step, at, reason, detail in rows
        ]
        return sorted(found, key=lambda report: (report.at, order.index(report.stage), report.step))

    def unanswered(self) -> list[TcRow]:
        """Return telecommands that are ISSUED or RECEIVED, oldest first."""
        rows = self._db.rows(f"SELECT {_COLUMNS} FROM tc WHERE stage IN ('ISSUED', 'RECEIVED') ORDER BY number")
        return [_tc(row) for row in rows]

    def in_doubt(self, expired_after: MissionTime) -> list[TcRow]:
        """Return telecommands that were sent, EXPIRED after an instant, and have no answer, oldest first."""
        rows = self._db.rows(
            f"SELECT {_COLUMNS} FROM tc WHERE stage = 'EXPIRED' AND sent AND expires_at > ? ORDER BY number",
            (expired_after,),
        )
        return [_tc(row) for row in rows]

    def open_count(self, node: str) -> int:
        """Return how many telecommands towards a node are ISSUED or RECEIVED."""
        found = self._db.row("SELECT count(*) FROM tc WHERE stage IN ('ISSUED', 'RECEIVED') AND node = ?", (node,))
        return int(found[0]) if found else 0

    def newest(self, limit: int, node: str | None) -> list[TcRow]:
        """Return telecommands, newest first."""
        rows = self._db.rows(
            f"SELECT {_COLUMNS} FROM tc WHERE ? IS NULL OR node = ? ORDER BY number DESC LIMIT ?", (node, node, limit)
        )
        return [_tc(row) for row in rows]

    def _count(self, name: str) -> int:
        found = self._db.row(_COUNT, (name,))
        assert found is not None, "RETURNING always returns"
        return int(found[0])


def _tc(row: Row) -> TcRow:
    values = dict(zip(_NAMES, row, strict=True))
    return TcRow(**{**values, "sent": bool(values["sent"]), "stage": TcStage(values["stage"])})
