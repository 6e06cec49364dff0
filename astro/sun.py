"""Where the Sun is: the largest terms of VSOP87's theory of the Earth, seen from here, beside TEME positions.

Within 3 arc seconds of JPL's DE421 from 2020 to 2035, light time and aberration included: an eclipse edge moves by some
hundredths of a second. The Almanac's low-precision formula, off by up to 39 arc seconds, would move it by 0.2 s.

The sum is made at whole hours of mission time and drawn straight between them (0.02 arc seconds), so that every program
that asks gets the same numbers, and mostly for the price of a look into a table.
Sources: Bretagnon & Francou, VSOP87 (1988), mean equinox of date, the terms as in Meeus, Astronomical Algorithms,
appendix III; aberration, and nutation to half an arc second: Meeus, chapters 22 and 25.
"""

import math
from functools import lru_cache

import numpy as np

from astro.frames import Teme, TemeTrack, TimeArray
from icd.timebase import NS_PER_S, MissionTime

AU_KM = 149_597_870.7  # IAU 2012 resolution B2
SUN_RADIUS_KM = 695_700.0  # IAU 2015 resolution B3

KNOT_S = 3_600
KNOTS_MAX = 20_000  # kept: more than two years of hours

_KNOT_NS = KNOT_S * NS_PER_S
_MILLENNIUM_NS = 365_250 * 86_400 * NS_PER_S
_J2000_TAI_NS = (10_957 * 86_400 + 43_200) * NS_PER_S - 32_184_000_000  # 2000-01-01T12:00 TT on the TAI scale
_ARCSEC = math.pi / 648_000.0

# Amplitude (1e-8 rad or 1e-8 AU), phase (rad), rate (rad per millennium): VSOP87's L0, L1, B0, R0 and R1.
_Terms = tuple[tuple[float, float, float], ...]
_LONGITUDE: _Terms = (
    (3_341_656.0, 4.6692568, 6283.0758500),
    (34_894.0, 4.62610, 12566.15170),
    (3_497.0, 2.7441, 5753.3849),
    (3_418.0, 2.8289, 3.5231),
    (3_136.0, 3.6277, 77713.7715),
    (2_676.0, 4.4181, 7860.4194),
    (2_343.0, 6.1352, 3930.2097),
    (1_324.0, 0.7425, 11506.7698),
    (1_273.0, 2.0371, 529.6910),
    (1_199.0, 1.1096, 1577.3435),
    (990.0, 5.233, 5884.927),
    (902.0, 2.045, 26.298),
    (857.0, 3.508, 398.149),
    (780.0, 1.179, 5223.694),
    (753.0, 2.533, 5507.553),
    (505.0, 4.583, 18849.228),
    (492.0, 4.205, 775.523),
    (357.0, 2.920, 0.067),
    (317.0, 5.849, 11790.629),
    (284.0, 1.899, 796.298),
    (271.0, 0.315, 10977.079),
    (206.0, 4.806, 2544.314),
    (205.0, 1.869, 5573.143),
    (202.0, 2.458, 6069.777),
    (156.0, 0.833, 213.299),
    (126.0, 1.083, 20.775),
)
_LONGITUDE_RATE: _Terms = ((206_059.0, 2.678235, 6283.075850), (4_303.0, 2.6351, 12566.1517))
_LATITUDE: _Terms = ((280.0, 3.199, 84334.662), (102.0, 5.422, 5507.553))
_DISTANCE: _Terms = (
    (1_670_700.0, 3.0984635, 6283.0758500),
    (13_956.0, 3.05525, 12566.15170),
    (3_084.0, 5.1985, 77713.7715),
    (1_628.0, 1.1739, 5753.3849),
    (1_576.0, 2.8469, 7860.4194),
)
_DISTANCE_RATE: _Terms = ((103_019.0, 1.107490, 6283.075850),)


