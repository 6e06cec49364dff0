"""Housekeeping, events and report numbers in SQLite, and the queries that draw history."""

import json
from collections.abc import Sequence
from operator import attrgetter

from ground.adapters.sqlite_database import Database, Row
from ground.adapters.sqlite_schema import HK_COLUMNS
from ground.ports.archive import HISTORY_COLUMNS, LOOK_BACK_S, EventRow, HkRow
from icd.events import EventReport, Severity
from icd.hk import HkSample
from icd.timebase import NS_PER_S, MissionTime

_HK = f"node, at, {', '.join(HK_COLUMNS)}"
_values = attrgetter(*HK_COLUMNS)
_EVENT = "number, node, at, severity, event_id, app, text"


class SqliteTelemetry:
    """The telemetry's part of the archive."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._insert_hk = f"INSERT OR IGNORE INTO hk ({_HK}) VALUES ({', '.join('?' * (2 + len(HK_COLUMNS)))})"

    def add_hk(self, rows: Sequence[HkRow]) -> None:
        """Keep samples; one that is already there stays as it was."""
        with self._db.transaction():
            self._db.execute_many(self._insert_hk, ((row.node, row.at, *_values(row.sample)) for row in rows))

    def latest_hk(self) -> list[HkRow]:
        """Return the newest sample of each node."""
        rows = self._db.rows(f"SELECT {_HK}, max(at) FROM hk GROUP BY node ORDER BY node")
        return [HkRow(row[0], MissionTime(row[1]), HkSample(*row[2:-1])) for row in rows]

    def take_report(self, node: str, outbox_id: str, seq: int) -> bool:
        """Note that a report was taken; False when it was taken before."""
        done = self._db.execute("INSERT OR IGNORE INTO report VALUES (?, ?, ?)", (node, outbox_id, seq))
        return done.rowcount == 1

    def add_event(self, node: str, report: EventReport, text: str) -> int:
        """Keep an event and return its number."""
        done = self._db.execute(
            "INSERT INTO event (node, at, severity, event_id, app, fields, text) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (node, report.at, report.severity, report.event_id, report.app, json.dumps(report.fields), text),
        )
        number = done.lastrowid
        assert number is not None, "an insert gives a row number"
        return number

    def events(self, after: int, limit: int, node: str | None, severity: str | None) -> list[EventRow]:
        """Return the newest `limit` events above a number, oldest first."""
        rows = self._db.rows(
            f"SELECT {_EVENT} FROM event WHERE number > ? AND (? IS NULL OR node = ?) "
            "AND (? IS NULL OR severity = ?) ORDER BY number DESC LIMIT ?",
            (after, node, node, severity, severity, limit),
        )
        return [EventRow(*row) for row in reversed(rows)]

    def event_counts(self) -> dict[str, int]:
        """Return how many events of each severity are kept."""
        return dict(self._db.rows("SELECT severity, count(*) FROM event GROUP BY severity ORDER BY severity"))

    def events_of(self, node: str, event_ids: Sequence[str], start: MissionTime, end: MissionTime) -> list[EventReport]:
        """Return a node's events of some kinds up to a span's end, from LOOK_BACK_S before its start, by time."""
        marks = ", ".join("?" * len(event_ids))
        rows = self._db.rows(
            f"SELECT event_id, severity, at, app, fields FROM event WHERE node = ? AND event_id IN ({marks}) "
            "AND at >= ? AND at < ? ORDER BY at, number",
            (node, *event_ids, start - LOOK_BACK_S * NS_PER_S, end),
        )
        return [_event(row) for row in rows]

    def hk_columns(self, node: str, start: MissionTime, end: MissionTime, points: int) -> list[list[float | None]]:
        """Return mean values in at most `points` equal buckets: time in s from `start`, then HISTORY_COLUMNS."""
        bucket_ns = max(1, -(-(end - start) // points))
        means = ", ".join(f"avg({name})" for name in HISTORY_COLUMNS)
        rows = self._db.rows(
            f"SELECT avg(at - ?) / {NS_PER_S}.0, {means} FROM hk WHERE node = ? AND at >= ? AND at < ? "
            "GROUP BY (at - ?) / ? ORDER BY 1",
            (start, node, start, end, start, bucket_ns),
        )
        if not rows:
            return [[] for _ in range(1 + len(HISTORY_COLUMNS))]
        return [list(column) for column in zip(*rows, strict=True)]

    def modes(self, node: str, start: MissionTime, end: MissionTime) -> list[tuple[MissionTime, str, str]]:
        """Return (time, mode, reason) at each sample of a span where the mode is another than before."""
        rows = self._db.rows(
            "SELECT at, mode, mode_reason FROM (SELECT at, mode, mode_reason, lag(mode) OVER (ORDER BY at) AS earlier "
            "FROM hk WHERE node = ? AND at >= ? AND at < ?) WHERE earlier IS NULL OR earlier != mode ORDER BY at",
            (node, start, end),
        )
        return [(MissionTime(at), mode, reason) for at, mode, reason in rows]


def _event(row: Row) -> EventReport:
    event_id, severity, at, app, fields = row
    return EventReport(event_id=event_id, severity=Severity(severity), at=at, app=app, fields=json.loads(fields))
