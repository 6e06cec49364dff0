"""The telecommand journal on SQLite."""

import sqlite3
from collections.abc import Sequence
from typing import Any

import msgpack

from icd.timebase import MissionTime
from icd.verification import FINAL_STAGES, Stage, VerificationReport
from node.adapters.sqlite_db import Database
from node.adapters.sqlite_outbox import SqliteOutbox
from node.adapters.store_rules import OutboxEntry, entry_of
from node.ports.store import ReplayWindow, TcRow

_COLUMNS = "request_id, digest, key_id, sequence, body, accepted_at, stage, step"
_FINAL = ", ".join(f"'{stage}'" for stage in sorted(FINAL_STAGES))


class SqliteTcs:
    """What the commanding app asks of the store."""

    def __init__(self, database: Database, outbox: SqliteOutbox) -> None:
        self._db = database
        self._outbox = outbox

    def find_tc(self, request_id: str) -> TcRow | None:
        """Return the journal's row of a telecommand."""
        with self._db.reading() as connection:
            found = connection.execute(f"SELECT {_COLUMNS} FROM tc WHERE request_id = ?", (request_id,)).fetchone()
        return None if found is None else _row(found)

    def tc_reports(self, request_id: str) -> list[VerificationReport]:
        """Return every report of a telecommand in order: the answer to a repeated request."""
        with self._db.reading() as connection:
            return [VerificationReport.model_validate(body) for body in _report_bodies(connection, request_id)]

    def replay_window(self, key_id: str) -> ReplayWindow:
        """Return the anti-replay window of a key; (0, 0) for one never used."""
        with self._db.reading() as connection:
            found = connection.execute("SELECT highest, mask FROM replay_window WHERE key_id = ?", (key_id,)).fetchone()
        return ReplayWindow(0, 0) if found is None else ReplayWindow(int(found[0]), int(found[1]))

    def accept_tc(self, row: TcRow, window: ReplayWindow, reports: Sequence[VerificationReport]) -> bool:
        """Commit the row, the new window and the reports at once; False when the id is already there."""
        if self.find_tc(row.request_id) is not None:
            return False
        self._outbox.refuse_if_full()
        with self._db.transaction() as connection:
            connection.execute(
                f"INSERT INTO tc ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    row.request_id,
                    row.digest,
                    row.key_id,
                    str(row.sequence),
                    row.body,
                    row.accepted_at,
                    row.stage.value,
                    row.step,
                ),
            )
            _set_window(connection, row.key_id, window)
            for report in reports:
                self._report(connection, report)
            self._db.bump("tc_accepted", 1)
            self._shorten(connection)
        return True

    def reject_tc(self, report: VerificationReport, window: tuple[str, ReplayWindow] | None) -> None:
        """Commit the report of a refusal, and the key's window when the number was authentic and so is spent."""
        self._outbox.refuse_if_full()
        with self._db.transaction() as connection:
            if window is not None:
                _set_window(connection, *window)
            self._outbox.put(connection, (report,))
            self._db.bump("tc_rejected", 1)

    def advance_tc(self, request_id: str, stage: Stage, report: VerificationReport) -> bool:
        """Move a telecommand on and commit the report with it; False when it has already reached a final stage."""
        row = self.find_tc(request_id)
        if row is None or row.stage in FINAL_STAGES:
            return False
        with self._db.transaction() as connection:
            connection.execute(
                "UPDATE tc SET stage = ?, step = ? WHERE request_id = ? AND stage = ?",
                (stage.value, report.step, request_id, row.stage.value),
            )
            self._report(connection, report)
        return True

    def resend_tc_reports(self, request_id: str) -> int:
        """Put every report of a telecommand into the outbox once more (a repeated request); return how many."""
        with self._db.transaction() as connection:
            bodies = _report_bodies(connection, request_id)
            again = [entry_of(VerificationReport.model_validate(body)) for body in bodies]
            self._outbox.put_entries(connection, again)
        return len(again)

    def open_tcs(self) -> list[TcRow]:
        """Return telecommands that were accepted and have not ended, oldest first."""
        with self._db.reading() as connection:
            found = connection.execute(f"SELECT {_COLUMNS} FROM tc WHERE stage NOT IN ({_FINAL}) ORDER BY ordinal")
            return [_row(columns) for columns in found]

    def tc_counts(self) -> tuple[int, int]:
        """Return how many telecommands were accepted and how many rejected."""
        return self._db.counted("tc_accepted"), self._db.counted("tc_rejected")

    def _report(self, connection: sqlite3.Connection, report: VerificationReport) -> None:
        entry: OutboxEntry = self._outbox.put(connection, (report,))[0]
        connection.execute(
            "INSERT INTO tc_report (request_id, body) VALUES (?, ?)", (report.request_id, msgpack.packb(entry.body))
        )

    def _shorten(self, connection: sqlite3.Connection) -> None:
        """Let the oldest ended telecommand go when the journal is full; its number stays spent in the window."""
        self._db.counts.tc += 1
        if self._db.counts.tc <= self._db.options.bounds.tc_rows:
            return
        oldest = connection.execute(
            f"SELECT request_id FROM tc WHERE stage IN ({_FINAL}) ORDER BY ordinal LIMIT 1"
        ).fetchone()
        if oldest is not None:
            connection.execute("DELETE FROM tc WHERE request_id = ?", oldest)
            connection.execute("DELETE FROM tc_report WHERE request_id = ?", oldest)
            self._db.counts.tc -= 1


def _set_window(connection: sqlite3.Connection, key_id: str, window: ReplayWindow) -> None:
    connection.execute(
        "INSERT INTO replay_window VALUES (?, ?, ?) "
        "ON CONFLICT (key_id) DO UPDATE SET highest = excluded.highest, mask = excluded.mask",
        (key_id, str(window.highest), str(window.mask)),
    )


def _report_bodies(connection: sqlite3.Connection, request_id: str) -> list[dict[str, Any]]:
    found = connection.execute("SELECT body FROM tc_report WHERE request_id = ? ORDER BY ordinal", (request_id,))
    return [msgpack.unpackb(body) for (body,) in found]


def _row(columns: tuple[Any, ...]) -> TcRow:
    request_id, digest, key_id, sequence, body, accepted_at, stage, step = columns
    return TcRow(request_id, digest, key_id, int(sequence), body, MissionTime(accepted_at), Stage(stage), step)
