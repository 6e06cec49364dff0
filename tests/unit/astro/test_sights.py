"""When two laser terminals see each other: range, grazing height, field of regard, Sun; at both ends."""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from astro import contacts, shadow, sight, sun
from astro.contacts import Interval
from astro.frames import Teme, TemeTrack, TimeArray
from astro.orbit import Ephemeris
from astro.sight import Limits
from icd.timebase import NS_PER_S, MissionTime, after, seconds_between
from tests.unit.astro.orbits import CROSSING1, CROSSING2, LINE1, LINE2, START

DAY_S = 86_400
ANYWHERE = Limits(5_400.0, 80.0, -1.0, 1.0, 1.0)
SEVERE = Limits(4_500.0, 80.0, math.sin(math.radians(-16.0)), math.sin(math.radians(1.0)), math.cos(math.radians(25.0)))


@dataclass(frozen=True)
class Mount:
    range_km: float = 5_400.0
    graze_km: float = 80.0
    elevation_min_deg: float = -60.0
    elevation_max_deg: float = 30.0
    sun_exclusion_deg: float = 5.0


def _two() -> tuple[Ephemeris, Ephemeris]:
    return Ephemeris(LINE1, LINE2), Ephemeris(CROSSING1, CROSSING2)


def _blinded(one: TemeTrack, other: TemeTrack, suns: TemeTrack, half_angle_rad: float) -> NDArray[np.bool_]:
    """Angles by arctangent, and the shadow by its own function: another way than the one under test."""
    line, to_sun = other.km - one.km, suns.km - one.km
    angle = np.arctan2(np.linalg.norm(np.cross(line, to_sun), axis=1), np.einsum("ij,ij->i", line, to_sun))
    blinded: NDArray[np.bool_] = (angle <= half_angle_rad) & (shadow.margins_km(one, suns, umbra=True) > 0.0)
    return blinded


def _polled(a: Ephemeris, b: Ephemeris, limits: Limits, times: TimeArray) -> NDArray[np.bool_]:
    at_a, at_b, suns = a.positions(times), b.positions(times), sun.positions(times)
    open_: NDArray[np.bool_] = np.linalg.norm(at_a.km - at_b.km, axis=1) < limits.range_max_km
    open_ &= sight.clearances_km(at_a, at_b) > limits.graze_km
    for one, other in ((at_a, at_b), (at_b, at_a)):
        line = other.km - one.km
        sine = np.einsum("ij,ij->i", line, one.km) / np.linalg.norm(line, axis=1) / np.linalg.norm(one.km, axis=1)
        open_ &= (sine > limits.sin_elevation_min) & (sine < limits.sin_elevation_max)
        open_ &= ~_blinded(one, other, suns, math.acos(limits.cos_sun_exclusion))
    return open_


def _length_s(spans: tuple[Interval, ...]) -> float:
    return sum(seconds_between(span.start, span.end) for span in spans)


def test_limits_are_made_of_a_terminals_angles() -> None:
    found = sight.limits(Mount())

    assert (found.range_max_km, found.graze_km) == (5_400.0, 80.0)
    assert (found.sin_elevation_min, found.sin_elevation_max) == pytest.approx((-math.sqrt(0.75), 0.5))
    assert found.cos_sun_exclusion == pytest.approx(0.9961947)


