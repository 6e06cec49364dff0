"""The flight recorder's file: entries as they come, the newest RECORD_BYTES_MAX kept in two files."""

import logging
from pathlib import Path
from typing import BinaryIO

RECORD_BYTES_MAX = 64 * 1024 * 1024  # of one file; the one before it is kept beside it

_log = logging.getLogger(__name__)


class RecordFile:
    """Appends packed entries. A disk that refuses costs entries, which are counted, and never the flight."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.lost = 0
        self._path = directory / "record.msgpack"
        self._before = directory / "record.before.msgpack"
        self._file: BinaryIO | None = None
        self._size_bytes = 0

    def append(self, packed: bytes) -> None:
        """Append one entry; the file turns over when it is full."""
        try:
            if self._file is None or self._size_bytes + len(packed) > RECORD_BYTES_MAX:
                self._turn_over()
            assert self._file is not None
            self._file.write(packed)
            self._size_bytes += len(packed)
        except OSError as error:
            if not self.lost:
                _log.warning("the recorder loses entries: %s", error)
            self.lost += 1

    def _turn_over(self) -> None:
        full = self._file is not None
        if self._file is not None:
            self._file.close()
        if full:
            self._path.replace(self._before)
        # Line by line would be a write a message; a buffer loses its last entries in a crash, and the facts of those
        # are in the store all the same.
        self._file = self._path.open("ab", buffering=64 * 1024)
        self._size_bytes = self._path.stat().st_size
