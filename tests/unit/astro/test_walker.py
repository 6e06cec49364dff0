"""Shells and dawn-dusk planes, checked on what SGP4 makes of their lines."""

import itertools
import math
import re

import numpy as np
import pytest
from sgp4.api import Satrec

from astro import contacts, elements, frames, screening, sun, walker
from astro.orbit import Ephemeris
from astro.walker import Pattern, Shell
from icd.timebase import after, from_iso, seconds_between, to_utc
from tests.unit.astro.orbits import START

STARLINK = Shell(72, 22, 17, 550.0, 53.0)


def node_and_phase_deg(one: elements.Satellite) -> tuple[float, float]:
    return float(one.line2[17:25]), float(one.line2[43:51])


def test_a_shell_is_spaced_as_walker_says() -> None:
    made = walker.shell(STARLINK, START)

    assert len(made) == 1584
    for index, one in enumerate(made):
        plane, slot = divmod(index, 22)
        node_deg, phase_deg = node_and_phase_deg(one)
        assert node_deg == pytest.approx(plane * 5.0, abs=6e-5)
        wanted = (slot * 360.0 / 22 + plane * 17 * 360.0 / 1584) % 360.0
        assert abs((phase_deg - wanted + 180.0) % 360.0 - 180.0) < 6e-5


def test_its_lines_are_a_file_that_loads_whole_and_lasts() -> None:
    made = walker.shell(STARLINK, START)

    found, left_out = elements.load(walker.tle_text(made))

    assert left_out == ()
    assert found == made
    assert (made[0].name, made[-1].name, made[-1].number) == ("SHELL-01-01", "SHELL-72-22", 91_584)
    assert screening.screen(made[:30], START, age_days_max=14.0, horizon_days=30.0)[1] == ()


def test_sgp4_flies_it_at_the_altitude_asked_for() -> None:
    made = walker.shell(Shell(3, 4, 1, 550.0, 53.0), START)

    for one in made:
        record = Satrec.twoline2rv(one.line1, one.line2)
        assert record.a * record.radiusearthkm - 6378.137 == pytest.approx(550.0, abs=1e-4)
        _, position, velocity = record.sgp4_tsince(0.0)
        radius, speed = np.linalg.norm(position), np.linalg.norm(velocity)
        osculating_km = 1.0 / (2.0 / radius - speed**2 / 398_600.4418)
        assert osculating_km == pytest.approx(6928.137, abs=12.0)  # J2 moves it by 9 km twice an orbit


@pytest.mark.slow
@pytest.mark.parametrize(
    "of",
    [
        Shell(5, 3, 1, 550.0, 53.0),
        Shell(6, 11, 3, 780.0, 86.4, Pattern.STAR),
        Shell(6, 11, 2, 780.0, 86.4, Pattern.STAR),
        Shell(3, 4, 2, 700.0, 120.0),
        Shell(7, 1, 3, 1200.0, 70.0),
    ],
    ids=str,
)
def test_the_least_separation_is_what_watching_all_pairs_for_an_orbit_finds(of: Shell) -> None:
    phase = np.linspace(0.0, math.tau, 4001)
    tilt = math.radians(of.inclination_deg)
    tracks = []
    for plane, slot in itertools.product(range(of.planes), range(of.per_plane)):
        node = math.radians(of.spread_deg / of.planes * plane)
        u = phase + math.tau * (slot / of.per_plane + of.phasing * plane / of.total)
        x, y, z = np.cos(u), np.sin(u) * math.cos(tilt), np.sin(u) * math.sin(tilt)
        tracks.append(
            of.radius_km
            * np.stack([math.cos(node) * x - math.sin(node) * y, math.sin(node) * x + math.cos(node) * y, z], axis=1)
        )

    nearest = min(float(np.linalg.norm(a - b, axis=1).min()) for a, b in itertools.combinations(tracks, 2))

    assert of.separation_km == pytest.approx(nearest, abs=0.02)


