"""The durable store of a node on SQLite: all Protocols of node/ports/store.py over one file and one writer."""

from pathlib import Path

from node.adapters.sqlite_db import Database, Opened, Synchronous
from node.adapters.sqlite_jobs import SqliteJobs
from node.adapters.sqlite_outbox import SqliteOutbox
from node.adapters.sqlite_tc import SqliteTcs
from node.adapters.store_rules import Moves, StoreOptions
from node.ports.store import OutgoingRow

_OUTGOING = "transfer_id, kind, job_id, file, total_bytes, sha256"


class SqliteStore:
    """Fact and report in one commit. `synchronous` is FULL in flight, OFF in virtual time, where no power can fail.

    The moves are those of the transition tables of jobs and telecommands; triggers refuse any other.
    """

    def __init__(
        self, path: Path, job_moves: Moves, tc_moves: Moves, *, synchronous: Synchronous, options: StoreOptions
    ) -> None:
        self._db = Database(path, synchronous, options)
        self._db.fill_edges("job", job_moves)
        self._db.fill_edges("telecommand", tc_moves)
        outbox = SqliteOutbox(self._db)
        tcs = SqliteTcs(self._db, outbox)
        jobs = SqliteJobs(self._db, outbox)
        # The verbs of each part are the store's own: one object, no layer of calls between.
        self.outbox_id, self.take_outbox, self.ack_outbox = outbox.outbox_id, outbox.take_outbox, outbox.ack_outbox
        self.outbox_rows, self.append_event = outbox.outbox_rows, outbox.append_event
        self.events_given_way, self.event_rows = outbox.events_given_way, outbox.event_rows
        self.find_tc, self.tc_reports, self.replay_window = tcs.find_tc, tcs.tc_reports, tcs.replay_window
        self.accept_tc, self.reject_tc, self.advance_tc = tcs.accept_tc, tcs.reject_tc, tcs.advance_tc
        self.resend_tc_reports, self.open_tcs, self.tc_counts = tcs.resend_tc_reports, tcs.open_tcs, tcs.tc_counts
        self.add_job, self.find_job, self.live_jobs = jobs.add_job, jobs.find_job, jobs.live_jobs
        self.move_job, self.note_job, self.ended_jobs = jobs.move_job, jobs.note_job, jobs.ended_jobs

    @property
    def opened(self) -> Opened:
        """How the file was found, and whether a corrupt one had to be set aside."""
        return self._db.opened

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def setting(self, name: str) -> str | None:
        """Return a setting, or None when it was never set."""
        with self._db.reading() as connection:
            found = connection.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
        return None if found is None else str(found[0])

    def set_setting(self, name: str, value: str) -> None:
        """Commit a setting."""
        with self._db.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (name, value))

    def add_outgoing(self, row: OutgoingRow) -> bool:
        """Commit a file to send; False when it is already there."""
        with self._db.transaction() as connection:
            added = connection.execute(
                f"INSERT OR IGNORE INTO outgoing ({_OUTGOING}) VALUES (?, ?, ?, ?, ?, ?)",
                (row.transfer_id, row.kind, row.job_id, row.file, row.total_bytes, row.sha256),
            ).rowcount
        return added == 1

    def outgoing(self) -> list[OutgoingRow]:
        """Return the files to send, oldest first."""
        with self._db.reading() as connection:
            return [
                OutgoingRow(*columns)
                for columns in connection.execute(f"SELECT {_OUTGOING} FROM outgoing ORDER BY ordinal")
            ]

    def end_outgoing(self, transfer_id: str) -> bool:
        """Forget a file that the ground has, or has refused."""
        with self._db.transaction() as connection:
            gone = connection.execute("DELETE FROM outgoing WHERE transfer_id = ?", (transfer_id,)).rowcount
        return gone == 1
