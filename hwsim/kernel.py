"""The event kernel: integer nanoseconds, a heap of (time, priority, sequence), slots whose stale entries are dropped.

Nothing ticks. A model predicts when something will happen and puts its slot there; when an input changes it predicts
again, and the earlier prediction is stale by its generation. The kernel is driven from outside with `advance_to`.
"""

import heapq
import math
from collections.abc import Callable

from hwsim.errors import KernelStuckError
from icd.timebase import NS_PER_S, MissionTime
from runtime.clock import MissionClock
from runtime.timers import TimerHandle, Timers

# Order among the events of one instant: bodies move, then links follow, then frames tell of both.
PHYSICS = 0
LINKS = 1
FRAMES = 2

EVENTS_PER_INSTANT_MAX = 10_000
STALE_MAX = 4_096  # stale entries that may lie in the heap before it is rebuilt
_EARLY_NS = 1_000_000  # a timer may fire this much before its instant, by rounding


class Kernel:
    """Time and the heap of what comes next."""

    def __init__(self, start: MissionTime) -> None:
        self.now = start  # the instant of the event in hand, or the one last advanced to
        self._heap: list[tuple[MissionTime, int, int, Slot, int]] = []
        self._sequence = 0
        self._stale = 0

    def slot(self, callback: Callable[[], None], priority: int = PHYSICS) -> "Slot":
        """Return a new slot: one kind of event, pending at most once."""
        return Slot(self, callback, priority)

    def next_event_at(self) -> MissionTime | None:
        """Return when the next event is due, or None when nothing is predicted."""
        heap = self._heap
        while heap and heap[0][4] != heap[0][3].generation:
            heapq.heappop(heap)
            self._stale -= 1
        return heap[0][0] if heap else None

    def advance_to(self, target: MissionTime) -> int:
        """Let everything happen up to and including an instant; return how many events there were.

        An instant before the present one changes nothing.

        Raises:
            KernelStuckError: one instant holds more than EVENTS_PER_INSTANT_MAX events.
        """
        heap, events, here = self._heap, 0, 0
        while heap and heap[0][0] <= target:
            at, _, _, slot, generation = heapq.heappop(heap)
            if generation != slot.generation:
                self._stale -= 1
                continue
            here = here + 1 if at == self.now else 1
            if here > EVENTS_PER_INSTANT_MAX:
                raise KernelStuckError(f"more than {EVENTS_PER_INSTANT_MAX} events at mission time {at}")
            self.now = at
            events += 1
            slot.fire()
        self.now = max(self.now, target)
        return events

    def push(self, at: MissionTime, slot: "Slot") -> None:
        """Put a slot's present generation on the heap; called by the slot."""
        self._sequence += 1
        heapq.heappush(self._heap, (at, slot.priority, self._sequence, slot, slot.generation))

    def forget(self) -> None:
        """Count one entry as stale, and rebuild the heap when too many are; called by the slot."""
        self._stale += 1
        if self._stale > STALE_MAX:
            # In place: advance_to holds the same list.
            self._heap[:] = [entry for entry in self._heap if entry[4] == entry[3].generation]
            heapq.heapify(self._heap)
            self._stale = 0


class Slot:
    """One kind of event: pending at one instant or not at all."""

    __slots__ = ("_callback", "_kernel", "due", "generation", "priority")

    def __init__(self, kernel: Kernel, callback: Callable[[], None], priority: int) -> None:
        self._kernel = kernel
        self._callback = callback
        self.priority = priority
        self.generation = 0
        self.due: MissionTime | None = None

    def set(self, at: MissionTime | None) -> None:
        """Predict the event at an instant (now, when that has passed), in place of any earlier prediction; or clear."""
        if at is None:
            self.clear()
            return
        kernel, due = self._kernel, self.due
        if at < kernel.now:
            at = kernel.now
        if at == due:
            return
        if due is not None:
            self.generation += 1
            kernel.forget()
        self.due = at
        kernel.push(at, self)

    def clear(self) -> None:
        """Take the prediction back."""
        if self.due is not None:
            self.due = None
            self.generation += 1
            self._kernel.forget()

    def fire(self) -> None:
        """Let the event happen; called by the kernel."""
        self.due = None
        self.generation += 1
        self._callback()


class Driver:
    """Keeps a kernel level with the mission clock: one timer, set for the next event."""

    def __init__(self, kernel: Kernel, clock: MissionClock, timers: Timers) -> None:
        self._kernel = kernel
        self._clock = clock
        self._timers = timers
        self._timer: TimerHandle | None = None
        self._armed: MissionTime | None = None

    def advance(self) -> None:
        """Let everything happen that is due by the clock, so that what comes next meets the present."""
        self._kernel.advance_to(self._clock.now())

    def rearm(self) -> None:
        """Set the timer for the next event; after any change from outside."""
        due = self._kernel.next_event_at()
        if due == self._armed:
            return
        self.stop()
        self._armed = due
        if due is not None:
            self._timer = self._timers.at(due, self._on_timer)

    def stop(self) -> None:
        """Forget the timer."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._armed = None

    def _on_timer(self) -> None:
        now, armed = self._clock.now(), self._armed
        self._timer = self._armed = None
        if armed is not None and 0 < armed - now < _EARLY_NS:
            now = armed
        self._kernel.advance_to(now)
        self.rearm()


def later(now: MissionTime, delay_s: float | None, horizon_s: float) -> MissionTime | None:
    """Return the instant `delay_s` from now, never before it; None when there is none within the horizon."""
    if delay_s is None or delay_s > horizon_s:
        return None
    return MissionTime(now + math.ceil(max(0.0, delay_s) * NS_PER_S))
