"""The SQLite file beneath the store: opening, migrations, one transaction at a time, errors in the node's words."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from node.adapters.disk import storage_error
from node.adapters.store_rules import Moves, OutboxEntry, StoreOptions, announce
from node.kernel.errors import InvariantError, StorageError, StorageFault

Synchronous = Literal["FULL", "OFF"]

MIGRATIONS = Path(__file__).with_name("migrations")
LOCK_WAIT_S = 5.0  # wall time that a dying predecessor has to let go of the file
WAL_BYTES_MAX = 16 * 1024 * 1024  # what the write-ahead log shrinks back to
SET_ASIDE_MAX = 1_000  # corrupt files kept beside the database before opening is refused

_SIDE_FILES = ("", "-wal", "-shm")
_CORRUPT = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_PRIMARY_CODE = 0xFF  # the low byte of an extended result code (sqlite.org/rescode.html)


@dataclass(frozen=True, slots=True)
class Opened:
    """How the file was found. `set_aside` names where a corrupt predecessor went, `why` what was wrong with it."""

    fresh: bool
    set_aside: str | None
    why: str


@dataclass(slots=True)
class RowCounts:
    """How many rows the bounded tables hold; put back when a transaction is."""

    outbox: int
    event: int
    tc: int
    job: int


class Database:
    """One connection, one writer. Nothing else may have the file open."""

    def __init__(self, path: Path, synchronous: Synchronous, options: StoreOptions) -> None:
        self.options = options
        self._path = path
        self._writes = 0
        self._entries: list[OutboxEntry] = []
        self.connection, self.opened = _open(path, synchronous)
        try:
            with _storage_errors():
                self._migrate()
                self.counts = RowCounts(*(self._count(table) for table in ("outbox", "event", "tc", "job")))
        except StorageError:
            self.connection.close()
            raise

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Commit what happens inside whole, or nothing of it.

        Raises:
            StorageError: the disk is full or fails.
            InvariantError: a trigger refused a move.
        """
        counts = self.counts
        before = RowCounts(counts.outbox, counts.event, counts.tc, counts.job)
        self._entries = []
        try:
            with _storage_errors():
                self.connection.execute("BEGIN IMMEDIATE")
                yield self.connection
                self._commit()
        except BaseException:
            self.counts = before
            self._roll_back()
            raise
        announce(self.options, self._entries)
        if self.options.after_write is not None:  # last: whoever stops the node there finds the fact recorded
            self.options.after_write(self._writes)

    def note_entries(self, entries: list[OutboxEntry]) -> None:
        """Remember what this transaction reports, for whoever listens to commits."""
        self._entries += entries

    def bump(self, counter: str, by: int) -> None:
        """Count in the database, inside the transaction."""
        self.connection.execute("UPDATE counter SET value = value + ? WHERE name = ?", (by, counter))

    def counted(self, counter: str) -> int:
        """Return a counter of the database."""
        with _storage_errors():
            found = self.connection.execute("SELECT value FROM counter WHERE name = ?", (counter,)).fetchone()
        return int(found[0])

    def meta(self, name: str) -> str:
        """Return a word that the database keeps about itself."""
        with _storage_errors():
            found = self.connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return str(found[0])

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Read with the disk's errors in the node's words."""
        with _storage_errors():
            yield self.connection

    def fill_edges(self, machine: str, moves: Moves) -> None:
        """Make the legal moves of a machine what its transition table says today."""
        with _storage_errors():
            found = self.connection.execute("SELECT source, target FROM edge WHERE machine = ?", (machine,))
            known = {(str(source), str(target)) for source, target in found}
            wanted = [(str(source), str(target)) for source, target in moves]
            if known == set(wanted):
                return
            self.connection.execute("BEGIN IMMEDIATE")
            self.connection.execute("DELETE FROM edge WHERE machine = ?", (machine,))
            self.connection.executemany("INSERT INTO edge VALUES (?, ?, ?)", [(machine, *move) for move in wanted])
            self.connection.execute("COMMIT")

    def close(self) -> None:
        """Close the file; an open transaction is lost, as in a power cut."""
        self.connection.close()

    def _commit(self) -> None:
        if self.options.before_write is not None:
            self.options.before_write(self._writes + 1)
        self.connection.execute("COMMIT")
        self._writes += 1

    def _roll_back(self) -> None:
        with suppress(sqlite3.Error):  # the disk that failed the write may fail this too: then the log ends before it
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")

    def _migrate(self) -> None:
        version = int(self.connection.execute("PRAGMA user_version").fetchone()[0])
        scripts = sorted(MIGRATIONS.glob("[0-9]*.sql"))
        newest = int(scripts[-1].name[:4])
        if version > newest:
            detail = f"{self._path} is of version {version}, this software knows {newest}: start the newer software"
            raise StorageError(StorageFault.FAILED, detail)
        for script in scripts[version:]:
            number = int(script.name[:4])
            steps = [f"BEGIN IMMEDIATE;\n{script.read_text(encoding='utf-8')}", f"PRAGMA user_version = {number};"]
            if number == 1:
                steps.append(f"INSERT INTO meta VALUES ('outbox_id', '{_checked_id(self.options.new_id())}');")
            self.connection.executescript("\n".join([*steps, "COMMIT;"]))

    def _count(self, table: str) -> int:
        return int(self.connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def _open(path: Path, synchronous: Synchronous) -> tuple[sqlite3.Connection, Opened]:
    fresh = not path.exists() or path.stat().st_size == 0
    try:
        return _connect(path, synchronous), Opened(fresh, None, "")
    except _CorruptError as corrupt:
        aside = _set_aside(path)
        return _connect(path, synchronous), Opened(True, aside.name, str(corrupt))


def _connect(path: Path, synchronous: Synchronous) -> sqlite3.Connection:
    with _storage_errors():
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, isolation_level=None, timeout=LOCK_WAIT_S)
        try:
            # Exclusive: a second node on the same directory is refused instead of mixing two histories.
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA synchronous = {synchronous}")
            connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES_MAX}")
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
            verdict = str(connection.execute("PRAGMA integrity_check(1)").fetchone()[0])
        except sqlite3.DatabaseError as error:
            connection.close()
            if _primary_code(error) in _CORRUPT:
                raise _CorruptError(str(error)) from error
            raise
        if verdict != "ok":
            connection.close()
            raise _CorruptError(" ".join(verdict.split()))
        return connection


class _CorruptError(Exception):
    """What the file holds is no sound database."""


def _set_aside(path: Path) -> Path:
    for number in range(1, SET_ASIDE_MAX + 1):
        aside = path.with_name(f"{path.name}.corrupt-{number}")
        if not aside.exists():
            break
    else:
        raise StorageError(StorageFault.FAILED, f"{SET_ASIDE_MAX} corrupt databases beside {path}: look at the disk")
    with _storage_errors():
        for suffix in _SIDE_FILES:
            side = path.with_name(path.name + suffix)
            if side.exists():
                side.rename(aside.with_name(aside.name + suffix))
    return aside


def _checked_id(text: str) -> str:
    if len(text) != 16 or set(text) - set("0123456789abcdef"):
        raise InvariantError(f"{text!r} is not 16 hex digits")
    return text


def _primary_code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & _PRIMARY_CODE


@contextmanager
def _storage_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.IntegrityError as error:
        raise InvariantError(f"the database refuses: {error}") from error
    except sqlite3.Error as error:
        full = _primary_code(error) == sqlite3.SQLITE_FULL
        raise StorageError(StorageFault.FULL if full else StorageFault.FAILED, str(error)) from error
    except OSError as error:
        raise storage_error(error) from error
