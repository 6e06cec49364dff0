"""Where bundles, results and logs lie, by their SHA-256. A file is there whole or not at all."""

from typing import Protocol


class Files(Protocol):
    """Files by SHA-256, and files that are still coming down. Every verb may raise ground.errors.ArchiveError."""

    def put(self, sha256: str, content: bytes) -> None:
        """Keep a whole file, durably; one that is already there stays."""
        ...

    def read(self, sha256: str) -> bytes | None:
        """Return a whole file, or None when it is not there."""
        ...

    def part_bytes(self, name: str) -> int:
        """Return how much of a coming file is there."""
        ...

    def append_part(self, name: str, content: bytes) -> None:
        """Add to a coming file."""
        ...

    def finish_part(self, name: str, sha256: str) -> bool:
        """Make a coming file a whole one, durably; False, and the part is dropped, when its SHA-256 is another."""
        ...

    def drop_part(self, name: str) -> None:
        """Forget a coming file."""
        ...
