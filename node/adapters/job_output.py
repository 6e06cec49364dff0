"""What a job says on its output: progress and checkpoints as JSON lines, everything else into a short log."""

import json
import math
from collections import deque
from dataclasses import dataclass

LINE_BYTES_MAX = 8 * 1024  # a longer line is no word to the node, and is cut in the log
LOG_BYTES_MAX = 64 * 1024  # the last of the output that is kept


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the job is."""

    frac: float


@dataclass(frozen=True, slots=True)
class CheckpointDone:
    """The job has finished a checkpoint of this name."""

    name: str


Word = Progress | CheckpointDone


class Log:
    """The last bytes of a text."""

    def __init__(self) -> None:
        self._lines: deque[bytes] = deque()
        self._size = 0

    def add(self, line: bytes) -> None:
        """Append a line, cut to its bound; the oldest lines give way."""
        line = line[:LINE_BYTES_MAX].rstrip(b"\n") + b"\n"
        self._lines.append(line)
        self._size += len(line)
        while self._size > LOG_BYTES_MAX:
            self._size -= len(self._lines.popleft())

    def content(self) -> bytes:
        """Return what is kept."""
        return b"".join(self._lines)


class Lines:
    """Cuts a stream into lines; one that is too long comes as its beginning."""

    def __init__(self) -> None:
        self._rest = b""
        self._skipping = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the lines that a chunk completes."""
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        lines = []
        for line in whole:
            if not self._skipping:
                lines.append(line[:LINE_BYTES_MAX])
            self._skipping = False
        if len(self._rest) > LINE_BYTES_MAX:
            if not self._skipping:
                lines.append(self._rest[:LINE_BYTES_MAX])
            self._rest, self._skipping = b"", True
        return lines

    def rest(self) -> list[bytes]:
        """Return the last line, where the stream ended without a newline."""
        last, self._rest = self._rest, b""
        return [last] if last and not self._skipping else []


def word_of(line: bytes) -> Word | None:
    """Return what a line says to the node, or None when it is for the log."""
    if not line.startswith(b"{") or len(line) >= LINE_BYTES_MAX:
        return None
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return None
    match said:
        case {"checkpoint": str(name)}:
            return CheckpointDone(name)
        case {"progress": int() | float() as frac} if not isinstance(frac, bool) and math.isfinite(frac):
            return Progress(min(1.0, max(0.0, float(frac))))
        case _:
            return None