@pytest.mark.slow
@pytest.mark.req("HWS-017")
@pytest.mark.parametrize("limits", [ANYWHERE, sight.limits(Mount()), SEVERE], ids=["anywhere", "usual", "severe"])
def test_sights_agree_with_polling_every_quarter_second(limits: Limits) -> None:
    a, b = _two()
    times = START + np.arange(0, DAY_S * 4, dtype=np.int64) * (NS_PER_S // 4)
    polled = _polled(a, b, limits, times)

    found = contacts.sights(a, b, START, after(START, DAY_S), limits)

    inside = np.zeros(len(times), dtype=bool)
    for span in found:
        inside |= (times >= span.start) & (times < span.end)
    edges = 2 * len(found)
    assert len(found) >= 5
    assert int((inside != polled).sum()) <= edges // 20  # an edge within a millisecond of a poll


@pytest.mark.req("HWS-017")
def test_each_limit_takes_something_away() -> None:
    a, b = _two()
    low, high, aside = SEVERE.sin_elevation_min, SEVERE.sin_elevation_max, SEVERE.cos_sun_exclusion
    lengths = [
        _length_s(contacts.sights(a, b, START, after(START, DAY_S), limits))
        for limits in (
            ANYWHERE,
            Limits(5_400.0, 80.0, low, 1.0, 1.0),
            Limits(5_400.0, 80.0, low, high, 1.0),
            Limits(5_400.0, 80.0, low, high, aside),
        )
    ]

    assert lengths == sorted(lengths, reverse=True)
    assert len(set(lengths)) == 4


@pytest.mark.req("HWS-017")
def test_both_ends_and_every_asker_get_the_same_edges() -> None:
    a, b = _two()
    whole = contacts.sights(a, b, START, after(START, DAY_S), SEVERE)
    late = contacts.sights(*_two(), after(START, 4_321.56), after(START, DAY_S), SEVERE)

    assert contacts.sights(b, a, START, after(START, DAY_S), SEVERE) == whole
    assert late[1:] == tuple(span for span in whole if span.start >= late[1].start)
    assert len(late) >= 5


@pytest.mark.req("HWS-017")
def test_the_sun_behind_the_earth_blinds_nobody() -> None:
    """From 6,928 km over the night side to a satellite 500 km further from the Sun's side, straight at the Sun."""
    suns = Teme(1.5e8, 0.0, 0.0)
    dark, lit = Teme(-6_928.0, 0.0, 0.0), Teme(6_928.0, 0.0, 0.0)

    assert sight.off_sun_km(lit, Teme(7_428.0, 0.0, 0.0), suns, 0.99) < 0.0
    assert sight.off_sun_km(dark, Teme(-6_428.0, 0.0, 0.0), suns, 0.99) < 0.0
    assert shadow.margin_km(dark, suns, umbra=True) < 0.0 < shadow.margin_km(lit, suns, umbra=True)


def test_a_field_of_regard_left_between_two_grid_points_is_found() -> None:
    """Two satellites that meet head on, ten kilometres above one another: the steep line lasts a second or two."""
    a, b = Ephemeris(LINE1, LINE2), Ephemeris(LINE1, _mirrored(LINE2))
    span = (START, after(START, DAY_S))
    steep = Limits(5_400.0, 80.0, -0.5, 0.5, 1.0)

    free, bound = contacts.sights(a, b, *span, ANYWHERE), contacts.sights(a, b, *span, steep)

    gaps = [seconds_between(one.end, other.start) for one, other in pairwise(bound)]
    short = [gap for gap in gaps if gap < contacts.GRID_S]
    assert len(bound) > len(free)
    assert short
    assert min(short) > 0.0


@pytest.mark.req("HWS-020")
def test_a_range_is_crossed_where_it_is_said() -> None:
    a, b = _two()

    found = contacts.within_range(a, b, START, after(START, DAY_S), 2_500.0)

    assert len(found) >= 5
    for span in found[1:-1]:
        for at in (span.start, span.end):
            assert sight.range_km(a.position(at), b.position(at)) == pytest.approx(2_500.0, abs=0.02)
        middle = MissionTime((span.start + span.end) // 2)
        assert sight.range_km(a.position(middle), b.position(middle)) < 2_500.0


def _mirrored(line2: str) -> str:
    """Return the orbit flown the other way round its plane: the same elements at the opposite inclination and node."""
    inclination = 180.0 - float(line2[8:16])
    node = (float(line2[17:25]) + 180.0) % 360.0
    body = f"{line2[:8]}{inclination:8.4f} {node:8.4f} {line2[26:52]}{float(line2[52:63]) - 0.035:11.8f}{line2[63:68]}"
    return body + str((sum(int(char) for char in body if char.isdigit()) + body.count("-")) % 10)
