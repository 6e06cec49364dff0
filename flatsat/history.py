"""The recorded history of a run: one list of entries, kept in a file, judged by pure checkers.

An entry is `[mission time, source, kind, ...]`. Kinds of the node's recorder are `in`, `out` and `fact`; the bench
adds `sample` (the simulator's truth, each minute) and `end` (what each program holds when the run is over).
"""

import gzip
import hashlib
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgpack

from icd.timebase import MissionTime

HISTORY_FILE = "history.msgpack.gz"
ENTRY_PARTS_MIN = 3  # time, source, kind


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the history."""

    at: MissionTime
    source: str
    kind: str
    what: tuple[Any, ...]


class History:
    """What a run recorded, in the order in which it happened."""

    def __init__(self, packed: Iterable[bytes] = ()) -> None:
        self._packed: list[bytes] = list(packed)

    def append(self, packed: bytes) -> None:
        """Take one packed entry: the sink of a node's recorder."""
        self._packed.append(packed)

    def write(self, at: MissionTime, source: str, kind: str, *what: Any) -> None:
        """Take one entry of the bench's own."""
        self._packed.append(msgpack.packb([at, source, kind, *what], use_bin_type=True))

    def entries(self, kind: str | None = None) -> Iterator[Entry]:
        """Yield the entries, or those of one kind."""
        for packed in self._packed:
            at, source, found, *what = msgpack.unpackb(packed, raw=False, strict_map_key=False)
            if kind is None or found == kind:
                yield Entry(MissionTime(at), source, found, tuple(what))

    def sha256(self, recorders: dict[str, str]) -> str:
        """Return the hash of the whole history: every entry, and each recorder's own hash with its dispatch order."""
        total = hashlib.sha256()
        for packed in self._packed:
            total.update(packed)
        for name in sorted(recorders):
            total.update(f"{name}={recorders[name]};".encode())
        return total.hexdigest()

    def __len__(self) -> int:
        return len(self._packed)

    def save(self, path: Path) -> None:
        """Write the history to a compressed file, the same bytes for the same history."""
        with (
            path.open("wb") as raw,
            gzip.GzipFile(fileobj=raw, mode="wb", filename="", mtime=0, compresslevel=3) as file,
        ):
            for packed in self._packed:
                file.write(packed)


def load(path: Path) -> History:
    """Return the history in a file.

    Raises:
        OSError: the file cannot be read, or is no such file.
    """
    try:
        with gzip.open(path, "rb") as file:
            unpacker = msgpack.Unpacker(file, raw=False, strict_map_key=False)
            entries = list(unpacker)
    except (EOFError, ValueError, zlib.error, msgpack.UnpackException) as error:
        raise OSError(f"{path} is no history, or a torn one: {error}") from error
    if not all(isinstance(entry, list) and len(entry) >= ENTRY_PARTS_MIN for entry in entries):
        raise OSError(f"{path} is no history: an entry is not [time, source, kind, ...]")
    return History(msgpack.packb(entry, use_bin_type=True) for entry in entries)
