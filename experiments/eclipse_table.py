"""Gate G1: eclipses by beta angle, dawn-dusk seasons by altitude, five years of a 53 degree orbit, beside a table.

The table is section 2 of the project's research note on orbital data centres. It takes a circular orbit and a cylinder
of radius 6378 km as shadow. Ours are two cones, umbra and penumbra; an edge here is where the Sun's centre is hidden,
the mean of the two margins. That surface leaves the cylinder by 6378 km times the satellite's way behind the Earth over
the distance to the Sun, and by the cones' touching the Earth ahead of its widest circle: 0.2 km in low orbit, which is
why the two agree far within 10 s.

The five years use the secular motion of the node under J2: a circular orbit has no other that an eclipse would feel.
Source of the node's rate: Vallado, Fundamentals of Astrodynamics, section 9.4.
"""

import math

import numpy as np

from astro import sun
from astro.frames import FloatArray, TemeTrack, TimeArray
from astro.seasons import EARTH_RADIUS_KM, Circle, eclipse_min, node_scale_rad_s
from experiments.figures import Row, Study
from icd.timebase import NS_PER_S, from_iso

TABLE_RADIUS_KM = 6378.0  # of the table's Earth: its 550 km lies over it

TABLE = "research table"
BETA_MIN = {0: 35.6, 20: 34.8, 30: 33.6, 40: 31.5, 50: 27.9, 60: 20.5, 65: 12.0}  # beta, deg: minutes of eclipse
BETA_PERCENT = {0: 37.2, 20: 36.4, 30: 35.1, 40: 33.0, 50: 29.2, 60: 21.5, 65: 12.5}  # of the orbit
BETA_LIMIT_DEG = 67.0
# Altitude, km: days a year with eclipses, longest one in minutes, percent of the year in sunlight.
SEASONS = {
    500: (104, 22.7, 94.5),
    560: (98, 21.5, 95.2),
    600: (94, 20.7, 95.6),
    650: (88, 19.7, 96.1),
    800: (74, 16.9, 97.3),
}

NEAR_MIN = 10.0 / 60.0  # the gate: ten seconds
NEAR_PERCENT = 0.2  # the gate: 0.2 points
YEAR_DAYS = 365.25
YEARS = 5
START = "2026-01-01T00:00:00Z"

_DAY_S = 86_400.0
_STEP_DAYS = 0.25
_PLANES = 12  # starting nodes over which five years are averaged, as a shell has many
_OBLIQUITY_RAD = math.radians(23.439)


def measure(seeds: tuple[int, ...]) -> list[Row]:
    """Return a row a figure of the table; nothing is drawn, so seeds change nothing."""
    times = _times()
    return [*_by_beta(), *_seasons(times), *_five_years(times)]


def _by_beta() -> list[Row]:
    """Return eclipses at 550 km by the angle between the Sun and the orbit's plane."""
    radius_km = TABLE_RADIUS_KM + 550.0
    period_min = Circle(radius_km, 0.0, 0.0, 0.0).period_min
    rows = [Row("period at 550 km", period_min, "min", TABLE, 95.65, within=NEAR_MIN)]
    betas = np.radians(np.array(list(BETA_MIN), dtype=np.float64))
    for (beta, minutes), found in zip(BETA_MIN.items(), _at_betas(radius_km, betas).tolist(), strict=True):
        name = f"eclipse at 550 km, beta {beta} deg"
        rows.append(Row(name, found, "min", TABLE, minutes, within=NEAR_MIN))
        share = 100.0 * found / period_min
        rows.append(Row(f"{name}, of the orbit", share, "%", TABLE, BETA_PERCENT[beta], within=NEAR_PERCENT))
    sweep = np.radians(np.arange(66.0, 68.0, 0.002))
    limit = float(np.degrees(sweep[_at_betas(radius_km, sweep) > 0.0][-1]))
    rows.append(
        Row("beta above which 550 km sees no eclipse", limit, "deg", TABLE, BETA_LIMIT_DEG, within=NEAR_PERCENT)
    )
    return rows


def _at_betas(radius_km: float, betas_rad: FloatArray) -> FloatArray:
    suns = TemeTrack(sun.AU_KM * np.stack([np.cos(betas_rad), np.zeros_like(betas_rad), np.sin(betas_rad)], axis=1))
    return eclipse_min(radius_km, np.tile([0.0, 0.0, 1.0], (len(betas_rad), 1)), suns)


def _seasons(times: TimeArray) -> list[Row]:
    """Return dawn-dusk orbits: node at 18:00 local mean solar time, drifting as the mean Sun does."""
    rows: list[Row] = []
    suns, even = sun.positions(times), _even_suns(times)
    for altitude_km, (days, longest, sunlit) in SEASONS.items():
        orbit = _dawn_dusk(altitude_km)
        normals = orbit.normals(_elapsed_s(times))
        real = eclipse_min(orbit.radius_km, normals, suns)
        season = float(np.mean(eclipse_min(orbit.radius_km, normals, even) > 0.0)) * YEAR_DAYS
        name = f"dawn-dusk at {altitude_km} km"
        near_days = NEAR_PERCENT / 100.0 * YEAR_DAYS
        light = 100.0 * (1.0 - float(real.mean()) / orbit.period_min)
        rows += [
            Row(f"{name}, eclipse season", season, "days/year", TABLE, days, within=near_days, leaves_out=_EVEN),
            Row(f"{name}, longest eclipse", float(real.max()), "min", TABLE, longest, within=NEAR_MIN),
            Row(f"{name}, sunlit", light, "%", TABLE, sunlit, within=NEAR_PERCENT),
        ]
    return rows


