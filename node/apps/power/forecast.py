"""When the Sun comes and goes next, from the node's own element set."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from astro import contacts
from astro.contacts import Interval
from astro.orbit import Ephemeris
from icd.timebase import NS_PER_S, MissionTime

BLOCK_S = 6 * 3600  # eclipses are found for six hours at once
AHEAD_S = 2 * 3600  # and again when less than two hours are left, which is more than an orbit

Eclipses = Callable[[MissionTime, MissionTime], Sequence[Interval]]


@dataclass(frozen=True, slots=True)
class SunChanges:
    """The next change of light, and the one after it; None where none is foreseen."""

    changes_at: MissionTime | None
    changes_back_at: MissionTime | None


class SunForecast:
    """Answers when the light changes; asks for eclipses a few times a day."""

    def __init__(self, eclipses: Eclipses) -> None:
        self._find = eclipses
        self._from = MissionTime(0)
        self._until = MissionTime(0)
        self._spans: list[Interval] = []
        self._ends: list[int] = []

    def changes(self, now: MissionTime, sunlit: bool) -> SunChanges:
        """Return the next changes of light, given whether it is light now.

        The array's reading and the forecast may differ by seconds at an edge: the forecast eclipse that is meant is
        the nearest one, never the next orbit's.
        """
        self._look_ahead(now)
        index = bisect_left(self._ends, now)  # the first eclipse that ends at or after now
        if sunlit:
            if index < len(self._spans) and now > _middle(self._spans[index]):
                index += 1  # the reading saw the Sun a little before the forecast does
            span = self._at(index)
            return SunChanges(max(now, span.start), span.end) if span else SunChanges(None, None)
        before, coming = self._at(index - 1), self._at(index)
        if before and (coming is None or now - before.end < coming.start - now):
            return SunChanges(now, coming.start if coming else None)  # a little late: the Sun is due
        if coming is None:
            return SunChanges(None, None)
        back = self._at(index + 1)
        return SunChanges(coming.end, back.start if back else None)

    def _at(self, index: int) -> Interval | None:
        return self._spans[index] if 0 <= index < len(self._spans) else None

    def _look_ahead(self, now: MissionTime) -> None:
        if self._from <= now and self._until - now >= AHEAD_S * NS_PER_S:
            return
        block = BLOCK_S * NS_PER_S
        first = (now // block) * block
        self._from = MissionTime(first - block // 3)
        self._until = MissionTime(first + 2 * block)
        self._spans = list(self._find(self._from, self._until))
        self._ends = [span.end for span in self._spans]


def forecast_of(line1: str, line2: str) -> SunForecast:
    """Return the forecast for the satellite of an element set; the penumbra counts as eclipse."""
    ephemeris = Ephemeris(line1, line2)

    def find(start: MissionTime, end: MissionTime) -> list[Interval]:
        return [Interval(e.penumbra_in, e.penumbra_out) for e in contacts.eclipses(ephemeris, start, end)]

    return SunForecast(find)


def _middle(span: Interval) -> int:
    return (span.start + span.end) // 2
