import math

import numpy as np
import pytest

from astro import contacts, shadow, sun
from astro.frames import Teme
from astro.orbit import Ephemeris
from icd.timebase import NS_PER_S, MissionTime, after, from_iso, seconds_between
from tests.unit.astro.orbits import LINE1, LINE2, START, Circle


def test_sun_stands_on_the_equator_at_the_equinox_of_2026() -> None:
    """The March equinox of 2026 is 20 March 14:46 UTC (US Naval Observatory)."""
    x, y, z = sun.position(from_iso("2026-03-20T14:46:00Z"))

    assert math.degrees(math.atan2(z, math.hypot(x, y))) == pytest.approx(0.0, abs=0.01)
    assert math.degrees(math.atan2(y, x)) == pytest.approx(0.0, abs=0.01)


def test_sun_stands_where_the_worked_example_puts_it() -> None:
    """Meeus, example 25.b: 1992-10-13 00:00 TD, apparent place 13 h 13 m 30.749 s, -7 deg 47' 01.74", 0.99760775 AU.

    TEME counts right ascension from the mean equinox, 15.9" cos(obliquity) from the true one that night.
    """
    # Mission time knows the present TAI - UTC only, so the instant is built from the days since J2000.
    at = MissionTime(round((10_957.5 - 2_636.5) * 86_400e9) - 32_184_000_000)
    x, y, z = sun.position(at)

    equinoxes_deg = 15.908 * math.cos(math.radians(23.44)) / 3600.0
    right_ascension = math.degrees(math.atan2(y, x)) % 360.0 + equinoxes_deg
    assert right_ascension == pytest.approx(15.0 * (13 + 13 / 60 + 30.749 / 3600), abs=4 / 3600)
    assert math.degrees(math.atan2(z, math.hypot(x, y))) == pytest.approx(-(7 + 47 / 60 + 1.74 / 3600), abs=4 / 3600)
    assert sun.distance_au(at) == pytest.approx(0.99760775, abs=3e-5)


def test_sun_is_farthest_in_early_july() -> None:
    """Aphelion of 2026: 6 July, 1.01664 AU (Astronomical Almanac)."""
    assert sun.distance_au(from_iso("2026-07-06T18:00:00Z")) == pytest.approx(1.0166, abs=2e-4)


@pytest.mark.parametrize("step_ns", [7 * 10**9, 10**15])
def test_vector_and_scalar_sun_agree(step_ns: int) -> None:
    """Many instants within an hour, and instants weeks apart, whose knots are gathered another way."""
    times = START + np.arange(50, dtype=np.int64)[::-1] * step_ns

    assert sun.positions(times).km == pytest.approx(
        np.array([sun.position(MissionTime(int(t))) for t in times]), rel=1e-12
    )


@pytest.mark.parametrize(
    ("beta_deg", "minutes"), [(0, 35.6), (20, 34.8), (30, 33.6), (40, 31.5), (50, 27.9), (60, 20.5), (65, 12.0)]
)
def test_eclipse_minutes_by_beta_match_the_cylinder_table(beta_deg: float, minutes: float) -> None:
    """Minutes per orbit at 550 km from an independent sum (cylindrical shadow, Re 6378 km, two-body)."""
    sx, sy, sz = (component / sun.distance_au(START) / sun.AU_KM for component in sun.position(START))
    towards = np.array([sx, sy, sz])
    side = np.cross(towards, [0.0, 0.0, 1.0])
    side /= np.linalg.norm(side)
    up = np.cross(side, towards)
    beta = math.radians(beta_deg)
    lifted = math.cos(beta) * towards - math.sin(beta) * up
    orbit = Circle(6378.0 + 550.0, tuple(lifted.tolist()), tuple(side.tolist()))

    found = contacts.eclipses(orbit, START, after(START, 95.65 * 60))  # type: ignore[arg-type]

    middle = sum(
        (
            seconds_between(e.penumbra_in, e.penumbra_out)
            + seconds_between(e.umbra_in or e.penumbra_in, e.umbra_out or e.penumbra_in)
        )
        / 2
        for e in found[:1]
    )
    assert middle / 60 == pytest.approx(minutes, abs=0.17)


def test_no_eclipse_above_beta_67() -> None:
    towards = np.array(sun.position(START)) / np.linalg.norm(sun.position(START))
    side = np.cross(towards, [0.0, 0.0, 1.0])
    side /= np.linalg.norm(side)
    orbit = Circle(6928.0, tuple(side.tolist()), tuple(np.cross(towards, side).tolist()))

    assert contacts.eclipses(orbit, START, after(START, 6000.0)) == ()  # type: ignore[arg-type]


def test_edges_stand_where_the_disc_is_touched_and_hidden() -> None:
    ephemeris = Ephemeris(LINE1, LINE2)
    found = contacts.eclipses(ephemeris, START, after(START, 86_400.0))

    def lit(at: MissionTime) -> float:
        return shadow.sunlit_frac(ephemeris.position(at), sun.position(at))

    assert len(found) >= 14
    for eclipse in found:
        assert eclipse.umbra_in is not None
        assert lit(after(eclipse.penumbra_in, -0.05)) == 1.0
        assert 0.9 < lit(after(eclipse.penumbra_in, 0.5)) < 1.0
        assert 0.0 < lit(after(eclipse.umbra_in, -0.5)) < 0.1
        assert lit(after(eclipse.umbra_in, 0.05)) == 0.0
        assert 7.0 < seconds_between(eclipse.penumbra_in, eclipse.umbra_in) < 14.0


