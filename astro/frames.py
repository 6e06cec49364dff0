"""Where a point is, with its frame in its type: TEME in the sky, ITRF on the turning Earth, geodetic on WGS-84.

A point of one frame given where another is wanted does not pass the type checker, and raises FrameError at the first
call: a satellite in TEME beside a Sun of J2000 is wrong by seconds of eclipse, and looks right.

UT1 is taken as UTC (at most 0.9 s, 0.4 km on the ground) and polar motion as zero (10 m): both far below the sharpness
of an elevation mask. Sources: IAU 1982 GMST as in Vallado, Fundamentals of Astrodynamics, algorithm 15; NIMA TR8350.2.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from icd.timebase import NS_PER_S, TAI_MINUS_UTC_S, MissionTime

WGS84_A_KM = 6378.137
WGS84_E2 = 6.69437999014e-3
_B_KM = WGS84_A_KM * math.sqrt(1.0 - WGS84_E2)  # polar radius
_SECOND_E2_B_KM = WGS84_E2 / (1.0 - WGS84_E2) * _B_KM
_SECOND_E2_B2_KM2 = _SECOND_E2_B_KM * _B_KM
_E2_A_KM = WGS84_E2 * WGS84_A_KM

_DAY_NS = 86_400 * NS_PER_S
_J2000_UTC_NS = (10_957 * 86_400 + 43_200 + TAI_MINUS_UTC_S) * NS_PER_S  # 2000-01-01T12:00 of present-day UTC
_CENTURY_DAYS = 36_525.0
_TURN = 2.0 * math.pi

FloatArray = NDArray[np.float64]
TimeArray = NDArray[np.int64]
IndexArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
Vector = tuple[float, float, float]  # a direction or a difference, in the frame of what it came from


class FrameError(TypeError):
    """A point was given in another frame than the one that is wanted."""


class Teme(NamedTuple):
    """A geocentric point in the true equator and mean equinox of date, the frame of SGP4, km."""

    x_km: float
    y_km: float
    z_km: float


class Itrf(NamedTuple):
    """A geocentric point in the frame that turns with the Earth, km."""

    x_km: float
    y_km: float
    z_km: float


class TemeRate(NamedTuple):
    """A velocity in TEME, km/s."""

    x_km_s: float
    y_km_s: float
    z_km_s: float


class Geodetic(NamedTuple):
    """A place on or above the WGS-84 ellipsoid; longitude from -pi to pi, east positive."""

    latitude_rad: float
    longitude_rad: float
    height_km: float


@dataclass(frozen=True, slots=True)
class TemeTrack:
    """Many points in TEME, shape (n, 3), km."""

    km: FloatArray


@dataclass(frozen=True, slots=True)
class ItrfTrack:
    """Many points in ITRF, shape (n, 3), km."""

    km: FloatArray


Point = TypeVar("Point", Teme, Itrf)  # two points of one frame
Track = TypeVar("Track", TemeTrack, ItrfTrack)


def expect(frame: type, *given: object) -> None:
    """Hold that every one of the points given is of a frame.

    Raises:
        FrameError: one is of another.
    """
    for one in given:
        if type(one) is not frame:
            raise FrameError(f"a {frame.__name__} is wanted here, not a {type(one).__name__}")


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

    position: Itrf
    up: Vector  # unit vector, ITRF
    sin_mask: float


def site(place: Place) -> Site:
    """Return the site of a place."""
    latitude, longitude = math.radians(place.latitude_deg), math.radians(place.longitude_deg)
    up = (math.cos(latitude) * math.cos(longitude), math.cos(latitude) * math.sin(longitude), math.sin(latitude))
    normal = WGS84_A_KM / math.sqrt(1.0 - WGS84_E2 * math.sin(latitude) ** 2)
    across = normal + place.altitude_km
    position = Itrf(across * up[0], across * up[1], (normal * (1.0 - WGS84_E2) + place.altitude_km) * up[2])
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


def teme_to_itrf(position: Teme, at: MissionTime) -> Itrf:
    """Return the Earth-fixed point of one in TEME.

    Raises:
        FrameError: it is of another frame.
    """
    if type(position) is not Teme:
        expect(Teme, position)
    angle = gmst_rad(at)
    c, s = math.cos(angle), math.sin(angle)
    x, y, z = position
    return tuple.__new__(Itrf, (c * x + s * y, c * y - s * x, z))  # quicker than Itrf(...)


def teme_to_itrf_many(positions: TemeTrack, times: TimeArray) -> ItrfTrack:
    """Return the Earth-fixed points of many in TEME, each at its time.

    Raises:
        FrameError: they are of another frame.
    """
    expect(TemeTrack, positions)
    angle = gmst_rads(times)
    c, s = np.cos(angle), np.sin(angle)
    x, y, z = positions.km.T
    return ItrfTrack(np.stack([c * x + s * y, c * y - s * x, z], axis=1))


def geodetic(position: Itrf) -> Geodetic:
    """Return the geodetic coordinates of an Earth-fixed point other than the Earth's centre.

    Raises:
        FrameError: the point is not Earth-fixed.
    """
    expect(Itrf, position)
    x, y, z = position
    across = math.hypot(x, y)
    latitude = _latitude_rad(across, z)
    sine = math.sin(latitude)
    height = across * math.cos(latitude) + z * sine - WGS84_A_KM * math.sqrt(1.0 - WGS84_E2 * sine * sine)
    return Geodetic(latitude, math.atan2(y, x), height)


def geodetic_many(positions: ItrfTrack) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return latitudes (rad), longitudes (rad, -pi to pi) and heights (km) of Earth-fixed points, as `geodetic`.

    Raises:
        FrameError: the points are not Earth-fixed.
    """
    expect(ItrfTrack, positions)
    x, y, z = positions.km.T
    across = np.hypot(x, y)
    latitude = _latitudes_rad(across, z)
    sine = np.sin(latitude)
    height = across * np.cos(latitude) + z * sine - WGS84_A_KM * np.sqrt(1.0 - WGS84_E2 * sine * sine)
    return latitude, np.arctan2(y, x), height


