"""Who sees whom: satellite to satellite over the Earth's limb, and station to satellite above a mask."""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from astro.frames import BoolArray, FloatArray, Itrf, ItrfTrack, Point, Site, Teme, TemeTrack, Track, expect
from astro.shadow import EARTH_RADIUS_KM

LIGHT_KM_S = 299_792.458
ROWS_AT_ONCE = 128  # satellites whose products with all others are in hand, so that they stay in the cache
SINGLE_ROUNDING = 16.0 * 2.0**-24  # bound of the relative error of four products and their sum in float32, doubled


class Telescope(Protocol):
    """Anything with the limits of a laser terminal's sight, such as the lasers of a vehicle profile."""

    @property
    def range_km(self) -> float:
        """The longest link."""
        ...

    @property
    def graze_km(self) -> float:
        """The least height of the line over the sphere."""
        ...

    @property
    def elevation_min_deg(self) -> float:
        """The lowest line over the local horizontal that the mount reaches; all azimuths are free."""
        ...

    @property
    def elevation_max_deg(self) -> float:
        """The highest."""
        ...

    @property
    def sun_exclusion_deg(self) -> float:
        """Half angle around the Sun in which nothing can be received."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds the sight between two laser terminals, made ready for sums.

    Field of regard and Sun hold at both ends: light goes both ways.
    """

    range_max_km: float
    graze_km: float
    sin_elevation_min: float  # -1: down to the nadir
    sin_elevation_max: float  # 1: up to the zenith
    cos_sun_exclusion: float  # 1: the Sun does not matter


def limits(telescope: Telescope) -> Limits:
    """Return the limits of a class of terminals."""
    return Limits(
        telescope.range_km,
        telescope.graze_km,
        math.sin(math.radians(telescope.elevation_min_deg)),
        math.sin(math.radians(telescope.elevation_max_deg)),
        math.cos(math.radians(telescope.sun_exclusion_deg)),
    )