def test_two_halves_of_a_penumbra_average_as_the_constants_say() -> None:
    ephemeris = Ephemeris(LINE1, LINE2)
    eclipse = contacts.eclipses(ephemeris, START, after(START, 6000.0))[0]
    assert eclipse.umbra_in is not None
    span = eclipse.umbra_in - eclipse.penumbra_in
    instants = [MissionTime(eclipse.penumbra_in + round((k + 0.5) * span / 400)) for k in range(400)]

    lit = [shadow.sunlit_frac(ephemeris.position(at), sun.position(at)) for at in instants]

    assert sum(lit[:200]) / 200 == pytest.approx(shadow.PENUMBRA_LIGHT_HALF_FRAC, abs=0.006)
    assert sum(lit[200:]) / 200 == pytest.approx(shadow.PENUMBRA_DARK_HALF_FRAC, abs=0.006)


def test_margin_is_continuous_over_the_terminator() -> None:
    near = [
        shadow.margin_km(Teme(6900.0 * math.cos(a), 0.0, 6900.0 * math.sin(a)), Teme(0.0, 0.0, sun.AU_KM), umbra)
        for a in (1e-9, -1e-9)
        for umbra in (True, False)
    ]

    assert max(near) - min(near) < 0.01
    assert NS_PER_S == 10**9


def test_edges_over_the_oblate_earth_are_where_its_limb_touches_and_hides_the_disc() -> None:
    """Against straight lines from the satellite to the Sun's rim, each tried for a crossing of the ellipsoid."""
    ephemeris = Ephemeris(LINE1, LINE2)
    round_earth = contacts.eclipses(ephemeris, START, after(START, 86_400.0))

    found = contacts.eclipses(ephemeris, START, after(START, 86_400.0), shadow.EARTH_FLATTENING)

    moved = []
    for sphere, oblate in zip(round_earth, found, strict=True):
        assert oblate.umbra_in is not None
        assert oblate.umbra_out is not None
        assert sphere.umbra_in is not None
        assert sphere.umbra_out is not None
        for edge, step_s in ((oblate.penumbra_in, 0.05), (oblate.penumbra_out, -0.05)):
            assert _rim_seen(ephemeris, after(edge, -step_s)) == 1.0
            assert _rim_seen(ephemeris, after(edge, step_s)) < 1.0
        for edge, step_s in ((oblate.umbra_in, 0.05), (oblate.umbra_out, -0.05)):
            assert _rim_seen(ephemeris, after(edge, -step_s)) > 0.0
            assert _rim_seen(ephemeris, after(edge, step_s)) == 0.0
        moved += [
            seconds_between(sphere.umbra_in, oblate.umbra_in),
            seconds_between(oblate.umbra_out, sphere.umbra_out),
        ]
    assert 1.6 < min(moved) < 2.5
    assert 5.0 < max(moved) < 5.3


def test_scalar_vector_and_sunlight_agree_over_the_oblate_earth() -> None:
    ephemeris, flat = Ephemeris(LINE1, LINE2), shadow.EARTH_FLATTENING
    times = START + np.arange(0, 6000, 7, dtype=np.int64) * NS_PER_S
    for umbra in (True, False):
        many = shadow.margins_km(ephemeris.positions(times), sun.positions(times), umbra, flat)
        for at, margin in zip(times.tolist(), many.tolist(), strict=True):
            instant = MissionTime(at)
            place, light = ephemeris.position(instant), sun.position(instant)
            assert shadow.margin_km(place, light, umbra, flat) == pytest.approx(margin, abs=1e-6)
            lit = shadow.sunlit_frac(place, light, flat)
            assert (lit > 0.0 if umbra else lit == 1.0) == (margin > 0.0)


def _rim_seen(ephemeris: Ephemeris, at: MissionTime) -> float:
    """Return the share of the Sun's rim that the ellipsoid of the Earth does not hide."""
    place, light = np.array(ephemeris.position(at)), np.array(sun.position(at))
    towards = (light - place) / np.linalg.norm(light - place)
    side = np.cross(towards, [0.0, 0.0, 1.0])
    side /= np.linalg.norm(side)
    angle = np.linspace(0.0, math.tau, 2880, endpoint=False)[:, None]
    rim = light + sun.SUN_RADIUS_KM * (np.cos(angle) * side + np.sin(angle) * np.cross(side, towards))
    axes = shadow.EARTH_RADIUS_KM * np.array([1.0, 1.0, 1.0 - shadow.EARTH_FLATTENING])
    start, way = place / axes, (rim - place) / axes
    nearest = np.clip(-(way @ start) / np.einsum("ij,ij->i", way, way), 0.0, 1.0)
    closest = start + nearest[:, None] * way
    return float((np.linalg.norm(closest, axis=1) >= 1.0).mean())