def position(at: MissionTime) -> Teme:
    """Return where the Sun is at one instant."""
    index, into_ns = divmod(at, _KNOT_NS)
    ax, ay, az, dx, dy, dz = _hour(index)
    s = into_ns / _KNOT_NS
    return tuple.__new__(Teme, (ax + s * dx, ay + s * dy, az + s * dz))  # quicker than Teme(...)


def positions(times: TimeArray) -> TemeTrack:
    """Return where the Sun is at many instants, in any order."""
    if times.size == 0:
        return TemeTrack(np.empty((0, 3)))
    index, into_ns = np.divmod(times, _KNOT_NS)
    first, last = int(index.min()), int(index.max())
    if last - first <= index.size:
        hours = np.arange(first, last + 2)
        left = index - first
    else:
        hours = np.unique(np.concatenate([index, index + 1]))
        left = np.searchsorted(hours, index)
    knots = np.array([_knot(hour) for hour in hours.tolist()])
    a = knots[left]
    return TemeTrack(a + (into_ns / _KNOT_NS)[:, None] * (knots[left + 1] - a))


def distance_au(at: MissionTime) -> float:
    """Return the distance to the Sun in astronomical units."""
    x, y, z = position(at)
    return math.sqrt(x * x + y * y + z * z) / AU_KM


@lru_cache(maxsize=KNOTS_MAX)
def _hour(hour: int) -> tuple[float, float, float, float, float, float]:
    """Return where the Sun is at a whole hour and how far it goes in it, km."""
    (ax, ay, az), (bx, by, bz) = _knot(hour), _knot(hour + 1)
    return ax, ay, az, bx - ax, by - ay, bz - az


@lru_cache(maxsize=KNOTS_MAX)
def _knot(hour: int) -> tuple[float, float, float]:
    """Return the apparent place of the Sun at a whole hour, km, TEME.

    The Earth's place turned round is the Sun's; nutation turns it to the true equator and equinox of date, and the
    equation of the equinoxes back to TEME's mean equinox.
    """
    t = (hour * _KNOT_NS - _J2000_TAI_NS) / _MILLENNIUM_NS
    distance_au = 1.00013989 + _sum(_DISTANCE, t) + t * _sum(_DISTANCE_RATE, t)
    longitude = 1.75347046 + 6283.31966747 * t + 0.00052919 * t * t + _sum(_LONGITUDE, t) + t * _sum(_LONGITUDE_RATE, t)
    longitude += math.pi - (0.0903 + 20.4898 / distance_au) * _ARCSEC  # FK5, aberration
    node, mean = 2.1824391 - 337.571046 * t, 4.8950632 + 6283.3196675 * t  # of the Moon's orbit; of the Sun
    moon = 3.8103444 + 83_997.0911 * t
    in_longitude = -17.20 * math.sin(node) - 1.32 * math.sin(2.0 * mean) - 0.23 * math.sin(2.0 * moon)
    in_longitude = (in_longitude + 0.21 * math.sin(2.0 * node)) * _ARCSEC
    in_obliquity = 9.20 * math.cos(node) + 0.57 * math.cos(2.0 * mean) + 0.10 * math.cos(2.0 * moon)
    in_obliquity = (in_obliquity - 0.09 * math.cos(2.0 * node)) * _ARCSEC
    obliquity = (84_381.448 - 468.15 * t) * _ARCSEC + in_obliquity
    equinoxes = in_longitude * math.cos(obliquity)
    latitude = -_sum(_LATITUDE, t)
    x, across = math.cos(longitude + in_longitude), math.sin(longitude + in_longitude)
    y = across * math.cos(obliquity) - latitude * math.sin(obliquity)
    z = across * math.sin(obliquity) + latitude * math.cos(obliquity)
    c, s, scale = math.cos(equinoxes), math.sin(equinoxes), distance_au * AU_KM
    return scale * (c * x + s * y), scale * (c * y - s * x), scale * z


def _sum(terms: _Terms, t: float) -> float:
    return 1e-8 * sum(amplitude * math.cos(phase + rate * t) for amplitude, phase, rate in terms)
