"""Flight dynamics beside skyfield and the JPL ephemeris DE421: passes, sunlit edges, shadow cones.

skyfield takes the same element sets through its own frames (GCRS by precession, nutation and the measured rotation of
the Earth) and the Sun from DE421, a numerical integration of the solar system. The cone here is written in angles seen
from the satellite, ours in distances from the shadow's axis.
"""

import importlib.resources
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from skyfield.api import EarthSatellite, load, load_file, wgs84

from astro import contacts, frames, shadow, sun, walker
from astro.contacts import Eclipse
from astro.frames import FloatArray, TimeArray
from astro.orbit import Ephemeris
from astro.walker import Shell
from experiments.figures import Row
from icd.timebase import NS_PER_S, MissionTime, after, from_iso, to_utc

PASS_EDGE_S_MAX = 0.5
SUNLIT_EDGE_S_MAX = 0.25
CONE_EDGE_S_MAX = 0.1
ECLIPSE_S_MIN = 600.0  # shorter ones graze the cone, where any Sun moves the edge by seconds
FIRST = from_iso("2024-01-05T00:00:00Z")

_DAY_S = 86_400.0
_YEARS = 5.0
_SUN_RADIUS_KM, _EARTH_RADIUS_KM = 695_700.0, 6378.1366
_REACH_NS = 3 * NS_PER_S  # an edge is looked for this far on both sides of ours
_JD_1970 = 2440587.5


@dataclass(frozen=True, slots=True)
class Spot:
    """A place on the ground with its elevation mask."""

    latitude_deg: float
    longitude_deg: float
    altitude_km: float
    mask_deg: float


SPOTS = (
    Spot(40.43, -4.25, 0.8, 10.0),
    Spot(-33.8, 151.2, 0.05, 5.0),
    Spot(64.9, -147.8, 0.14, 25.0),
    Spot(1.3, 103.8, 0.02, 10.0),
)


def passes(satellites: int = 4, days: float = 1.0) -> Row:
    """Return the worst difference of a pass's edge; a pass that only one of the two sees counts as a minute."""
    worst = 0.0
    for lines, spot in itertools.product(_orbits(satellites, FIRST), SPOTS):
        worst = max(worst, _pass_edges_apart_s(lines, spot, FIRST, after(FIRST, days * _DAY_S)))
    return Row("pass edges beside skyfield", worst, "s", at_most=PASS_EDGE_S_MAX, leaves_out=_FRAMES)


_FRAMES = "skyfield adds precession, nutation and the measured rotation of the Earth; ours takes UT1 as UTC"


def sunlit_edges(satellites: int = 4, days: float = 1.0) -> Row:
    """Return the worst difference between our half-way edge and the change of skyfield's `is_sunlit`.

    `is_sunlit` asks whether the Earth hides the Sun's centre, so our edge is where the two cones' margins cancel.
    """
    worst = 0.0
    for lines in _orbits(satellites, FIRST):
        ours = Ephemeris(*lines)

        def light(times: TimeArray, ours: Ephemeris = ours) -> FloatArray:
            place, light_source = ours.positions(times), sun.positions(times)
            margin: FloatArray = shadow.margins_km(place, light_source, umbra=True) + shadow.margins_km(
                place, light_source, umbra=False
            )
            return margin

        spans = contacts.positive_spans(
            lambda at, light=light: float(light(np.array([at], dtype=np.int64))[0]),  # type: ignore[misc]
            light,
            FIRST,
            after(FIRST, days * _DAY_S),
        )
        long = [span for span in spans[1:-1] if span.end - span.start > ECLIPSE_S_MIN * NS_PER_S]
        edges = np.array([at for span in long for at in (span.start, span.end)], dtype=np.int64)
        if not edges.size:
            continue
        theirs = _skyfield(lines)
        found = _change(lambda times, theirs=theirs: theirs.at(_time(times)).is_sunlit(_de421()), edges)  # type: ignore[misc]
        worst = max(worst, float(np.max(np.abs(found - edges))) / NS_PER_S)
    return Row("sunlit edges beside skyfield", worst, "s", at_most=SUNLIT_EDGE_S_MAX, leaves_out=_CENTRE)


_CENTRE = (
    "skyfield's is_sunlit takes the Sun without aberration, which is 0.09 s, and more where the orbit meets the cone "
    "aslant; eclipses below ten minutes are not counted"
)


def cone_edges(epochs: int = 40, days: float = 0.25) -> Row:
    """Return the worst difference of umbra and penumbra edges from cones with the Sun of DE421, over five years."""
    worst = 0.0
    for epoch in range(epochs):
        start = after(FIRST, epoch * _YEARS * 365.25 * _DAY_S / epochs)
        lines = _orbits(epoch + 1, start)[-1]
        found = contacts.eclipses(Ephemeris(*lines), start, after(start, days * _DAY_S))
        for umbra in (True, False):
            edges = _edges(found, umbra)
            if edges.size:
                worst = max(worst, _cone_apart_s(lines, edges, umbra))
    return Row("eclipse edges beside a DE421 cone", worst, "s", at_most=CONE_EDGE_S_MAX, leaves_out=_LOW_PRECISION)


