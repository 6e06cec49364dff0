"""Puts the ground service together: the one place that names adapters."""

from dataclasses import dataclass
from pathlib import Path

from ground.adapters.file_shelf import FileShelf
from ground.adapters.sqlite_archive import SqliteArchive, open_archive
from ground.config import GroundConfig
from ground.desk import Stores
from ground.secrets import Secrets
from ground.service import GroundService
from runtime.clock import MissionClock
from runtime.link import Link
from runtime.timers import Timers


@dataclass(frozen=True, slots=True)
class Ground:
    """A service with the archive that must be closed after it."""

    service: GroundService
    archive: SqliteArchive

    def close(self) -> None:
        """Stop the service and let go of the archive."""
        self.service.stop()
        self.archive.close()

    def halt(self) -> None:
        """End at once, as in a crash; what was committed is in the archive."""
        self.service.halt()
        self.archive.close()


def build_ground(
    config: GroundConfig, clock: MissionClock, timers: Timers, link: Link, secrets: Secrets, *, durable: bool
) -> Ground:
    """Return the ground service over its SQLite archive and its data directory, not yet started.

    Args:
        config: `archive_file` may be `:memory:`.
        clock: mission time.
        timers: over the same clock.
        link: subscribed to ground.service.SUBSCRIPTIONS; its callbacks are the service's on_message and on_state.
        secrets: keys and users.
        durable: True for real flights; False in virtual time, where nothing can cut the power.

    Raises:
        ArchiveError: archive or data directory cannot be used.
    """
    archive = open_archive(config.archive_file, durable=durable)
    files = FileShelf(Path(config.data_dir), durable=durable)
    return Ground(GroundService(config, clock, timers, link, Stores(archive, files), secrets), archive)
