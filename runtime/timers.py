"""Timers in mission or wall time over one event loop."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from icd.timebase import MissionTime, seconds_between
from runtime.clock import MissionClock


class TimerHandle(Protocol):
    """A pending timer."""

    def cancel(self) -> None:
        """Forget the timer; nothing happens if it has fired."""
        ...


class Timers(Protocol):
    """How anything waits. Mission durations shrink with the clock's rate, wall durations do not."""

    def at(self, when: MissionTime, callback: Callable[[], None]) -> TimerHandle:
        """Call back at a mission instant; at once (but not now) when it has passed."""
        ...

    def after_s(self, delay_s: float, callback: Callable[[], None]) -> TimerHandle:
        """Call back after a mission duration."""
        ...

    def after_wall_s(self, delay_s: float, callback: Callable[[], None]) -> TimerHandle:
        """Call back after a wall duration."""
        ...


class LoopTimers:
    """Timers on an asyncio loop, real or virtual."""

    def __init__(self, clock: MissionClock, loop: asyncio.AbstractEventLoop) -> None:
        self._clock = clock
        self._loop = loop

    def at(self, when: MissionTime, callback: Callable[[], None]) -> TimerHandle:
        """Call back at a mission instant; at once (but not now) when it has passed."""
        return self.after_s(seconds_between(self._clock.now(), when), callback)

    def after_s(self, delay_s: float, callback: Callable[[], None]) -> TimerHandle:
        """Call back after a mission duration."""
        return self._loop.call_later(max(0.0, delay_s) / self._clock.rate, callback)

    def after_wall_s(self, delay_s: float, callback: Callable[[], None]) -> TimerHandle:
        """Call back after a wall duration."""
        return self._loop.call_later(max(0.0, delay_s), callback)
