"""Files on their way down: one at a time, oldest first, each until the ground has it. Pure."""

from icd.transfer import CHUNK_BYTES
from node.ports.store import OutgoingRow
from runtime.chunks import AckEffect, ChunkSender

SILENCES_MAX = 3  # rewinds without an answer after which the next file has its turn


class Deliveries:
    """A queue of files, and the sender of the first."""

    def __init__(self) -> None:
        self._queue: dict[str, OutgoingRow] = {}
        self._sender: ChunkSender | None = None
        self._silences = 0

    def __len__(self) -> int:
        return len(self._queue)

    def holds(self, transfer_id: str) -> bool:
        """Return whether a file is queued."""
        return transfer_id in self._queue

    def add(self, row: OutgoingRow) -> None:
        """Queue a file; nothing happens when it is queued already."""
        self._queue.setdefault(row.transfer_id, row)

    def current(self) -> tuple[OutgoingRow, ChunkSender] | None:
        """Return the file whose turn it is, with its sender."""
        if not self._queue:
            return None
        row = next(iter(self._queue.values()))
        if self._sender is None:
            self._sender = ChunkSender(row.total_bytes, CHUNK_BYTES)
        return row, self._sender

    def find(self, transfer_id: str) -> OutgoingRow | None:
        """Return a queued file."""
        return self._queue.get(transfer_id)

    def remove(self, transfer_id: str) -> None:
        """Take a file out: the ground has it, or does not want it."""
        if self._is_current(transfer_id):
            self._next_turn()
        self._queue.pop(transfer_id, None)

    def on_ack(self, transfer_id: str, next_offset: int, done: bool) -> AckEffect:
        """Take the ground's word on a file. `done` counts for any queued one: it may have lost its turn meanwhile."""
        if self._is_current(transfer_id) and (current := self.current()) is not None:
            self._silences = 0
            return current[1].on_ack(next_offset, done)
        return AckEffect.DONE if done and transfer_id in self._queue else AckEffect.SAME

    def rewind(self) -> None:
        """Begin again where the ground stood: the link came back."""
        if self._sender is not None:
            self._sender.rewind()
        self._silences = 0

    def on_silence(self) -> None:
        """Begin again after silence; a file that is met with silence only lets the next one have its turn."""
        self._silences += 1
        if self._silences < SILENCES_MAX or len(self._queue) < 2:
            if self._sender is not None:
                self._sender.rewind()
            return
        first = next(iter(self._queue))
        self._queue[first] = self._queue.pop(first)
        self._next_turn()

    def _is_current(self, transfer_id: str) -> bool:
        return next(iter(self._queue), None) == transfer_id

    def _next_turn(self) -> None:
        self._sender = None
        self._silences = 0
