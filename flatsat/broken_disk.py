"""A disk that takes no write while a fault says so: for virtual time, at the verbs of a node's files and store."""

from collections.abc import Callable

from node.adapters.files import WritableFiles
from node.kernel.errors import StorageError, StorageFault


class BreakableFiles:
    """A node's files; `broken` says whether the disk refuses now."""

    def __init__(self, files: WritableFiles, broken: Callable[[], bool]) -> None:
        self._files = files
        self._broken = broken
        self.part_size, self.has, self.read, self.stat = files.part_size, files.has, files.read, files.stat
        self.remove = files.remove  # a full disk too lets go of what it holds

    def append_part(self, name: str, offset: int, content: bytes) -> int:
        """Append to an incoming file, unless the disk refuses."""
        refuse_if(self._broken())
        return self._files.append_part(name, offset, content)

    def finish_part(self, name: str, sha256: str) -> bool:
        """Make an incoming file whole, unless the disk refuses."""
        refuse_if(self._broken())
        return self._files.finish_part(name, sha256)

    def write(self, name: str, content: bytes) -> None:
        """Make a whole file of this content, unless the disk refuses."""
        refuse_if(self._broken())
        self._files.write(name, content)


def refuse_if(broken: bool) -> None:
    """Refuse a write where the disk is broken.

    Raises:
        StorageError: it is.
    """
    if broken:
        raise StorageError(StorageFault.FAILED, "the disk takes no write: a fault of the bench")
