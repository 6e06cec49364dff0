import math
from dataclasses import dataclass

import numpy as np
import pytest

from astro import contacts, frames, sight
from astro.frames import Teme
from astro.orbit import Ephemeris
from astro.shadow import EARTH_RADIUS_KM
from astro.sight import Limits
from icd.timebase import NS_PER_S, MissionTime, after, seconds_between, to_utc
from tests.unit.astro.orbits import CROSSING1, CROSSING2, LINE1, LINE2, OTHER1, OTHER2, START

DAY_S = 86_400.0


@dataclass(frozen=True)
class Spot:
    latitude_deg: float
    longitude_deg: float
    altitude_km: float
    mask_deg: float


MADRID = Spot(40.43, -4.25, 0.8, 10.0)


def test_skyfield_finds_the_same_passes() -> None:
    api = pytest.importorskip("skyfield.api")
    ts = api.load.timescale(builtin=True)
    satellite = api.EarthSatellite(LINE1, LINE2, "X", ts)
    place = api.wgs84.latlon(MADRID.latitude_deg, MADRID.longitude_deg, 800.0)
    ours = contacts.passes(Ephemeris(LINE1, LINE2), frames.site(MADRID), START, after(START, DAY_S))

    times, events = satellite.find_events(
        place, ts.from_datetime(to_utc(START)), ts.from_datetime(to_utc(after(START, DAY_S))), MADRID.mask_deg
    )

    theirs = [(t.utc_datetime(), e) for t, e in zip(times, events, strict=True) if e != 1]
    mine = [(to_utc(at), e) for span in ours for at, e in ((span.start, 0), (span.end, 2))]
    assert len(mine) >= 8
    assert [e for _, e in mine] == [e for _, e in theirs]
    assert max(abs((a - b).total_seconds()) for (a, _), (b, _) in zip(mine, theirs, strict=True)) < 0.5


def test_edges_of_a_pass_stand_on_the_mask() -> None:
    ephemeris, spot = Ephemeris(LINE1, LINE2), frames.site(MADRID)

    found = contacts.passes(ephemeris, spot, START, after(START, DAY_S))

    for span in found:
        for at in (span.start, span.end):
            itrf = frames.teme_to_itrf(ephemeris.position(at), at)
            assert math.degrees(math.asin(sight.sin_elevation(itrf, spot))) == pytest.approx(10.0, abs=2e-4)


def test_edges_are_the_same_whatever_the_span_asked_for() -> None:
    a, b = Ephemeris(LINE1, LINE2), Ephemeris(OTHER1, OTHER2)
    spot = frames.site(MADRID)
    long = contacts.passes(a, spot, START, after(START, DAY_S))
    late = contacts.passes(a, spot, after(START, 20_011.3), after(START, DAY_S))
    dark = contacts.eclipses(b, START, after(START, DAY_S))
    dark_late = contacts.eclipses(b, after(START, 31_234.5), after(START, DAY_S))

    assert late == tuple(span for span in long if span.start >= late[0].start)
    assert dark_late == dark[-len(dark_late) :]


def test_passes_shorter_than_the_grid_are_found() -> None:
    """A dense polled search finds no pass that the grid of 30 s missed."""
    ephemeris = Ephemeris(LINE1, LINE2)
    times = START + np.arange(0, int(DAY_S), 1, dtype=np.int64) * NS_PER_S
    itrf = frames.teme_to_itrf_many(ephemeris.positions(times), times)
    checked = 0
    for longitude in range(-180, 180, 4):
        spot = frames.site(Spot(30.0, float(longitude), 0.0, 25.0))
        up = sight.sin_elevations(itrf, spot) > spot.sin_mask
        polled = int((np.diff(up.astype(int)) == 1).sum()) + int(up[0])

        found = contacts.passes(ephemeris, spot, START, MissionTime(int(times[-1])))

        checked += polled
        assert len([span for span in found if seconds_between(span.start, span.end) > 2.0]) <= polled <= len(found)
    assert checked > 150


def test_hidden_maximum_and_minimum_are_found() -> None:
    """A bump of 4 s above zero, and a dip of 4 s below it, both between grid points."""
    middle = START // (30 * NS_PER_S) * 30 * NS_PER_S + 41 * NS_PER_S

    def bump(at: int) -> float:
        return 4.0 - ((at - middle) / 1e9) ** 2

    up = contacts.positive_spans(
        bump, lambda times: np.array([bump(int(t)) for t in times]), START, after(START, 300.0)
    )
    down = contacts.positive_spans(
        lambda at: -bump(at), lambda times: np.array([-bump(int(t)) for t in times]), START, after(START, 300.0)
    )

    assert [(span.start - middle, span.end - middle) for span in up] == [(-2 * NS_PER_S, 2 * NS_PER_S)]
    assert (down[0].end - middle, down[1].start - middle) == (-2 * NS_PER_S, 2 * NS_PER_S)


def test_sight_ends_where_the_limb_or_the_range_says() -> None:
    a = Ephemeris(LINE1, LINE2)
    b = Ephemeris(CROSSING1, CROSSING2)

    clear = contacts.sights(a, b, START, after(START, DAY_S), Limits(6000.0, 80.0, -1.0, 1.0, 1.0))
    near = contacts.sights(a, b, START, after(START, DAY_S), Limits(2000.0, 80.0, -1.0, 1.0, 1.0))

    assert clear
    assert near
    for span in clear[1:-1]:
        for at in (span.start, span.end):
            assert sight.clearance_km(a.position(at), b.position(at)) == pytest.approx(80.0, abs=0.05)
    for span in near[1:-1]:
        for at in (span.start, span.end):
            assert sight.range_km(a.position(at), b.position(at)) == pytest.approx(2000.0, abs=0.05)
    assert sum(s.end - s.start for s in near) < sum(s.end - s.start for s in clear)


def test_longest_sight_at_550_km_over_80_km_is_5017_km() -> None:
    """Two tangents from 6928.14 km to a sphere of 6458.14 km."""
    radius = EARTH_RADIUS_KM + 550.0
    half = math.asin(2508.3 / radius)
    a = Teme(radius * math.cos(half), radius * math.sin(half), 0.0)
    b = Teme(radius * math.cos(half), -radius * math.sin(half), 0.0)

    assert sight.range_km(a, b) == pytest.approx(5016.6, abs=0.1)
    assert sight.clearance_km(a, b) == pytest.approx(80.0, abs=0.1)
    assert sight.in_sight(a, b, 5400.0, 79.9)
    assert not sight.in_sight(a, b, 5000.0, 79.9)


def test_geodetic_undoes_the_site() -> None:
    spot = frames.site(Spot(-53.2, -70.9, 0.02, 5.0))

    latitude, longitude, height = frames.geodetic(spot.position)

    assert (math.degrees(latitude), math.degrees(longitude)) == pytest.approx((-53.2, -70.9), abs=1e-10)
    assert height == pytest.approx(0.02, abs=1e-9)


def test_sidereal_time_matches_the_worked_example() -> None:
    """Vallado, example 3-5: 1992-08-20 12:14 UT1 gives 152.578787886 degrees."""
    # Mission time knows the present TAI - UTC only, so the instant is built from the days since J2000.
    at = MissionTime(round(((10_957.5 * 86_400 + 37) - (2451545.0 - 2448855.009722222) * 86_400.0) * 1e9))

    assert math.degrees(frames.gmst_rad(at)) == pytest.approx(152.578787886, abs=2e-5)
