"""Who sees whom: satellite to satellite over the Earth's limb, and station to satellite above a mask."""

import math

import numpy as np

from astro.frames import Site
from astro.orbit import FloatArray, Vector
from astro.shadow import EARTH_RADIUS_KM

LIGHT_KM_S = 299_792.458


def range_km(a: Vector, b: Vector) -> float:
    """Return the distance between two points, km."""
    return math.sqrt((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 + (a[2] - b[2]) ** 2)


def clearance_km(a: Vector, b: Vector) -> float:
    """Return the least height of the straight line between two points above the equatorial sphere, km."""
    dx, dy, dz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    length2 = dx * dx + dy * dy + dz * dz
    along = 0.0 if length2 == 0.0 else -(a[0] * dx + a[1] * dy + a[2] * dz) / length2
    along = max(0.0, min(1.0, along))
    x, y, z = a[0] + along * dx, a[1] + along * dy, a[2] + along * dz
    return math.sqrt(x * x + y * y + z * z) - EARTH_RADIUS_KM


def clearances_km(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return `clearance_km` of many pairs; both arguments of shape (n, 3)."""
    d = b - a
    length2 = np.maximum(np.einsum("ij,ij->i", d, d), 1e-12)
    along = np.clip(-np.einsum("ij,ij->i", a, d) / length2, 0.0, 1.0)
    nearest = a + along[:, None] * d
    result: FloatArray = np.sqrt(np.einsum("ij,ij->i", nearest, nearest)) - EARTH_RADIUS_KM
    return result


def in_sight(a: Vector, b: Vector, range_max_km: float, graze_km: float) -> bool:
    """Return whether two satellites see each other within the range and over the grazing height."""
    return range_km(a, b) <= range_max_km and clearance_km(a, b) >= graze_km


def sin_elevation(itrf: Vector, site: Site) -> float:
    """Return the sine of the elevation at which a site sees an Earth-fixed position."""
    dx, dy, dz = (itrf[0] - site.position_km[0], itrf[1] - site.position_km[1], itrf[2] - site.position_km[2])
    length = math.sqrt(dx * dx + dy * dy + dz * dz)
    return (dx * site.up[0] + dy * site.up[1] + dz * site.up[2]) / length


def sin_elevations(itrf: FloatArray, site: Site) -> FloatArray:
    """Return `sin_elevation` of many Earth-fixed positions, shape (n, 3)."""
    d = itrf - np.array(site.position_km)
    result: FloatArray = (d @ np.array(site.up)) / np.sqrt(np.einsum("ij,ij->i", d, d))
    return result