_EVEN = (
    "the table's Sun moves evenly, and here ours is made to; the real one lengthens the season of a node at 18:00, "
    "which falls near aphelion, by about two days and shortens that of 06:00 by as much"
)


def _dawn_dusk(altitude_km: float) -> Circle:
    rate_rad_s = math.tau / (365.2422 * _DAY_S)  # once a tropical year
    radius_km = EARTH_RADIUS_KM + altitude_km
    inclination_rad = math.acos(-rate_rad_s / (node_scale_rad_s(radius_km)))
    node_rad = float(_mean_longitudes_rad(_times()[:1])[0]) + math.pi / 2.0
    return Circle(radius_km, inclination_rad, node_rad, rate_rad_s)


def _five_years(times: TimeArray) -> list[Row]:
    """Return five-year means of 53 degree orbits, over planes all round the equator."""
    period_350, longest_350, frac_350, _, _ = _long_run(350.0, times)
    period_min, longest, frac, free, cycle_days = _long_run(550.0, times)
    eclipses = (1.0 - free) * YEARS * YEAR_DAYS * 1440.0 / period_min
    return [
        Row("53 deg at 550 km, longest eclipse", longest, "min", TABLE, 35.6, within=NEAR_MIN),
        Row("53 deg at 550 km, five-year mean eclipse", 100.0 * frac, "%", TABLE, 31.3, within=NEAR_PERCENT),
        Row("53 deg at 550 km, days without eclipse", 100.0 * free, "%", TABLE, 5.5, within=NEAR_PERCENT),
        Row("53 deg at 550 km, beta cycle", cycle_days, "days", TABLE, 65.8, within=NEAR_PERCENT / 100.0 * 65.8),
        Row("53 deg at 550 km, eclipses in five years", eclipses, "", TABLE, 26_000.0, within=52.0),
        Row("53 deg at 350 km, period", period_350, "min", TABLE, 91.54, within=NEAR_MIN),
        Row("53 deg at 350 km, longest eclipse", longest_350, "min", TABLE, 36.3, within=NEAR_MIN),
        Row("53 deg at 350 km, five-year mean eclipse", 100.0 * frac_350, "%", TABLE, 35.0, within=NEAR_PERCENT),
    ]


def _long_run(altitude_km: float, times: TimeArray) -> tuple[float, float, float, float, float]:
    """Return period and longest eclipse (min), mean eclipse and eclipse-free shares, and the beta cycle (days)."""
    radius_km, inclination_rad = EARTH_RADIUS_KM + altitude_km, math.radians(53.0)
    planes = [Circle.under_j2(radius_km, inclination_rad, math.tau * plane / _PLANES) for plane in range(_PLANES)]
    daily = times[:: round(1.0 / _STEP_DAYS)]
    suns, elapsed_s = sun.positions(daily), _elapsed_s(daily)
    all_minutes = np.concatenate([eclipse_min(radius_km, plane.normals(elapsed_s), suns) for plane in planes])
    turned = np.unwrap(np.arctan2(suns.km[:, 1], suns.km[:, 0])) - planes[0].node_rate_rad_s * elapsed_s
    cycle_days = math.tau * float(elapsed_s[-1]) / _DAY_S / abs(float(turned[-1] - turned[0]))
    period_min = planes[0].period_min
    free = float(np.mean(all_minutes == 0.0))
    return period_min, float(all_minutes.max()), float(all_minutes.mean()) / period_min, free, cycle_days


def _times() -> TimeArray:
    steps = np.arange(0.0, YEARS * YEAR_DAYS, _STEP_DAYS)
    times: TimeArray = from_iso(START) + np.round(steps * _DAY_S).astype(np.int64) * NS_PER_S
    return times


def _elapsed_s(times: TimeArray) -> FloatArray:
    elapsed: FloatArray = (times - from_iso(START)) / NS_PER_S
    return elapsed


def _mean_longitudes_rad(times: TimeArray) -> FloatArray:
    """Return the Sun's mean longitude (Astronomical Almanac, section C)."""
    days = (times - from_iso("2000-01-01T12:00:00Z")) / NS_PER_S / _DAY_S
    longitude: FloatArray = np.radians(280.460 + 0.9856474 * days)
    return longitude


def _even_suns(times: TimeArray) -> TemeTrack:
    """Return a Sun that goes round the ecliptic evenly at 1 AU."""
    longitude = _mean_longitudes_rad(times)
    x, north = np.cos(longitude), np.sin(longitude)
    towards = np.stack([x, math.cos(_OBLIQUITY_RAD) * north, math.sin(_OBLIQUITY_RAD) * north], axis=1)
    return TemeTrack(sun.AU_KM * towards)


STUDY = Study(
    name="eclipse-table",
    title="eclipses of low orbits beside the research note's table (gate G1)",
    seeds=(0,),
    leaves_out="the Earth's flattening, the atmosphere, motion of the orbit but its node's; nothing is drawn by seed.",
    measure=measure,
)