def below(position: Teme, at: MissionTime) -> tuple[float, float]:
    """Return geodetic latitude and east longitude below a point in TEME, rad; the longitude from -3 pi to pi.

    Raises:
        FrameError: it is of another frame.
    """
    if type(position) is not Teme:
        expect(Teme, position)
    x, y, z = position
    return _latitude_rad(math.sqrt(x * x + y * y), z), math.atan2(y, x) - gmst_rad(at)


def below_many(positions: TemeTrack, times: TimeArray) -> tuple[FloatArray, FloatArray]:
    """Return latitudes and longitudes below many points in TEME, each at its time, as `below`.

    Raises:
        FrameError: they are of another frame.
    """
    expect(TemeTrack, positions)
    x, y, z = positions.km.T
    return _latitudes_rad(np.sqrt(x * x + y * y), z), np.arctan2(y, x) - gmst_rads(times)


def _latitude_rad(across: float, z: float) -> float:
    """Return the geodetic latitude of a point from its distances to the axis and the equator's plane, km.

    Bowring's closed formula, from a first guess that knows the height (2 micrometres off at the surface), and one round
    of fixed-point iteration: 10 nanometres. Source: Bowring, Survey Review 28 (1985), 202-206.
    """
    sine = z * (_B_KM + _SECOND_E2_B2_KM2 / math.sqrt(across * across + z * z))
    cosine = across * WGS84_A_KM
    scale = math.sqrt(sine * sine + cosine * cosine)
    sine, cosine = sine / scale, cosine / scale
    north = z + _SECOND_E2_B_KM * (sine * sine * sine)
    out = across - _E2_A_KM * (cosine * cosine * cosine)
    sine = north / math.sqrt(north * north + out * out)
    return math.atan2(z + _E2_A_KM * sine / math.sqrt(1.0 - WGS84_E2 * sine * sine), across)


def _latitudes_rad(across: FloatArray, z: FloatArray) -> FloatArray:
    sine = z * (_B_KM + _SECOND_E2_B2_KM2 / np.sqrt(across * across + z * z))
    cosine = across * WGS84_A_KM
    scale = np.sqrt(sine * sine + cosine * cosine)
    sine, cosine = sine / scale, cosine / scale
    north = z + _SECOND_E2_B_KM * (sine * sine * sine)
    out = across - _E2_A_KM * (cosine * cosine * cosine)
    sine = north / np.sqrt(north * north + out * out)
    result: FloatArray = np.arctan2(z + _E2_A_KM * sine / np.sqrt(1.0 - WGS84_E2 * sine * sine), across)
    return result
