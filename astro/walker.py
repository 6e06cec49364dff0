"""Constellations made up: Walker shells and dawn-dusk planes, as element sets that SGP4 and missions take.

Altitude is the mean semi-major axis less the equatorial radius. The orbits are circular and without drag (no B* term:
nobody has measured one). Lines round every angle to 0.0001 degrees and the epoch to 0.9 ms, 15 m in low orbit.

Sources: Walker, "Satellite constellations", J. Brit. Interplanet. Soc. 37 (1984): pattern i:T/P/F, whose satellites in
neighbouring planes are F x 360/T degrees apart; Vallado, Fundamentals of Astrodynamics, section 11.4
(sun-synchronous orbits); The Astronomical Almanac, section C (mean longitude of the Sun).
"""

import math
from dataclasses import dataclass
from enum import StrEnum, unique

import numpy as np
from sgp4.api import WGS72, Satrec

from astro import elements, seasons
from astro.elements import Satellite
from icd.timebase import NS_PER_S, TAI_MINUS_UTC_S, MissionTime, to_utc

ALTITUDE_KM_MIN, ALTITUDE_KM_MAX = 160.0, 36_000.0
SATELLITES_MAX = 100_000
FIRST_NUMBER = 90_001  # catalogue numbers of what never flew begin here; above 99,999 they are written in Alpha-5
SEPARATION_KM_MIN = 1.0  # satellites that pass nearer than this meet: their lines are rounded, their orbits disturbed
PHASINGS_TRIED_MAX = 360  # when a better one is looked for

NODE_RATE_DEG_DAY = 360.0 / 365.2422  # once round in a tropical year, as the mean Sun

_DAY_NS = 86_400 * NS_PER_S
_DAYS_1949_TO_1970 = 7_306  # the epoch that SGP4 counts from is 31 December 1949
_J2000_TAI_NS = (10_957 * 86_400 + 43_200) * NS_PER_S - 32_184_000_000
_SOLVE_ROUNDS = 6  # each gains three digits


@unique
class Pattern(StrEnum):
    """How the planes of a shell spread: over all the equator, or over half of it."""

    DELTA = "delta"
    STAR = "star"


