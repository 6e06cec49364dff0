"""The geometry between the fleet's laser terminals: who sees whom, how far, in which direction, and at which rate."""

from dataclasses import dataclass

from astro import contacts, sight
from astro.contacts import Interval
from astro.frames import Vector
from astro.orbit import Ephemeris
from hwsim.models import optics, pointing
from hwsim.spans import SpanBook
from icd.timebase import MissionTime
from icd.vehicle import LasersProfile


@dataclass(frozen=True, slots=True)
class Look:
    """What one satellite sees of another: range, direction in its own frame, and how far ahead its light must point."""

    range_km: float
    aim: Vector
    point_ahead_rad: float


class LaserSky:
    """Sights and ranges of all pairs of satellites, known a chunk ahead. Every question names two nodes, in any order.

    `loss_db` is what the weaker direction of a link has lost besides its budget.
    """

    def __init__(self, lasers: LasersProfile, ephemerides: dict[str, Ephemeris]) -> None:
        self.lasers = lasers
        self._limits = sight.limits(lasers)
        self._ephemerides = ephemerides
        self._sights: dict[tuple[str, str], SpanBook] = {}
        self._ranges: dict[tuple[str, str, float], SpanBook] = {}
        self.budget = optics.budget(lasers)

    def window(self, one: str, other: str, loss_db: float, at: MissionTime) -> Interval | None:
        """Return the span around an instant in which two satellites can hold a link, at the lowest rate if need be."""
        span = self._sight(one, other).covering(at)
        lowest = self._range(one, other, self.budget.reaches_km(loss_db)[0])
        if span is None or lowest is None:
            return span
        near = lowest.covering(at)
        return None if near is None else Interval(max(span.start, near.start), min(span.end, near.end))

    def rate_bps(self, one: str, other: str, loss_db: float, at: MissionTime) -> float:
        """Return the highest rate that the range allows; 0 when it allows none."""
        rates = zip(reversed(self.budget.rates_bps), reversed(self.budget.reaches_km(loss_db)), strict=True)
        for rate_bps, reach_km in rates:
            book = self._range(one, other, reach_km)
            if book is None or book.covering(at) is not None:
                return rate_bps
        return 0.0

    def next_change(self, one: str, other: str, loss_db: float, at: MissionTime) -> MissionTime:
        """Return the next instant after `at` when window or rate may change."""
        books = (self._range(one, other, reach_km) for reach_km in self.budget.reaches_km(loss_db))
        changes = [book.next_change(at) for book in books if book is not None]
        return min([self._sight(one, other).next_change(at), *changes])

    def range_km(self, one: str, other: str, at: MissionTime) -> float:
        """Return the distance between two satellites, km."""
        return sight.range_km(self._ephemerides[one].position(at), self._ephemerides[other].position(at))

    def towards(self, one: str, other: str, at: MissionTime) -> Vector:
        """Return the direction from the first satellite to the second, in the first one's frame."""
        here = self._ephemerides[one]
        position = here.position(at)
        line = pointing.direction(position, self._ephemerides[other].position(at))
        return pointing.local(position, here.velocity(at), line)

    def look(self, one: str, other: str, at: MissionTime) -> Look:
        """Return what the first satellite sees of the second."""
        here, there = self._ephemerides[one], self._ephemerides[other]
        position, velocity, target, moving = (
            here.position(at),
            here.velocity(at),
            there.position(at),
            there.velocity(at),
        )
        line = pointing.direction(position, target)
        relative = (moving[0] - velocity[0], moving[1] - velocity[1], moving[2] - velocity[2])
        aim = pointing.local(position, velocity, line)
        return Look(sight.range_km(position, target), aim, pointing.point_ahead_rad(line, relative))

    def reachable(self, aim: Vector) -> Vector:
        """Return the direction nearest to one (in the satellite's frame) that lies in the field of regard."""
        return pointing.raised_between(aim, self._limits.sin_elevation_min, self._limits.sin_elevation_max)

    def _sight(self, one: str, other: str) -> SpanBook:
        one, other = sorted((one, other))
        book = self._sights.get((one, other))
        if book is None:
            a, b, limits = self._ephemerides[one], self._ephemerides[other], self._limits
            book = SpanBook(lambda start, end: contacts.sights(a, b, start, end, limits))
            self._sights[one, other] = book
        return book

    def _range(self, one: str, other: str, reach_km: float) -> SpanBook | None:
        """Return when two satellites are nearer than a range; None when that bounds nothing that sight does not."""
        if reach_km >= self._limits.range_max_km:
            return None
        one, other = sorted((one, other))
        book = self._ranges.get((one, other, reach_km))
        if book is None:
            a, b = self._ephemerides[one], self._ephemerides[other]
            book = SpanBook(lambda start, end: contacts.within_range(a, b, start, end, reach_km))
            self._ranges[one, other, reach_km] = book
        return book

    def forget_ranges(self) -> None:
        """Drop the spans of ranges that no link may ask for again; after a terminal's loss changed."""
        self._ranges.clear()
