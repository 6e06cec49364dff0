"""The small vital state that must outlive everything: boot count, why the last run ended, last power mode.

Three copies, each with a checksum, voted at boot. Every write replaces one copy after the other, whole; a power cut
tears at most one. Where the disk is full, a copy is overwritten in place, which needs no new block.
"""

import hashlib
import json
import logging
import os
from collections import Counter
from dataclasses import dataclass, replace
from enum import StrEnum, unique
from pathlib import Path
from typing import Any

from icd.tc import PowerMode
from node.adapters.disk import storage_errors, write_whole
from node.kernel.errors import StorageError

COPIES = 3
RECORD_BYTES = 512  # of one copy, padded, so that it can be overwritten in place
BOOT_COUNT_MAX = 10_000_000  # a boot every minute for 19 years: what is above is no count
SERIAL_MAX = 2**48

_log = logging.getLogger(__name__)


@unique
class ResetCause(StrEnum):
    """Why the processor started."""

    POWER_ON = "POWER_ON"  # there was no record: the first boot of this data directory
    ORDERLY = "ORDERLY"  # stopped in order
    COMMANDED = "COMMANDED"  # by telecommand, or by FDIR for want of better
    WATCHDOG = "WATCHDOG"  # the node saw that it would be bitten, or the supervisor said so
    UNEXPECTED = "UNEXPECTED"  # the last run just ended: killed, crashed, power lost
    RECORD_LOST = "RECORD_LOST"  # there were copies, and none could be believed


@dataclass(frozen=True, slots=True)
class Boot:
    """What a boot finds. `copies_bad` counts copies that were torn, missing or implausible; they are mended."""

    boot_count: int
    cause: ResetCause
    last_mode: PowerMode | None
    copies_bad: int


@dataclass(frozen=True, slots=True)
class _Record:
    serial: int
    boot_count: int
    stopped: ResetCause | None  # why it was stopped; None while it runs
    mode: PowerMode | None


class BootRecord:
    """Reads and writes the record. A failed write is logged and counted: a full disk must not keep a node down.

    `durable` waits for the disk at each write; not in virtual time, where no power can fail.
    """

    def __init__(self, directory: Path, *, durable: bool) -> None:
        self.write_failures = 0
        self._durable = durable
        self._paths = tuple(directory / f"boot-{copy}.rec" for copy in range(COPIES))
        self._record = _Record(0, 0, None, None)

    def boot(self) -> Boot:
        """Vote, count this boot, and make that durable; return what was found. Called once, before anything else.

        Raises:
            StorageError: the directory cannot be made.
        """
        with storage_errors():
            self._paths[0].parent.mkdir(parents=True, exist_ok=True)
        copies = [_read(path) for path in self._paths]
        record = _vote([copy for copy in copies if copy is not None])
        if record is not None:
            cause = record.stopped or ResetCause.UNEXPECTED
        else:
            cause = ResetCause.RECORD_LOST if any(path.exists() for path in self._paths) else ResetCause.POWER_ON
            record = self._record
        bad = 0 if cause is ResetCause.POWER_ON else sum(copy != record for copy in copies)
        self._store(replace(record, boot_count=min(record.boot_count + 1, BOOT_COUNT_MAX), stopped=None))
        return Boot(self._record.boot_count, cause, record.mode, bad)

    def note_mode(self, mode: PowerMode) -> None:
        """Keep the power mode for the next boot."""
        if mode is not self._record.mode:
            self._store(replace(self._record, mode=mode))

    def note_stop(self, cause: ResetCause) -> None:
        """Keep why this run is about to end: the next boot reports it as its cause."""
        self._store(replace(self._record, stopped=cause))

    def _store(self, record: _Record) -> None:
        self._record = replace(record, serial=min(record.serial + 1, SERIAL_MAX))
        content = _pack(self._record)
        for path in self._paths:
            try:
                _write(path, content, self._durable)
            except StorageError as error:
                self.write_failures += 1
                _log.warning("boot record not written: %s", error)


def _vote(copies: list[_Record]) -> _Record | None:
    """Return what most copies say; where all differ, the one that was written last."""
    if not copies:
        return None
    votes = Counter(copies)
    return max(copies, key=lambda copy: (votes[copy], copy.serial))


def _pack(record: _Record) -> bytes:
    body = json.dumps([record.serial, record.boot_count, record.stopped, record.mode]).encode()
    return (hashlib.sha256(body).hexdigest().encode() + b" " + body).ljust(RECORD_BYTES, b" ")


def _read(path: Path) -> _Record | None:
    try:
        with path.open("rb") as file:
            content = file.read(RECORD_BYTES + 1)
        digest, body = content.rstrip(b" ").split(b" ", 1)
        if hashlib.sha256(body).hexdigest().encode() != digest:
            return None
        return _plausible(json.loads(body))
    except (OSError, ValueError):
        return None


def _plausible(fields: Any) -> _Record | None:
    match fields:
        case [int(serial), int(boot_count), str() | None as stopped, str() | None as mode]:
            if 1 <= boot_count <= BOOT_COUNT_MAX and 1 <= serial <= SERIAL_MAX:
                cause = None if stopped is None else ResetCause(stopped)
                return _Record(serial, boot_count, cause, None if mode is None else PowerMode(mode))
    return None


def _write(path: Path, content: bytes, durable: bool) -> None:
    if not durable and path.exists() and path.stat().st_size == len(content):
        with storage_errors():
            _overwrite(path, content, durable)
        return
    try:
        write_whole(path, content, durable=durable)
    except OSError:
        with storage_errors():
            _overwrite(path, content, durable)


def _overwrite(path: Path, content: bytes, durable: bool) -> None:
    handle = os.open(path, os.O_WRONLY)
    try:
        os.pwrite(handle, content, 0)
        if durable:
            os.fsync(handle)
    finally:
        os.close(handle)
