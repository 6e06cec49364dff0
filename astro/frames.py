"""From the sky to the ground: TEME to ITRF by sidereal time, and geodetic coordinates on the WGS-84 ellipsoid.

UT1 is taken as UTC (at most 0.9 s, 0.4 km on the ground) and polar motion as zero (10 m): both far below the sharpness
of an elevation mask. Sources: IAU 1982 GMST as in Vallado, Fundamentals of Astrodynamics, algorithm 15; NIMA TR8350.2.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from astro.orbit import FloatArray, TimeArray, Vector
from icd.timebase import NS_PER_S, TAI_MINUS_UTC_S, MissionTime

WGS84_A_KM = 6378.137
WGS84_E2 = 6.69437999014e-3

_DAY_NS = 86_400 * NS_PER_S
_J2000_UTC_NS = (10_957 * 86_400 + 43_200 + TAI_MINUS_UTC_S) * NS_PER_S  # 2000-01-01T12:00 of present-day UTC
_CENTURY_DAYS = 36_525.0
_TURN = 2.0 * math.pi


class Place(Protocol):
    """Anything with geodetic coordinates and an elevation mask, such as a station of the mission."""

    @property
    def latitude_deg(self) -> float:
        """Geodetic latitude, north positive."""
        ...

    @property
    def longitude_deg(self) -> float:
        """Longitude, east positive."""
        ...

    @property
    def altitude_km(self) -> float:
        """Height above the ellipsoid."""
        ...

    @property
    def mask_deg(self) -> float:
        """Lowest usable elevation."""
        ...


@dataclass(frozen=True, slots=True)
class Site:
    """A place on the ground made ready for sums: position and local vertical in ITRF, and the mask's sine."""

    position_km: Vector
    up: Vector
    sin_mask: float


def site(place: Place) -> Site:
    """Return the site of a place."""
    latitude, longitude = math.radians(place.latitude_deg), math.radians(place.longitude_deg)
    up = (math.cos(latitude) * math.cos(longitude), math.cos(latitude) * math.sin(longitude), math.sin(latitude))
    normal = WGS84_A_KM / math.sqrt(1.0 - WGS84_E2 * math.sin(latitude) ** 2)
    across = normal + place.altitude_km
    position = (across * up[0], across * up[1], (normal * (1.0 - WGS84_E2) + place.altitude_km) * up[2])
    return Site(position, up, math.sin(math.radians(place.mask_deg)))


def gmst_rad(at: MissionTime) -> float:
    """Return Greenwich mean sidereal time, rad, from 0 to a turn."""
    days = (at - _J2000_UTC_NS) / _DAY_NS
    t = days / _CENTURY_DAYS
    seconds = 67310.54841 + 8640184.812866 * t + 0.093104 * t * t - 6.2e-6 * t * t * t
    return (math.fmod(days, 1.0) * _TURN + seconds * (_TURN / 86_400.0)) % _TURN


def gmst_rads(times: TimeArray) -> FloatArray:
    """Return Greenwich mean sidereal time of many instants, rad."""
    days = (times - _J2000_UTC_NS) / _DAY_NS
    t = days / _CENTURY_DAYS
    seconds = 67310.54841 + 8640184.812866 * t + 0.093104 * t * t - 6.2e-6 * t * t * t
    result: FloatArray = (np.fmod(days, 1.0) * _TURN + seconds * (_TURN / 86_400.0)) % _TURN
    return result


def teme_to_itrf(position: Vector, at: MissionTime) -> Vector:
    """Return an Earth-fixed position from a TEME one, km."""
    angle = gmst_rad(at)
    c, s = math.cos(angle), math.sin(angle)
    return c * position[0] + s * position[1], c * position[1] - s * position[0], position[2]


def teme_to_itrf_many(positions: FloatArray, times: TimeArray) -> FloatArray:
    """Return Earth-fixed positions from TEME ones, shape (n, 3), km."""
    angle = gmst_rads(times)
    c, s = np.cos(angle), np.sin(angle)
    x, y = positions[:, 0], positions[:, 1]
    return np.stack([c * x + s * y, c * y - s * x, positions[:, 2]], axis=1)


def geodetic(itrf: Vector) -> tuple[float, float, float]:
    """Return latitude (rad), longitude (rad, -pi to pi) and height (km) of an Earth-fixed position.

    Fixed-point iteration of the latitude; below a micrometre after seven rounds anywhere outside the Earth's core.
    """
    x, y, z = itrf
    across = math.hypot(x, y)
    latitude = math.atan2(z, across * (1.0 - WGS84_E2))
    normal = WGS84_A_KM
    for _ in range(7):
        normal = WGS84_A_KM / math.sqrt(1.0 - WGS84_E2 * math.sin(latitude) ** 2)
        latitude = math.atan2(z + WGS84_E2 * normal * math.sin(latitude), across)
    height = across * math.cos(latitude) + z * math.sin(latitude) - WGS84_A_KM**2 / normal
    return latitude, math.atan2(y, x), height
