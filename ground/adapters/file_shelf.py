"""Bundles, results and logs as files of the data directory, named by their SHA-256."""

import hashlib
import os
from pathlib import Path

from ground.errors import ArchiveError


class FileShelf:
    """Files by content. Writing goes through a part file that is renamed, so a half file is never seen as a whole."""

    def __init__(self, root: Path, *, durable: bool) -> None:
        self._whole = root / "files"
        self._parts = root / "parts"
        self._durable = durable
        try:
            self._whole.mkdir(parents=True, exist_ok=True)
            self._parts.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ArchiveError(f"{root}: {error.strerror}") from error

    def put(self, sha256: str, content: bytes) -> None:
        """Keep a whole file, durably; one that is already there stays."""
        target = self._whole / sha256
        if target.exists():
            return
        part = self._parts / f"put-{sha256}"
        try:
            part.write_bytes(content)
            self._settle(part, target)
        except OSError as error:
            raise ArchiveError(f"{part}: {error.strerror}") from error

    def read(self, sha256: str) -> bytes | None:
        """Return a whole file, or None when it is not there."""
        try:
            return (self._whole / sha256).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ArchiveError(f"{self._whole / sha256}: {error.strerror}") from error

    def part_bytes(self, name: str) -> int:
        """Return how much of a coming file is there."""
        try:
            return (self._parts / name).stat().st_size
        except OSError:
            return 0

    def append_part(self, name: str, content: bytes) -> None:
        """Add to a coming file."""
        try:
            with (self._parts / name).open("ab") as part:
                part.write(content)
        except OSError as error:
            raise ArchiveError(f"{self._parts / name}: {error.strerror}") from error

    def finish_part(self, name: str, sha256: str) -> bool:
        """Make a coming file a whole one, durably; False, and the part is dropped, when its SHA-256 is another."""
        part = self._parts / name
        try:
            part.touch()  # an empty file has no chunk with bytes
            if hashlib.sha256(part.read_bytes()).hexdigest() != sha256:
                part.unlink()
                return False
            self._settle(part, self._whole / sha256)
        except OSError as error:
            raise ArchiveError(f"{part}: {error.strerror}") from error
        return True

    def drop_part(self, name: str) -> None:
        """Forget a coming file."""
        (self._parts / name).unlink(missing_ok=True)

    def _settle(self, part: Path, target: Path) -> None:
        if not self._durable:
            part.replace(target)
            return
        with part.open("rb") as handle:
            os.fsync(handle.fileno())
        part.replace(target)
        directory = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
