"""Durable files: the disk's errors in the node's words, and writes that are whole or absent after a power cut."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from node.kernel.errors import StorageError, StorageFault

_FULL = (errno.ENOSPC, errno.EDQUOT)


def is_full(error: OSError) -> bool:
    """Return whether the disk, or our share of it, is full."""
    return error.errno in _FULL


def storage_error(error: OSError) -> StorageError:
    """Return what the operating system says about a file, in the node's words."""
    kind = StorageFault.FULL if is_full(error) else StorageFault.FAILED
    return StorageError(kind, f"{error.strerror or error}: {error.filename or 'file'}")


@contextmanager
def storage_errors() -> Iterator[None]:
    """Raise StorageError where the operating system raises OSError."""
    try:
        yield
    except OSError as error:
        raise storage_error(error) from error


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_file(path: Path) -> None:
    """Make the content of a file durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_whole(path: Path, content: bytes, *, durable: bool) -> None:
    """Replace a file so that it is always the old one or the new one, never a part; `durable`: after a power cut too.

    Raises:
        OSError: nothing has changed.
    """
    temporary = path.with_name(path.name + ".tmp")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(handle, view) :]
        if durable:
            os.fsync(handle)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    finally:
        os.close(handle)
    temporary.replace(path)
    if durable:
        sync_directory(path.parent)
