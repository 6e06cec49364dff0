"""Which reports of the outbox go down next: batches by priority, a window of them, again after silence. Pure."""

from collections.abc import Iterable, Sequence

from icd.events import OUTBOX_BATCH_MAX

BATCHES_IN_FLIGHT_MAX = 4  # batches sent and not acknowledged
RESEND_WALL_S = 5.0  # wall time without an acknowledgement after which everything in flight goes again
POLL_S = 5.0  # mission time between two looks for new reports
POLL_WALL_S_MIN = 0.2  # and never oftener than this wall time


def poll_interval_s(rate: float) -> float:
    """Return the mission time between two looks into the outbox at a clock rate."""
    return max(POLL_S, POLL_WALL_S_MIN * rate)


class Downlink:
    """Keeps the numbers that are on their way.

    The store gives reports by priority and not by number, so what is in flight is a set of numbers, and the next
    batch is the first of what waits, without those.
    """

    def __init__(self) -> None:
        self._batch_of: dict[int, int] = {}
        self._left: dict[int, int] = {}  # by batch: numbers not yet acknowledged
        self._batches = 0

    @property
    def in_flight(self) -> int:
        """How many reports are on their way."""
        return len(self._batch_of)

    @property
    def may_send(self) -> bool:
        """Whether the window has room for one more batch."""
        return len(self._left) < BATCHES_IN_FLIGHT_MAX

    @property
    def wanted(self) -> int:
        """How many reports to ask the store for, so that a full batch is among them."""
        return self.in_flight + OUTBOX_BATCH_MAX

    def choose(self, waiting: Iterable[int]) -> list[int]:
        """Return the positions in `waiting` (numbers, most urgent first) of the next batch's reports."""
        fresh = [position for position, seq in enumerate(waiting) if seq not in self._batch_of]
        return fresh[:OUTBOX_BATCH_MAX]

    def sent(self, seqs: Sequence[int]) -> None:
        """Note that these numbers left together."""
        self._batches += 1
        self._left[self._batches] = len(seqs)
        for seq in seqs:
            self._batch_of[seq] = self._batches

    def acked(self, seqs: Iterable[int]) -> int:
        """Note that these numbers arrived; return how many of them were in flight."""
        news = 0
        for seq in seqs:
            batch = self._batch_of.pop(seq, None)
            if batch is None:
                continue
            news += 1
            self._left[batch] -= 1
            if self._left[batch] == 0:
                del self._left[batch]
        return news

    def restart(self) -> None:
        """Forget what is in flight: it goes again, the most urgent first."""
        self._batch_of.clear()
        self._left.clear()