@pytest.mark.parametrize(
    ("numbers", "says"),
    [
        ((0, 22, 0, 550.0, 53.0), "planes 0 is not from 1 to 100000"),
        ((72, 0, 0, 550.0, 53.0), "per plane 0 is not from 1 to 100000"),
        ((1000, 1000, 1, 550.0, 53.0), "satellites 1e+06 is not from 1 to 100000"),
        ((72, 22, 72, 550.0, 53.0), "phasing 72 is not from 0 to 71"),
        ((72, 22, -1, 550.0, 53.0), "phasing -1 is not from 0 to 71"),
        ((72, 22, 17, 90.0, 53.0), "altitude 90 km is not from 160 to 36000 km"),
        ((72, 22, 17, math.nan, 53.0), "altitude nan km is not from 160 to 36000 km"),
        ((72, 22, 17, 550.0, 181.0), "inclination 181 degrees is not from 0 to 180 degrees"),
        ((4, 5, 0, 550.0, 90.0), "pattern 90:20/4/0 lets satellites pass within 0.000 km of each other; at least 1 km"),
        ((72, 22, 18, 550.0, 53.0), "at least 1 km is allowed: phasing 65 keeps them 71.5 km apart"),
        ((4, 4, 0, 550.0, 0.0), "pattern 0:16/4/0 lets satellites pass within 0.000 km"),
        ((1, 100_000, 0, 160.0, 53.0), "within 0.411 km of each other; at least 1 km is allowed: choose another inc"),
    ],
)
def test_what_cannot_fly_is_refused_in_one_line(numbers: tuple[int, int, int, float, float], says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)) as refused:
        Shell(*numbers)

    assert "\n" not in str(refused.value)


def test_an_epoch_that_two_digits_cannot_say_is_refused() -> None:
    with pytest.raises(ValueError, match="epoch of the year 2057; allowed are 1957 to 2056"):
        walker.shell(STARLINK, from_iso("2057-01-01T00:00:00Z"))


@pytest.mark.parametrize("altitude_km", [400.0, 650.0, 1000.0, 4000.0])
def test_a_sun_synchronous_node_goes_once_round_in_a_tropical_year(altitude_km: float) -> None:
    (one,) = walker.dawn_dusk(altitude_km, 1, 18.0, START)
    record = Satrec.twoline2rv(one.line1, one.line2)

    turned_deg = _mean_node_deg(record, 365.2422) - _mean_node_deg(record, 0.0)

    assert (turned_deg + 180.0) % 360.0 - 180.0 == pytest.approx(0.0, abs=0.02)
    quarter_deg = (_mean_node_deg(record, 365.2422 / 4) - _mean_node_deg(record, 0.0)) % 360.0
    assert quarter_deg == pytest.approx(90.0, abs=0.02)


@pytest.mark.parametrize(
    ("altitude_km", "published_deg"), [(567.0, 97.7), (705.0, 98.2), (800.0, 98.6), (1000.0, 99.5)]
)
def test_sun_synchronous_inclinations_are_the_known_ones(altitude_km: float, published_deg: float) -> None:
    """Landsat 8 flies at 705 km and 98.2 degrees (USGS); the others from Wertz, Space Mission Engineering, appendix."""
    assert walker.sun_synchronous_deg(altitude_km) == pytest.approx(published_deg, abs=0.06)


@pytest.mark.parametrize("ltan_h", [0.0, 6.0, 10.25, 18.0, 23.9])
@pytest.mark.parametrize("at", ["2026-01-10T00:00:00Z", "2026-08-22T12:00:00Z", "2030-11-03T07:00:00Z"])
def test_the_node_passes_at_the_local_time_asked_for(ltan_h: float, at: str) -> None:
    """The true Sun is at most 16.5 minutes from the mean one (equation of time)."""
    epoch = from_iso(at)
    made = walker.dawn_dusk(650.0, 4, ltan_h, epoch)

    node_deg, _ = node_and_phase_deg(made[0])
    x, y, _ = sun.position(epoch)
    true_h = ((node_deg - math.degrees(math.atan2(y, x))) / 15.0 + 12.0) % 24.0
    greenwich_mean_sun_deg = math.degrees(frames.gmst_rad(epoch)) - _day_deg(at) + 180.0  # by definition of GMST

    assert abs((true_h - ltan_h + 12.0) % 24.0 - 12.0) * 60.0 < 16.6
    assert (node_deg - greenwich_mean_sun_deg - 15.0 * (ltan_h - 12.0) + 180.0) % 360.0 == pytest.approx(
        180.0, abs=0.01
    )