def range_km(a: Point, b: Point) -> float:
    """Return the distance between two points of one frame, km.

    Raises:
        FrameError: they are of two frames.
    """
    expect(type(a), b)
    return math.sqrt((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 + (a[2] - b[2]) ** 2)


def clearance_km(a: Point, b: Point) -> float:
    """Return the least height of the straight line between two points above the equatorial sphere, km.

    Raises:
        FrameError: they are of two frames.
    """
    expect(type(a), b)
    dx, dy, dz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    length2 = dx * dx + dy * dy + dz * dz
    along = 0.0 if length2 == 0.0 else -(a[0] * dx + a[1] * dy + a[2] * dz) / length2
    along = max(0.0, min(1.0, along))
    x, y, z = a[0] + along * dx, a[1] + along * dy, a[2] + along * dz
    return math.sqrt(x * x + y * y + z * z) - EARTH_RADIUS_KM


def clearances_km(a: Track, b: Track) -> FloatArray:
    """Return `clearance_km` of many pairs.

    Raises:
        FrameError: they are of two frames.
    """
    expect(type(a), b)
    d = b.km - a.km
    length2 = np.maximum(np.einsum("ij,ij->i", d, d), 1e-12)
    along = np.clip(-np.einsum("ij,ij->i", a.km, d) / length2, 0.0, 1.0)
    nearest = a.km + along[:, None] * d
    result: FloatArray = np.sqrt(np.einsum("ij,ij->i", nearest, nearest)) - EARTH_RADIUS_KM
    return result


def regard_km(a: Point, b: Point, sin_min: float, sin_max: float) -> tuple[float, float]:
    """Return how far inside the field of regard of `a` the line to `b` runs: over its lower edge, under its upper one.

    The margins are those of the sine of the elevation times the range: smooth in time and steep where two satellites
    pass each other closely, so that a search on a grid does not miss what happens between its points.

    Raises:
        FrameError: they are of two frames.
    """
    expect(type(a), b)
    dx, dy, dz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    up = (dx * a[0] + dy * a[1] + dz * a[2]) / math.sqrt(a[0] * a[0] + a[1] * a[1] + a[2] * a[2])
    length = math.sqrt(dx * dx + dy * dy + dz * dz)
    return up - sin_min * length, sin_max * length - up


def regards_km(a: Track, b: Track, sin_min: float, sin_max: float) -> tuple[FloatArray, FloatArray]:
    """Return `regard_km` of many pairs.

    Raises:
        FrameError: they are of two frames.
    """
    expect(type(a), b)
    d = b.km - a.km
    up = np.einsum("ij,ij->i", d, a.km) / np.sqrt(np.einsum("ij,ij->i", a.km, a.km))
    length = np.sqrt(np.einsum("ij,ij->i", d, d))
    return up - sin_min * length, sin_max * length - up


def off_sun_km(a: Teme, b: Teme, sun: Teme, cos_exclusion: float) -> float:
    """Return how far outside the cone around the Sun, seen from `a`, the line to `b` runs; times the range, as above.

    Raises:
        FrameError: one is not in TEME.
    """
    expect(Teme, a, b, sun)
    dx, dy, dz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    sx, sy, sz = sun[0] - a[0], sun[1] - a[1], sun[2] - a[2]
    along = (dx * sx + dy * sy + dz * sz) / math.sqrt(sx * sx + sy * sy + sz * sz)
    return cos_exclusion * math.sqrt(dx * dx + dy * dy + dz * dz) - along


def off_suns_km(a: TemeTrack, b: TemeTrack, sun: TemeTrack, cos_exclusion: float) -> FloatArray:
    """Return `off_sun_km` of many pairs.

    Raises:
        FrameError: one is not in TEME.
    """
    expect(TemeTrack, a, b, sun)
    d, s = b.km - a.km, sun.km - a.km
    along = np.einsum("ij,ij->i", d, s) / np.sqrt(np.einsum("ij,ij->i", s, s))
    result: FloatArray = cos_exclusion * np.sqrt(np.einsum("ij,ij->i", d, d)) - along
    return result


def in_sight(a: Point, b: Point, range_max_km: float, graze_km: float) -> bool:
    """Return whether two satellites see each other within the range and over the grazing height."""
    return range_km(a, b) <= range_max_km and clearance_km(a, b) >= graze_km


def sin_elevation(position: Itrf, site: Site) -> float:
    """Return the sine of the elevation at which a site sees an Earth-fixed point.

    Raises:
        FrameError: the point is not Earth-fixed.
    """
    expect(Itrf, position)
    x, y, z = site.position
    dx, dy, dz = position[0] - x, position[1] - y, position[2] - z
    length = math.sqrt(dx * dx + dy * dy + dz * dz)
    return (dx * site.up[0] + dy * site.up[1] + dz * site.up[2]) / length


def sin_elevations(positions: ItrfTrack, site: Site) -> FloatArray:
    """Return `sin_elevation` of many Earth-fixed points.

    Raises:
        FrameError: the points are not Earth-fixed.
    """
    expect(ItrfTrack, positions)
    d = positions.km - np.array(site.position)
    result: FloatArray = (d @ np.array(site.up)) / np.sqrt(np.einsum("ij,ij->i", d, d))
    return result


def visible_pairs(positions: TemeTrack, graze_km: float) -> BoolArray:
    """Return which satellites see each other over a grazing height, all pairs of one instant.

    Two points outside a sphere see each other over it when they are nearer than their two horizons together,
    d <= h1 + h2, which is r1 . r2 + h1 h2 >= R^2: one product of matrices with the horizon as fourth coordinate. It is
    taken in float32; pairs within its rounding of the limit are decided by `clearances_km` in float64.

    Args:
        positions: of all satellites, shape (n, 3), each above the grazing height.
        graze_km: least height of the line above the equatorial sphere.

    Returns:
        Shape (n, n), symmetric, False on the diagonal; what `clearances_km` gives for every pair.

    Raises:
        FrameError: the positions are not in TEME.
        ValueError: a satellite stands below the grazing height.
    """
    expect(TemeTrack, positions)
    radius = EARTH_RADIUS_KM + graze_km
    square = np.einsum("ij,ij->i", positions.km, positions.km)
    if not np.all(square > radius * radius):
        raise ValueError(f"satellite {int(np.argmin(square))} stands below the grazing height of {graze_km:g} km")
    points = np.empty((len(square), 4), dtype=np.float32)
    points[:, :3] = positions.km / radius
    points[:, 3] = np.sqrt(square / (radius * radius) - 1.0)
    slack = SINGLE_ROUNDING * float(2.0 * square.max() / (radius * radius) - 1.0)
    low, high = np.float32(1.0 - slack), np.float32(1.0 + slack)
    found = np.empty((len(square), len(square)), dtype=np.bool_)
    room = np.empty((ROWS_AT_ONCE, len(square)), dtype=np.float32)
    unsure = []
    for first in range(0, len(square), ROWS_AT_ONCE):
        rows = points[first : first + ROWS_AT_ONCE]
        product = np.matmul(rows, points.T, out=room[: len(rows)])
        sure = np.greater_equal(product, high, out=found[first : first + len(rows)])
        near = np.flatnonzero(sure != (product >= low))
        unsure.append(near + first * len(square))
    a, b = np.divmod(np.concatenate(unsure), len(square))
    a, b = np.minimum(a, b), np.maximum(a, b)
    found[a, b] = clearances_km(TemeTrack(positions.km[a]), TemeTrack(positions.km[b])) >= graze_km
    found[b, a] = found[a, b]
    np.fill_diagonal(found, val=False)
    return found