_LOW_PRECISION = (
    "DE421 is an integration of the solar system, ours a formula; the Sun there is the apparent one, light time and "
    "aberration included; eclipses below ten minutes graze the cone and are not counted"
)


def _orbits(count: int, epoch: MissionTime) -> list[tuple[str, str]]:
    """Return circular orbits drawn by number, the same for any count."""
    rng = random.Random("orbits beside skyfield")
    drawn = []
    for _ in range(count):
        altitude_km, inclination_deg = rng.uniform(340.0, 820.0), rng.choice((53.0, 70.0, 97.6, 30.0))
        orbit = Shell(1, 1, 0, altitude_km, inclination_deg, node_deg=rng.uniform(0.0, 360.0))
        (one,) = walker.shell(orbit, epoch)
        drawn.append((one.line1, one.line2))
    return drawn


def _pass_edges_apart_s(lines: tuple[str, str], spot: Spot, start: MissionTime, end: MissionTime) -> float:
    ours = contacts.passes(Ephemeris(*lines), frames.site(spot), start, end)
    place = wgs84.latlon(spot.latitude_deg, spot.longitude_deg, 1000.0 * spot.altitude_km)
    scale = _timescale()
    begin, until = scale.from_datetime(to_utc(start)), scale.from_datetime(to_utc(end))
    times, events = _skyfield(lines).find_events(place, begin, until, spot.mask_deg)
    theirs = [_mission_ns(time) for time, event in zip(times, events, strict=True) if event != 1]
    mine = [at for span in ours for at in (span.start, span.end) if start < at < end]
    if len(theirs) != len(mine):
        return 60.0
    return max((abs(a - b) / NS_PER_S for a, b in zip(mine, theirs, strict=True)), default=0.0)


def _edges(found: tuple[Eclipse, ...], umbra: bool) -> TimeArray:
    long = [e for e in found if e.umbra_in and e.umbra_out and e.umbra_out - e.umbra_in > ECLIPSE_S_MIN * NS_PER_S]
    pairs = [(e.umbra_in, e.umbra_out) if umbra else (e.penumbra_in, e.penumbra_out) for e in long]
    return np.array([at for pair in pairs for at in pair], dtype=np.int64)


def _cone_apart_s(lines: tuple[str, str], edges: TimeArray, umbra: bool) -> float:
    satellite, bodies = _skyfield(lines), _de421()

    def outside(times: TimeArray) -> FloatArray:
        at = _time(times)
        place = satellite.at(at).position.km
        towards = bodies["earth"].at(at).observe(bodies["sun"]).apparent().position.km - place
        far, near = np.linalg.norm(towards, axis=0), np.linalg.norm(place, axis=0)
        disc, limb = np.arcsin(_SUN_RADIUS_KM / far), np.arcsin(_EARTH_RADIUS_KM / near)
        apart = np.arccos(-np.einsum("ij,ij->j", place, towards) / far / near)
        result: FloatArray = apart > (limb - disc if umbra else limb + disc)
        return result

    return float(np.max(np.abs(_change(outside, edges) - edges))) / NS_PER_S


def _change(told: Callable[[TimeArray], FloatArray], near: TimeArray) -> TimeArray:
    """Return when a yes-or-no changes, looked for around each of some instants, to a microsecond."""
    low, high = near - _REACH_NS, near + _REACH_NS
    first = told(low)
    if np.any(first == told(high)):
        raise ValueError("no change within three seconds of an edge of ours")
    for _ in range(23):
        middle = (low + high) // 2
        early = told(middle) == first
        low, high = np.where(early, middle, low), np.where(early, high, middle)
    return (low + high) // 2


@cache
def _timescale() -> Any:
    return load.timescale(builtin=True)


@cache
def _de421() -> Any:
    return load_file(str(importlib.resources.files("skyfield_data") / "data" / "de421.bsp"))


def _skyfield(lines: tuple[str, str]) -> Any:
    return EarthSatellite(*lines, "drawn", _timescale())


def _time(times: TimeArray) -> Any:
    days, rest = np.divmod(times, 86_400 * NS_PER_S)
    return _timescale().tai_jd(_JD_1970 + days, rest / (86_400.0 * NS_PER_S))


def _mission_ns(time: Any) -> int:
    at: int = round(((time.whole - _JD_1970) + time.tai_fraction) * 86_400.0 * NS_PER_S)
    return at
