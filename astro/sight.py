"""Who sees whom: satellite to satellite over the Earth's limb, and station to satellite above a mask."""

import math

import numpy as np

from astro.frames import FloatArray, Itrf, ItrfTrack, Point, Site, Track, expect
from astro.shadow import EARTH_RADIUS_KM

LIGHT_KM_S = 299_792.458


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
