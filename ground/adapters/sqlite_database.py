"""One SQLite connection: transactions that nest, errors that have our name, the schema and its version."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ground.adapters.sqlite_schema import SCHEMA, SCHEMA_VERSION
from ground.errors import ArchiveError

Row = tuple[Any, ...]
MEMORY = ":memory:"


class Database:
    """A connection in autocommit mode, with transactions of our own.

    Durable means WAL and synchronous=FULL: what was committed survives a power cut. In virtual time there is no power
    to cut, and synchronous=OFF saves the waiting.
    """

    def __init__(self, file: str, *, durable: bool) -> None:
        self._depth = 0
        try:
            self._connection = sqlite3.connect(file, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode=WAL" if durable else "PRAGMA journal_mode=MEMORY")
            self._connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'OFF'}")
            self._connection.execute("PRAGMA foreign_keys=ON")
        except sqlite3.Error as error:
            raise ArchiveError(f"{file}: {error}") from error
        self._make_schema(file)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Gather statements: all of them happen when the outermost block ends, or none."""
        if self._depth:
            yield
            return
        self.execute("BEGIN IMMEDIATE")
        self._depth, done = 1, False
        try:
            yield
            self.commit()
            done = True
        finally:
            self._depth = 0
            if not done and self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def commit(self) -> None:
        """End the outermost transaction; the one place where anything becomes durable."""
        self.execute("COMMIT")

    def execute(self, statement: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Run one statement."""
        try:
            return self._connection.execute(statement, values)
        except sqlite3.Error as error:
            raise ArchiveError(f"{type(error).__name__}: {error}") from error

    def execute_many(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one statement for many rows."""
        try:
            self._connection.executemany(statement, rows)
        except sqlite3.Error as error:
            raise ArchiveError(f"{type(error).__name__}: {error}") from error

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[Row]:
        """Return every row of a query."""
        try:
            return self._connection.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise ArchiveError(f"{type(error).__name__}: {error}") from error

    def row(self, statement: str, values: Sequence[Any] = ()) -> Row | None:
        """Return the first row of a query."""
        found: Row | None = self.execute(statement, values).fetchone()
        return found

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _make_schema(self, file: str) -> None:
        version = self._version(file)
        if version == SCHEMA_VERSION:
            return
        if version != 0:
            raise ArchiveError(f"{file}: schema version {version}, this program knows {SCHEMA_VERSION}")
        with self.transaction():
            for statement in SCHEMA:
                self.execute(statement)
            self.execute(f"PRAGMA user_version={SCHEMA_VERSION}")

    def _version(self, file: str) -> int:
        try:
            found = self.row("PRAGMA user_version")
            return int(found[0]) if found else 0
        except ArchiveError as error:
            raise ArchiveError(f"{file}: not an archive: {error}") from error
