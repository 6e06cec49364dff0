"""One direction of one connection in memory: first in, first out, late by the path and slow by its rate."""

import math
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from runtime.timers import Timers

T = TypeVar("T")

BITS_PER_BYTE = 8


@dataclass(frozen=True, slots=True)
class Path:
    """What lies between two ends: how late (mission time, one way) and how fast; at rate 0 what has not left waits."""

    delay_s: float
    rate_bps: float


DIRECT = Path(0.0, math.inf)


@dataclass(frozen=True, slots=True)
class LinkFaults:
    """What goes wrong on one connection, each as a fraction of the messages, drawn from the broker's stream."""

    drop_qos0_frac: float = 0.0
    duplicate_qos1_frac: float = 0.0
    extra_delay_frac: float = 0.0
    extra_delay_s_max: float = 0.0


NO_FAULTS = LinkFaults()


class Pipe(Generic[T]):
    """Carries items to `deliver`, always later and never out of order.

    As on a stream, a late item holds up all that follow it. A batch on a direct path costs one timer; on a slow or
    long one an item costs two: one until it has left, one until it has arrived.
    """

    __slots__ = (
        "_burst",
        "_deliver",
        "_flight",
        "_held",
        "_life",
        "_path",
        "_rng",
        "_size_bytes",
        "_timers",
        "_waiting",
        "faults",
    )

    def __init__(
        self, timers: Timers, rng: random.Random, deliver: Callable[[T], None], size_bytes: Callable[[T], int]
    ) -> None:
        self._path = DIRECT
        self.faults = NO_FAULTS
        self._timers = timers
        self._rng = rng
        self._deliver = deliver
        self._size_bytes = size_bytes
        self._waiting: deque[T] = deque()  # not yet on the wire; the head is being sent
        self._flight: deque[T] = deque()  # on the wire: each waits for its own timer, but for the burst
        self._burst = 0  # items in flight that one timer delivers together
        self._held = False  # the head waits for a rate
        self._life = 0  # goes up when everything under way is lost: timers of an earlier life do nothing

    @property
    def path(self) -> Path:
        """What lies between the ends; from when it is changed, each item that begins to leave meets the new one."""
        return self._path

    @path.setter
    def path(self, path: Path) -> None:
        self._path = path
        if self._held and path.rate_bps > 0.0:
            self._held = False
            self._start()

    @property
    def idle(self) -> bool:
        """Whether nothing is under way and a new item would meet no delay."""
        return not self._waiting and not self._flight and self._path is DIRECT and self.faults is NO_FAULTS

    @property
    def waiting(self) -> deque[T]:
        """The items that have not left yet, oldest first; the owner may take out any but the first."""
        return self._waiting

    @property
    def depth(self) -> int:
        """How many items are under way."""
        return len(self._waiting) + len(self._flight)

    def put(self, item: T) -> None:
        """Send an item."""
        if self._path is DIRECT and self.faults is NO_FAULTS and not self._waiting and len(self._flight) == self._burst:
            self._flight.append(item)
            self._burst += 1
            if self._burst == 1:
                self._later(0.0, self._arrive_burst)
            return
        self._waiting.append(item)
        if len(self._waiting) == 1:
            self._start()

    def clear(self) -> None:
        """Lose everything that is under way."""
        self._life += 1
        self._waiting.clear()
        self._flight.clear()
        self._burst = 0
        self._held = False

    def _later(self, delay_s: float, step: Callable[[], None]) -> None:
        self._timers.after_s(delay_s, partial(self._step, self._life, step))

    def _step(self, life: int, step: Callable[[], None]) -> None:
        if life == self._life:
            step()

    def _start(self) -> None:
        if self._path.rate_bps == 0.0:
            self._held = True
            return
        delay_s = self._size_bytes(self._waiting[0]) * BITS_PER_BYTE / self._path.rate_bps
        faults = self.faults
        if faults.extra_delay_frac > 0.0 and self._rng.random() < faults.extra_delay_frac:
            delay_s += self._rng.uniform(0.0, faults.extra_delay_s_max)
        self._later(delay_s, self._leave)

    def _leave(self) -> None:
        self._flight.append(self._waiting.popleft())
        self._later(self._path.delay_s, self._arrive)
        if self._waiting:
            self._start()

    def _arrive(self) -> None:
        self._deliver(self._flight.popleft())

    def _arrive_burst(self) -> None:
        life, flight = self._life, self._flight
        batch = [flight.popleft() for _ in range(self._burst)]
        self._burst = done = 0
        try:
            for item in batch:
                done += 1
                self._deliver(item)
                if life != self._life:
                    return
        finally:
            if done < len(batch) and life == self._life:  # a receiver raised: the others are not lost for it
                flight.extendleft(reversed(batch[done:]))
                if self._burst == 0:
                    self._later(0.0, self._arrive_burst)
                self._burst += len(batch) - done