@dataclass(frozen=True, slots=True)
class Shell:
    """A Walker shell i:T/P/F, T being planes x per_plane; the first plane's node is at right ascension `node_deg`.

    Raises:
        ValueError: a number is impossible, or satellites of the pattern would meet.
    """

    planes: int
    per_plane: int
    phasing: int
    altitude_km: float
    inclination_deg: float
    pattern: Pattern = Pattern.DELTA
    node_deg: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot fly."""
        _within("planes", self.planes, 1, SATELLITES_MAX)
        _within("per plane", self.per_plane, 1, SATELLITES_MAX)
        _within("satellites", self.total, 1, SATELLITES_MAX)
        _within("phasing", self.phasing, 0, self.planes - 1)
        _within("altitude", self.altitude_km, ALTITUDE_KM_MIN, ALTITUDE_KM_MAX, " km")
        _within("inclination", self.inclination_deg, 0.0, 180.0, " degrees")
        _within("node", self.node_deg, 0.0, 360.0, " degrees")
        if self.separation_km < SEPARATION_KM_MIN:
            raise ValueError(
                f"pattern {self.inclination_deg:g}:{self.total}/{self.planes}/{self.phasing} lets satellites pass"
                f" within {self.separation_km:.3f} km of each other; at least {SEPARATION_KM_MIN:g} km is allowed:"
                f" {self._way_out()}"
            )

    @property
    def total(self) -> int:
        """Number of satellites, the T of the pattern."""
        return self.planes * self.per_plane

    @property
    def spread_deg(self) -> float:
        """Right ascension over which the planes are spread."""
        return 360.0 if self.pattern is Pattern.DELTA else 180.0

    @property
    def radius_km(self) -> float:
        """Mean semi-major axis."""
        return seasons.EARTH_RADIUS_KM + self.altitude_km

    @property
    def separation_km(self) -> float:
        """The least distance to which two satellites ever come, on undisturbed circular orbits.

        The Earth's flattening and pear shape shift satellites along their tracks by up to 20 km where planes cross: a
        distance of that size is a pattern that does not collide by design, and no promise.
        """
        return self._separation_km(self.phasing)

    def _separation_km(self, phasing: int) -> float:
        """Return the least distance of any two satellites with some phasing.

        Between planes inclined by an angle to each other, satellites whose phases, counted from the planes' common
        line, differ by d come as near as sin(s/2) = cos(angle/2) |sin(d/2)|. All planes are alike, so the first one
        stands for every other.
        """
        own = 2.0 * self.radius_km * math.sin(math.pi / self.per_plane) if self.per_plane > 1 else math.inf
        if self.planes == 1:
            return own
        plane = np.arange(1, self.planes)
        node = np.radians(self.spread_deg / self.planes) * plane
        tilt = math.radians(self.inclination_deg)
        ahead = 2.0 * np.arctan2(np.sin(node / 2.0) * math.cos(tilt), np.cos(node / 2.0))
        slot = math.tau / self.per_plane
        phase = (math.tau * phasing / self.total * plane + ahead) % slot
        phase = np.minimum(phase, slot - phase)
        half_angle_cos = np.sqrt(np.maximum(1.0 - (math.sin(tilt) * np.sin(node / 2.0)) ** 2, 0.0))
        return min(own, float((2.0 * self.radius_km * half_angle_cos * np.sin(phase / 2.0)).min()))

    def _way_out(self) -> str:
        """Return what would keep the satellites apart."""
        best = max(range(min(self.planes, PHASINGS_TRIED_MAX)), key=self._separation_km)
        apart_km = self._separation_km(best)
        if apart_km < SEPARATION_KM_MIN:
            return "choose another inclination or fewer satellites"
        return f"phasing {best} keeps them {apart_km:.1f} km apart"


def shell(
    of: Shell, epoch: MissionTime, name: str = "SHELL", first_number: int = FIRST_NUMBER
) -> tuple[Satellite, ...]:
    """Return the satellites of a shell, plane by plane, named NAME-plane-slot and numbered from `first_number`.

    Raises:
        ValueError: the epoch's year has no two digits, or the numbers do not fit element lines.
    """
    mean_motion = _mean_motion(of.radius_km, of.inclination_deg)
    wide_planes, wide_slots = len(str(of.planes)), len(str(of.per_plane))
    found: list[Satellite] = []
    for plane in range(of.planes):
        node_deg = of.node_deg + plane * of.spread_deg / of.planes
        for slot in range(of.per_plane):
            phase_deg = 360.0 * slot / of.per_plane + 360.0 * of.phasing * plane / of.total
            label = f"{name}-{plane + 1:0{wide_planes}d}-{slot + 1:0{wide_slots}d}"
            record = _record(first_number + len(found), epoch, (mean_motion, of.inclination_deg, node_deg, phase_deg))
            found.append(elements.from_record(label, first_number + len(found), record))
    return tuple(found)


def dawn_dusk(
    altitude_km: float,
    count: int,
    ltan_h: float,
    epoch: MissionTime,
    name: str = "DAWNDUSK",
    first_number: int = FIRST_NUMBER,
) -> tuple[Satellite, ...]:
    """Return equally spaced satellites of one sun-synchronous plane.

    Args:
        altitude_km: mean semi-major axis less the equatorial radius.
        count: number of satellites.
        ltan_h: mean local solar time of the ascending node, hours; 18 or 6 for a plane along the line of dawn.
        epoch: when the elements hold.
        name: what the satellites are called, NAME-slot.
        first_number: catalogue number of the first.

    Raises:
        ValueError: a number is impossible.
    """
    if not 0.0 <= ltan_h < 24.0:
        raise ValueError(f"local time of the ascending node {ltan_h:g} h is not from 0 up to 24 h")
    plane = Shell(1, count, 0, altitude_km, sun_synchronous_deg(altitude_km), node_deg=node_deg(ltan_h, epoch))
    wide = len(str(count))
    made = shell(plane, epoch, name, first_number)
    return tuple(
        Satellite(f"{name}-{slot + 1:0{wide}d}", one.number, one.line1, one.line2, one.epoch)
        for slot, one in enumerate(made)
    )


def sun_synchronous_deg(altitude_km: float) -> float:
    """Return the inclination at which a circular orbit's node turns with the mean Sun.

    The first-order rate under J2 gives it to 0.02 degrees; then it is mended until SGP4's own rate, which has terms of
    J2 squared and J4, closes: it is SGP4 that will fly it.

    Raises:
        ValueError: the altitude is out of bounds, or no inclination does it there.
    """
    _within("altitude", altitude_km, ALTITUDE_KM_MIN, ALTITUDE_KM_MAX, " km")
    radius_km = seasons.EARTH_RADIUS_KM + altitude_km
    wanted = math.radians(NODE_RATE_DEG_DAY) / 1440.0  # rad a minute
    cosine = -wanted / (60.0 * seasons.node_scale_rad_s(radius_km))
    for _ in range(_SOLVE_ROUNDS):
        if cosine < -1.0:
            raise ValueError(
                f"altitude {altitude_km:g} km is too high for a sun-synchronous orbit: even a retrograde"
                " equatorial one turns too slowly; about 5970 km is the most"
            )
        inclination_deg = math.degrees(math.acos(cosine))
        record = _record(0, MissionTime(0), (_mean_motion(radius_km, inclination_deg), inclination_deg, 0.0, 0.0))
        cosine *= wanted / record.nodedot
    return inclination_deg


def node_deg(ltan_h: float, at: MissionTime) -> float:
    """Return the right ascension of a node that the mean Sun leads or trails by a local time, degrees.

    The Sun is the fictitious mean one, whose right ascension is the mean longitude of the true one. The true Sun is up
    to 16 minutes of time, 4 degrees, from it (equation of time).
    """
    days = (at - _J2000_TAI_NS) / _DAY_NS
    return (280.460 + 0.9856474 * days + 15.0 * (ltan_h - 12.0)) % 360.0


def tle_text(satellites: tuple[Satellite, ...]) -> str:
    """Return satellites as a file of element lines, each with its name before it."""
    return "".join(f"{one.name}\n{one.line1}\n{one.line2}\n" for one in satellites)


def _mean_motion(radius_km: float, inclination_deg: float) -> float:
    """Return the mean motion to write into elements, rad a minute, so that SGP4's mean axis is the radius.

    Element sets hold Kozai's mean motion, SGP4 flies Brouwer's: they differ by a part in a thousand, 2 km of axis.
    """
    motion = 60.0 * math.sqrt(seasons.MU_KM3_S2 / radius_km**3)
    for _ in range(_SOLVE_ROUNDS):
        record = _record(0, MissionTime(0), (motion, inclination_deg, 0.0, 0.0))
        motion *= (record.a * record.radiusearthkm / radius_km) ** 1.5
    return motion


def _record(number: int, epoch: MissionTime, orbit: tuple[float, float, float, float]) -> Satrec:
    """Return the SGP4 record of a circular orbit: mean motion (rad a minute), inclination, node and phase (degrees)."""
    motion, inclination_deg, node, phase_deg = orbit
    if epoch and not 1957 <= to_utc(epoch).year <= 2056:
        raise ValueError(f"epoch of the year {to_utc(epoch).year}; allowed are 1957 to 2056, which two digits can say")
    days = (epoch - TAI_MINUS_UTC_S * NS_PER_S) / _DAY_NS + _DAYS_1949_TO_1970
    inclination, raan = math.radians(inclination_deg), math.radians(round(node, 6) % 360.0)
    record = Satrec()
    anomaly = math.radians(round(phase_deg, 6) % 360.0)
    record.sgp4init(WGS72, "i", number, days, 0.0, 0.0, 0.0, 0.0, 0.0, inclination, anomaly, motion, raan)
    record.classification, record.intldesg = "U", ""
    return record


def _within(what: str, value: float, low: float, high: float, unit: str = "") -> None:
    if not low <= value <= high:
        raise ValueError(f"{what} {value:g}{unit} is not from {low:g} to {high:g}{unit}")
