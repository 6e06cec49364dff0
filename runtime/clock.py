"""The mission clock: the only clock. Rate lives here and in the timers, never in the event loop."""

import time
from typing import Protocol

from icd.timebase import MissionTime, TimeAuthority


class MissionClock(Protocol):
    """Where mission time comes from. `rate` is mission seconds per wall second."""

    @property
    def rate(self) -> float:
        """Mission seconds per wall second."""
        ...

    def now(self) -> MissionTime:
        """Return the present mission time."""
        ...


class ScaledClock:
    """Mission time tied to the host's clock: mission = epoch + (wall - anchor) x rate.

    The host's realtime clock is read once; from then on the monotonic clock counts, so that a step of the host's
    clock moves nothing.
    """

    def __init__(self, epoch: MissionTime, anchor_unix_ns: int, rate: float) -> None:
        self._rate = rate
        self._mono_zero_ns = time.monotonic_ns()
        self._mission_zero_ns = epoch + round((time.time_ns() - anchor_unix_ns) * rate)

    @property
    def rate(self) -> float:
        """Mission seconds per wall second."""
        return self._rate

    def now(self) -> MissionTime:
        """Return the present mission time."""
        return MissionTime(self._mission_zero_ns + round((time.monotonic_ns() - self._mono_zero_ns) * self._rate))


class ManualClock:
    """A clock that stands still until it is set: for unit tests of what needs no loop."""

    def __init__(self, now: MissionTime, rate: float = 1.0) -> None:
        self._now = now
        self._rate = rate

    @property
    def rate(self) -> float:
        """Mission seconds per wall second."""
        return self._rate

    def now(self) -> MissionTime:
        """Return the instant last set."""
        return self._now

    def set(self, now: MissionTime) -> None:
        """Move the clock."""
        self._now = now


def clock_of(authority: TimeAuthority) -> ScaledClock:
    """Return the clock that the time authority's word describes: how a restarted process rejoins its run."""
    return ScaledClock(MissionTime(authority.epoch), authority.anchor_unix_ns, authority.rate)


def host_unix_ns() -> int:
    """Return the host's clock, ns since 1970 UTC: read once, where a run of the time authority begins."""
    return time.time_ns()
