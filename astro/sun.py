"""Where the Sun is: the Astronomical Almanac's low-precision formula, in the true equator and equinox of date.

Good to 0.01 degrees between 1950 and 2050, which moves an eclipse edge by less than 0.1 s. Being of date it stands
beside TEME positions as it is, and is of that type; beside J2000 vectors it would be wrong by seconds.
Source: The Astronomical Almanac, section C, "Low precision formulas for the Sun".
"""

import math

import numpy as np

from astro.frames import Teme, TemeTrack, TimeArray
from icd.timebase import NS_PER_S, MissionTime

AU_KM = 149_597_870.7  # IAU 2012 resolution B2
SUN_RADIUS_KM = 695_700.0  # IAU 2015 resolution B3

_DAY_NS = 86_400 * NS_PER_S
_J2000_TAI_NS = (10_957 * 86_400 + 43_200) * NS_PER_S - 32_184_000_000  # 2000-01-01T12:00 TT on the TAI scale


def position(at: MissionTime) -> Teme:
    """Return where the Sun is at one instant."""
    n = (at - _J2000_TAI_NS) / _DAY_NS
    g = math.radians(357.528 + 0.9856003 * n)
    longitude = math.radians(280.460 + 0.9856474 * n + 1.915 * math.sin(g) + 0.020 * math.sin(2.0 * g))
    obliquity = math.radians(23.439 - 0.0000004 * n)
    distance = AU_KM * (1.00014 - 0.01671 * math.cos(g) - 0.00014 * math.cos(2.0 * g))
    y = distance * math.sin(longitude)
    return Teme(distance * math.cos(longitude), y * math.cos(obliquity), y * math.sin(obliquity))


def positions(times: TimeArray) -> TemeTrack:
    """Return where the Sun is at many instants."""
    n = (times - _J2000_TAI_NS) / _DAY_NS
    g = np.radians(357.528 + 0.9856003 * n)
    longitude = np.radians(280.460 + 0.9856474 * n + 1.915 * np.sin(g) + 0.020 * np.sin(2.0 * g))
    obliquity = np.radians(23.439 - 0.0000004 * n)
    distance = AU_KM * (1.00014 - 0.01671 * np.cos(g) - 0.00014 * np.cos(2.0 * g))
    y = distance * np.sin(longitude)
    x, z = distance * np.cos(longitude), y * np.sin(obliquity)
    return TemeTrack(np.stack([x, y * np.cos(obliquity), z], axis=1))


def distance_au(at: MissionTime) -> float:
    """Return the distance to the Sun in astronomical units."""
    g = math.radians(357.528 + 0.9856003 * (at - _J2000_TAI_NS) / _DAY_NS)
    return 1.00014 - 0.01671 * math.cos(g) - 0.00014 * math.cos(2.0 * g)
