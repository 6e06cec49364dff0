"""The outbox and the event log on SQLite: what waits for the ground, and what happened on board."""

import sqlite3
from collections.abc import Sequence

import msgpack

from icd.events import EventReport, OutboxItem
from node.adapters.sqlite_db import Database
from node.adapters.store_rules import GIVE_WAY, INFO_PRIORITY, OutboxEntry, Report, entry_of
from node.kernel.errors import StorageError, StorageFault


class SqliteOutbox:
    """Reports with their numbers. `put` is for the other parts of the store, inside their transactions."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._id = database.meta("outbox_id")

    def outbox_id(self) -> str:
        """Return the 16 hex digits that name this store's numbering."""
        return self._id

    def put(self, connection: sqlite3.Connection, reports: Sequence[Report]) -> list[OutboxEntry]:
        """Add reports inside the transaction that makes their fact durable."""
        entries = [entry_of(report) for report in reports]
        self.put_entries(connection, entries)
        self._db.note_entries(entries)
        return entries

    def put_entries(self, connection: sqlite3.Connection, entries: Sequence[OutboxEntry]) -> None:
        """Add rows; past the bound the oldest event of the lowest severity gives way."""
        counts, bound = self._db.counts, self._db.options.bounds.outbox_rows
        for entry in entries:
            body = msgpack.packb(entry.body)
            connection.execute(
                "INSERT INTO outbox (kind, priority, body) VALUES (?, ?, ?)", (entry.kind, entry.priority, body)
            )
            counts.outbox += 1
            if counts.outbox > bound:
                self._give_way(connection)

    def refuse_if_full(self) -> None:
        """Refuse what would oblige us to report more, when nothing in the outbox may give way.

        Raises:
            StorageError: the outbox is full.
        """
        bound = self._db.options.bounds.outbox_rows
        if self._db.counts.outbox < bound:
            return
        found = self._db.connection.execute("SELECT 1 FROM outbox WHERE priority >= ? LIMIT 1", (GIVE_WAY[-1],))
        if found.fetchone() is None:
            raise StorageError(StorageFault.FULL, f"{bound} reports wait for the ground and none may be dropped")

    def take_outbox(self, limit: int, after_seq: int) -> list[OutboxItem]:
        """Return up to `limit` reports above a number, verification first, then jobs, then events by severity."""
        with self._db.reading() as connection:
            rows = connection.execute(
                "SELECT seq, kind, body FROM outbox WHERE seq > ? ORDER BY priority, seq LIMIT ?", (after_seq, limit)
            ).fetchall()
        return [OutboxItem(seq=seq, kind=kind, body=msgpack.unpackb(body)) for seq, kind, body in rows]

    def ack_outbox(self, seqs: Sequence[int]) -> int:
        """Forget reports that the ground has committed; return how many were there."""
        with self._db.transaction() as connection:
            acked = connection.executemany("DELETE FROM outbox WHERE seq = ?", [(seq,) for seq in _storable(seqs)])
            gone = max(0, acked.rowcount)
            self._db.counts.outbox -= gone
        return gone

    def outbox_rows(self) -> int:
        """Return how many reports wait."""
        return self._db.counts.outbox

    def events_given_way(self) -> int:
        """Return how many events left the outbox unsent since the store was new."""
        return self._db.counted("events_given_way")

    def append_event(self, report: EventReport) -> None:
        """Commit an event and its copy for the ground. Past the bound, the oldest INFO event gives way."""
        with self._db.transaction() as connection:
            entry = self.put(connection, (report,))[0]
            connection.execute(
                "INSERT INTO event (priority, body) VALUES (?, ?)", (entry.priority, msgpack.packb(entry.body))
            )
            self._db.counts.event += 1
            if self._db.counts.event > self._db.options.bounds.event_rows:
                self._shorten_log(connection)

    def event_rows(self) -> int:
        """Return how many events the on-board log holds."""
        return self._db.counts.event

    def _give_way(self, connection: sqlite3.Connection) -> None:
        for priority in GIVE_WAY:
            gone = connection.execute(
                "DELETE FROM outbox WHERE seq = (SELECT seq FROM outbox WHERE priority = ? ORDER BY seq LIMIT 1)",
                (priority,),
            ).rowcount
            if gone:
                self._db.counts.outbox -= 1
                self._db.bump("events_given_way", 1)
                return

    def _shorten_log(self, connection: sqlite3.Connection) -> None:
        for condition in (f"WHERE priority = {INFO_PRIORITY}", ""):
            oldest = f"SELECT ordinal FROM event {condition} ORDER BY ordinal LIMIT 1"
            if connection.execute(f"DELETE FROM event WHERE ordinal = ({oldest})").rowcount:
                self._db.counts.event -= 1
                return


def _storable(seqs: Sequence[int]) -> list[int]:
    """Return the numbers that can be row numbers: an acknowledgement comes from outside and may hold any integer."""
    return [seq for seq in seqs if 0 < seq < 2**63]
