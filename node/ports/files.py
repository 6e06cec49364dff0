"""Files on board: bundles that arrive in parts, results and logs that leave in parts."""

from typing import Protocol


class Files(Protocol):
    """A flat, bounded space of files by name. Errors are node.kernel.errors.StorageError."""

    def append_part(self, name: str, offset: int, content: bytes) -> int:
        """Append to an incoming file if `offset` is its present size, else change nothing; return the size then."""
        ...

    def part_size(self, name: str) -> int:
        """Return how many bytes of an incoming file are there."""
        ...

    def finish_part(self, name: str, sha256: str) -> bool:
        """Make an incoming file whole and durable if its SHA-256 matches; otherwise drop it and return False."""
        ...

    def has(self, name: str) -> bool:
        """Return whether a whole file of this name is there."""
        ...

    def read(self, name: str, offset: int, length: int) -> bytes:
        """Return part of a whole file; shorter at its end."""
        ...

    def stat(self, name: str) -> tuple[int, str] | None:
        """Return size and SHA-256 of a whole file, or None."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file, whole or incoming; nothing happens when it is not there."""
        ...


def bundle_file(job_id: str) -> str:
    """Return the name of a job's bundle."""
    return f"bundle-{job_id}"


def result_file(job_id: str) -> str:
    """Return the name of a job's packed result."""
    return f"result-{job_id}"


def log_file(job_id: str) -> str:
    """Return the name of a job's log: the last lines of its output."""
    return f"log-{job_id}"
