"""Files on board, in a directory or in memory: a flat space of names, bounded in bytes, whole or incoming."""

import hashlib
import os
import re
from pathlib import Path
from typing import Protocol

from icd.transfer import TRANSFER_BYTES_MAX
from node.adapters.disk import storage_errors, sync_directory, sync_file, write_whole
from node.kernel.errors import InvariantError, StorageError, StorageFault
from node.ports.files import Files

FILE_BYTES_MAX = TRANSFER_BYTES_MAX  # of one file: what a transfer can carry
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,79}")  # of icd.ids, with room for a prefix such as `bundle-`
_PART = ".part"  # no name holds a dot, so no whole file can be taken for an incoming one


class WritableFiles(Files, Protocol):
    """Files as the runners need them: results and logs come into being on board."""

    def write(self, name: str, content: bytes) -> None:
        """Make a whole file of this content, in place of an older one."""
        ...


class DirectoryFiles:
    """Files in a directory of their own. `durable` waits for the disk where a file becomes whole."""

    def __init__(self, directory: Path, bytes_max: int, *, durable: bool) -> None:
        self._directory = directory
        self._bytes_max = bytes_max
        self._durable = durable
        self._known: dict[str, tuple[int, str]] = {}  # whole files: size and SHA-256
        with storage_errors():
            directory.mkdir(parents=True, exist_ok=True)
            for leftover in directory.glob("*.tmp"):
                leftover.unlink()
            self._sizes = {path.name: path.stat().st_size for path in directory.iterdir()}

    def append_part(self, name: str, offset: int, content: bytes) -> int:
        """Append to an incoming file if `offset` is its present size, else change nothing; return the size then."""
        part = _checked(name) + _PART
        size = self._sizes.get(part, 0)
        if offset != size or not content:
            return size
        _check_room(sum(self._sizes.values()), len(content), size + len(content), self._bytes_max)
        with storage_errors(), (self._directory / part).open("ab") as file:
            try:
                file.write(content)
                file.flush()
            except OSError:
                os.truncate(file.fileno(), size)
                raise
        self._sizes[part] = size + len(content)
        return size + len(content)

    def part_size(self, name: str) -> int:
        """Return how many bytes of an incoming file are there."""
        return self._sizes.get(_checked(name) + _PART, 0)

    def finish_part(self, name: str, sha256: str) -> bool:
        """Make an incoming file whole and durable if its SHA-256 matches; otherwise drop it and return False."""
        part = self._directory / (_checked(name) + _PART)
        with storage_errors():
            if part.name not in self._sizes:
                return False
            content = part.read_bytes()
            if hashlib.sha256(content).hexdigest() != sha256:
                part.unlink()
                del self._sizes[part.name]
                return False
            if self._durable:
                sync_file(part)
            part.replace(self._directory / name)
            if self._durable:
                sync_directory(self._directory)
        self._sizes[name] = self._sizes.pop(part.name)
        self._known[name] = (len(content), sha256)
        return True

    def write(self, name: str, content: bytes) -> None:
        """Make a whole file of this content, in place of an older one."""
        held = sum(self._sizes.values()) - self._sizes.get(_checked(name), 0)
        _check_room(held, len(content), len(content), self._bytes_max)
        with storage_errors():
            write_whole(self._directory / name, content, durable=self._durable)
        self._sizes[name] = len(content)
        self._known[name] = (len(content), hashlib.sha256(content).hexdigest())

    def has(self, name: str) -> bool:
        """Return whether a whole file of this name is there."""
        return _checked(name) in self._sizes

    def read(self, name: str, offset: int, length: int) -> bytes:
        """Return part of a whole file; shorter at its end. A file that is not there is a StorageError."""
        with storage_errors(), (self._directory / _checked(name)).open("rb") as file:
            file.seek(offset)
            return file.read(length)

    def stat(self, name: str) -> tuple[int, str] | None:
        """Return size and SHA-256 of a whole file, or None."""
        if _checked(name) not in self._sizes:
            return None
        if name not in self._known:
            with storage_errors():
                content = (self._directory / name).read_bytes()
            self._known[name] = (len(content), hashlib.sha256(content).hexdigest())
        return self._known[name]

    def remove(self, name: str) -> None:
        """Remove a file, whole or incoming; nothing happens when it is not there."""
        for held in (_checked(name), name + _PART):
            if held in self._sizes:
                with storage_errors():
                    (self._directory / held).unlink(missing_ok=True)
                del self._sizes[held]
        self._known.pop(name, None)


class MemoryFiles:
    """The verified fake of DirectoryFiles."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._files: dict[str, bytes] = {}
        self._hashes: dict[str, str] = {}

    def append_part(self, name: str, offset: int, content: bytes) -> int:
        """Append to an incoming file if `offset` is its present size, else change nothing; return the size then."""
        part = _checked(name) + _PART
        present = self._files.get(part, b"")
        if offset != len(present) or not content:
            return len(present)
        _check_room(self._held(), len(content), len(present) + len(content), self._bytes_max)
        self._files[part] = present + content
        return len(present) + len(content)

    def part_size(self, name: str) -> int:
        """Return how many bytes of an incoming file are there."""
        return len(self._files.get(_checked(name) + _PART, b""))

    def finish_part(self, name: str, sha256: str) -> bool:
        """Make an incoming file whole if its SHA-256 matches; otherwise drop it and return False."""
        content = self._files.pop(_checked(name) + _PART, None)
        if content is None or hashlib.sha256(content).hexdigest() != sha256:
            return False
        self._files[name], self._hashes[name] = content, sha256
        return True

    def write(self, name: str, content: bytes) -> None:
        """Make a whole file of this content, in place of an older one."""
        held = self._held() - len(self._files.get(_checked(name), b""))
        _check_room(held, len(content), len(content), self._bytes_max)
        self._files[name], self._hashes[name] = content, hashlib.sha256(content).hexdigest()

    def has(self, name: str) -> bool:
        """Return whether a whole file of this name is there."""
        return _checked(name) in self._files

    def read(self, name: str, offset: int, length: int) -> bytes:
        """Return part of a whole file; shorter at its end. A file that is not there is a StorageError."""
        if _checked(name) not in self._files:
            raise StorageError(StorageFault.FAILED, f"No such file: {name}")
        return self._files[name][offset : offset + length]

    def stat(self, name: str) -> tuple[int, str] | None:
        """Return size and SHA-256 of a whole file, or None."""
        content = self._files.get(_checked(name))
        return None if content is None else (len(content), self._hashes[name])

    def remove(self, name: str) -> None:
        """Remove a file, whole or incoming; nothing happens when it is not there."""
        self._files.pop(_checked(name), None)
        self._files.pop(name + _PART, None)
        self._hashes.pop(name, None)

    def _held(self) -> int:
        return sum(len(content) for content in self._files.values())


def _checked(name: str) -> str:
    if _NAME.fullmatch(name) is None:
        raise InvariantError(f"{name[:100]!r} is no file name")
    return name


def _check_room(held_bytes: int, more_bytes: int, file_bytes: int, bytes_max: int) -> None:
    if file_bytes > FILE_BYTES_MAX:
        raise StorageError(StorageFault.FULL, f"a file of {file_bytes} bytes is larger than {FILE_BYTES_MAX}")
    if held_bytes + more_bytes > bytes_max:
        raise StorageError(StorageFault.FULL, f"the files hold {held_bytes} bytes of {bytes_max}")
