"""The flight recorder: every edge input, the order of dispatch, every committed fact, with one frozen time each."""

import hashlib
from collections.abc import Callable
from enum import StrEnum, unique
from typing import Any

import msgpack

from icd.timebase import MissionTime


@unique
class Entry(StrEnum):
    """What a line of the record is."""

    INPUT = "in"  # bytes or a report that came over an edge
    RUN = "run"  # a message was dispatched: folded into the hash, kept in no file
    FACT = "fact"  # a report was committed
    OUTPUT = "out"  # bytes that left over an edge: the topic and the size


Sink = Callable[[bytes], None]


class Recorder:
    """Folds every entry into one running hash and hands all but RUN entries to a sink."""

    def __init__(self, source: str, sink: Sink | None) -> None:
        self._source = source
        self._sink = sink
        self._hash = hashlib.sha256(source.encode())
        self.entries = 0

    def write(self, now: MissionTime, entry: Entry, *what: Any) -> None:
        """Record one entry; `what` is made of what msgpack packs."""
        packed: bytes = msgpack.packb([now, self._source, entry.value, *what], use_bin_type=True)
        self._hash.update(packed)
        self.entries += 1
        if self._sink is not None and entry is not Entry.RUN:
            self._sink(packed)

    def hexdigest(self) -> str:
        """Return the hash of all that was recorded so far."""
        return self._hash.hexdigest()
