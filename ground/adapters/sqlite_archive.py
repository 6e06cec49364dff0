"""The archive in one SQLite file: telecommands, jobs and telemetry on one connection."""

from contextlib import AbstractContextManager

from ground.adapters.sqlite_database import MEMORY, Database
from ground.adapters.sqlite_jobs import SqliteJobs
from ground.adapters.sqlite_tcs import SqliteTcs
from ground.adapters.sqlite_telemetry import SqliteTelemetry


class SqliteArchive:
    """The whole archive."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._tcs = SqliteTcs(database)
        self._jobs = SqliteJobs(database)
        self._telemetry = SqliteTelemetry(database)

    @property
    def tcs(self) -> SqliteTcs:
        """Telecommands."""
        return self._tcs

    @property
    def jobs(self) -> SqliteJobs:
        """Jobs."""
        return self._jobs

    @property
    def telemetry(self) -> SqliteTelemetry:
        """Housekeeping, events, reports."""
        return self._telemetry

    def transaction(self) -> AbstractContextManager[None]:
        """Gather verbs: all of them happen, durably, when the block ends, or none."""
        return self._database.transaction()

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()


def open_archive(file: str, *, durable: bool) -> SqliteArchive:
    """Return the archive in a file, made if it is not there.

    Args:
        file: path, or `:memory:`.
        durable: True for real flights; False in virtual time, where nothing can cut the power.

    Raises:
        ArchiveError: the file cannot be opened, is no archive, or belongs to another version.
    """
    return SqliteArchive(Database(file, durable=durable))


def memory_archive() -> SqliteArchive:
    """Return an archive that lives as long as its object."""
    return open_archive(MEMORY, durable=False)