def test_dawn_dusk_satellites_stand_equally_spaced_in_one_plane() -> None:
    made = walker.dawn_dusk(650.0, 5, 18.0, START)

    assert [one.name for one in made] == [f"DAWNDUSK-{slot}" for slot in range(1, 6)]
    assert len({node_and_phase_deg(one)[0] for one in made}) == 1
    assert [node_and_phase_deg(one)[1] for one in made] == [0.0, 72.0, 144.0, 216.0, 288.0]


@pytest.mark.parametrize(
    ("altitude_km", "count", "ltan_h", "says"),
    [
        (6500.0, 4, 18.0, "altitude 6500 km is too high for a sun-synchronous orbit"),
        (100.0, 4, 18.0, "altitude 100 km is not from 160 to 36000 km"),
        (650.0, 0, 18.0, "per plane 0 is not from 1"),
        (650.0, 4, 24.0, "local time of the ascending node 24 h is not from 0 up to 24 h"),
        (650.0, 4, math.nan, "local time of the ascending node nan h is not"),
    ],
)
def test_an_impossible_dawn_dusk_plane_is_refused(altitude_km: float, count: int, ltan_h: float, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        walker.dawn_dusk(altitude_km, count, ltan_h, START)


def _mean_node_deg(record: Satrec, days: float) -> float:
    """Return the node of the orbit's plane, from position and velocity, averaged over one orbit."""
    turns = []
    for step in range(40):
        error, position, velocity = record.sgp4_tsince(days * 1440.0 + step * math.tau / record.nm / 40.0)
        assert error == 0
        x, y, _ = np.cross(position, velocity)
        turns.append(math.atan2(x, -y))
    return math.degrees(float(np.unwrap(turns).mean()))


def _day_deg(at: str) -> float:
    hour, minute = int(at[11:13]), int(at[14:16])
    return (hour + minute / 60.0) * 15.0


@pytest.mark.slow
def test_skyfield_sees_the_made_satellites_in_the_sun_when_we_do() -> None:
    """With DE421 and a sphere of 6378 km: they may differ within seconds of the edges alone."""
    api = pytest.importorskip("skyfield.api")
    data = pytest.importorskip("skyfield_data")
    ts = api.load.timescale(builtin=True)
    solar_system = api.load_file(f"{data.__path__[0]}/data/de421.bsp")
    dusk, shelled = walker.dawn_dusk(650.0, 1, 18.0, START)[0], walker.shell(Shell(3, 4, 1, 550.0, 53.0), START)[5]
    instants = [after(START, 30.0 * step) for step in range(1440)]
    nights = {}
    for one in (dusk, shelled):
        at = api.EarthSatellite(one.line1, one.line2, one.name, ts).at(ts.from_datetimes([to_utc(t) for t in instants]))
        theirs = at.is_sunlit(solar_system)

        found = contacts.eclipses(Ephemeris(one.line1, one.line2), START, instants[-1])

        ours = [not any(dark.penumbra_in <= t < dark.penumbra_out for dark in found) for t in instants]
        edges = [edge for dark in found for edge in (dark.penumbra_in, dark.penumbra_out)]
        differ = [t for t, a, b in zip(instants, ours, theirs, strict=True) if a != bool(b)]
        assert all(min(abs(seconds_between(edge, t)) for edge in edges) < 12.0 for t in differ)
        nights[one.name] = len(found)
    assert nights == {"DAWNDUSK-1": 0, "SHELL-2-2": 8}
