"""Geometry that comes in spans (passes, sights) and in steps (sunlight): known a chunk ahead, forgotten behind."""

import bisect
from collections.abc import Callable

from astro import contacts, shadow, sun
from astro.contacts import Eclipse, Interval
from astro.orbit import Ephemeris
from icd.timebase import NS_PER_S, MissionTime

CHUNK_S = 6 * 3600  # geometry is computed this far ahead at once, at whole multiples of it
GRAZE_STEPS = 4  # steps of light in an eclipse that has no umbra

_CHUNK_NS = CHUNK_S * NS_PER_S
_CHUNKS_KEPT = 8  # two days: whoever has looked a day ahead finds the day again


class SpanBook:
    """The spans of one relation, such as one satellite above one station."""

    def __init__(self, compute: Callable[[MissionTime, MissionTime], tuple[Interval, ...]]) -> None:
        self._compute = compute
        self._spans: list[Interval] = []
        self._end: MissionTime | None = None  # known up to here
        self._chunks: dict[MissionTime, tuple[Interval, ...]] = {}  # by start, the latest computed last

    def covering(self, at: MissionTime) -> Interval | None:
        """Return the span that an instant lies in; a span's end is outside it."""
        self._know(at)
        for span in self._spans:
            if span.start <= at < span.end:
                return span
            if span.start > at:
                break
        return None

    def next_change(self, at: MissionTime) -> MissionTime:
        """Return the next instant after `at` when the answer may change; ask again then."""
        self._know(at)
        for span in self._spans:
            if span.start > at:
                return span.start
            if span.end > at:
                return span.end
        assert self._end is not None
        return self._end

    def _know(self, at: MissionTime) -> None:
        if self._end is None or at < self._end - 2 * _CHUNK_NS:
            self._spans, self._end = [], MissionTime(at // _CHUNK_NS * _CHUNK_NS)
        # One chunk more than asked for, so that a span in hand has its true end.
        while at >= self._end - _CHUNK_NS:
            end = MissionTime(self._end + _CHUNK_NS)
            fresh = list(self._chunk(self._end, end))
            if fresh and self._spans and self._spans[-1].end == fresh[0].start:
                fresh[0] = Interval(self._spans.pop().start, fresh[0].end)
            self._spans = [span for span in self._spans if span.end > at] + fresh
            self._end = end

    def _chunk(self, start: MissionTime, end: MissionTime) -> tuple[Interval, ...]:
        spans = self._chunks.get(start)
        if spans is None:
            spans = self._chunks[start] = self._compute(start, end)
            if len(self._chunks) > _CHUNKS_KEPT:
                del self._chunks[next(iter(self._chunks))]
        return spans


class LightBook:
    """Sunlight on one satellite as steps: full, two steps for each penumbra, dark.

    Each half of a penumbra is held at its mean (`shadow.PENUMBRA_LIGHT_HALF_FRAC`), because a battery near full clips
    the one half and not the other; a single step at one half errs forty times more.
    """

    def __init__(self, ephemeris: Ephemeris) -> None:
        self._ephemeris = ephemeris
        self._times: list[MissionTime] = []
        self._fracs: list[float] = []
        self._end: MissionTime | None = None

    def frac(self, at: MissionTime) -> float:
        """Return the visible fraction of the Sun in force at an instant."""
        self._know(at)
        place = bisect.bisect_right(self._times, at)
        return self._fracs[place - 1] if place else 1.0

    def next_change(self, at: MissionTime) -> MissionTime:
        """Return the next instant after `at` when the light may change."""
        self._know(at)
        place = bisect.bisect_right(self._times, at)
        assert self._end is not None
        return self._times[place] if place < len(self._times) else self._end

    def _know(self, at: MissionTime) -> None:
        if self._end is not None and at < self._end and (not self._times or at >= self._times[0]):
            return
        start = MissionTime(at // _CHUNK_NS * _CHUNK_NS)
        self._end = MissionTime(start + _CHUNK_NS)
        steps = [
            step
            for eclipse in contacts.eclipses(self._ephemeris, start, self._end)
            for step in light_steps(eclipse, self._ephemeris)
        ]
        self._times = [start, *(when for when, _ in steps if when > start)]
        before = [frac for when, frac in steps if when <= start]
        self._fracs = [before[-1] if before else 1.0, *(frac for when, frac in steps if when > start)]


def light_steps(eclipse: Eclipse, ephemeris: Ephemeris) -> list[tuple[MissionTime, float]]:
    """Return the instants at which the light steps in one eclipse, each with the fraction from then on."""
    light, dark = shadow.PENUMBRA_LIGHT_HALF_FRAC, shadow.PENUMBRA_DARK_HALF_FRAC
    first, last = eclipse.penumbra_in, eclipse.penumbra_out
    if eclipse.umbra_in is None or eclipse.umbra_out is None:
        step = (last - first) / GRAZE_STEPS
        steps = []
        for k in range(GRAZE_STEPS):
            middle = MissionTime(first + round((k + 0.5) * step))
            frac = shadow.sunlit_frac(ephemeris.position(middle), sun.position(middle))
            steps.append((MissionTime(first + round(k * step)), frac))
        return [*steps, (last, 1.0)]
    return [
        (first, light),
        (MissionTime((first + eclipse.umbra_in) // 2), dark),
        (eclipse.umbra_in, 0.0),
        (eclipse.umbra_out, dark),
        (MissionTime((eclipse.umbra_out + last) // 2), light),
        (last, 1.0),
    ]
