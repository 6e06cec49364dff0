"""The Earth's shadow as two cones: umbra, where the Sun is hidden, and penumbra, where part of it is.

The Earth is a sphere of its equatorial radius, or with a flattening an ellipsoid: then space is stretched along the
axis by 1/(1 - flattening), which makes the ellipsoid that sphere and leaves straight lines, and so tangents, straight.
The Sun, stretched too, stays a sphere in the sums: 0.02 s of edge at most. Margins are then of the stretched space.

Sources: Montenbruck & Gill, Satellite Orbits, section 3.4.2 (shadow function from two overlapping discs); cone radii
from similar triangles between two spheres; Vallado, Fundamentals of Astrodynamics, section 5.3 (the stretched axis).
"""

import math
from dataclasses import dataclass

import numpy as np

from astro.frames import FloatArray, Teme, TemeTrack, Vector, expect
from astro.sun import SUN_RADIUS_KM

EARTH_RADIUS_KM = 6378.1366  # equatorial, IERS Conventions 2010
EARTH_FLATTENING = 1.0 / 298.25642  # IERS Conventions 2010, for whoever wants the oblate Earth

# Over the distance to the Sun these are the sines of the cones' half angles; the penumbra opens away from the Sun.
# Across the axis a cone that touches the sphere is wider than it by 1 / cosine, 70 m: up to 0.1 s of an eclipse's edge.
UMBRA_SPREAD_KM = SUN_RADIUS_KM - EARTH_RADIUS_KM
PENUMBRA_SPREAD_KM = -(SUN_RADIUS_KM + EARTH_RADIUS_KM)

# Mean visible fraction over the earlier and the later half of an occultation by a straight edge, which the Earth's limb
# is, very nearly, before a Sun half a degree wide. Integral of the circular segment's area.
PENUMBRA_LIGHT_HALF_FRAC = 0.7877930
PENUMBRA_DARK_HALF_FRAC = 1.0 - PENUMBRA_LIGHT_HALF_FRAC


def margin_km(position: Teme, sun: Teme, umbra: bool, flattening: float = 0.0) -> float:
    """Return how far outside the shadow cone a point lies, km, negative inside; continuous everywhere.

    On the day side, where there is no cone, it is the height above the sphere, less 70 m. With EARTH_FLATTENING the
    edges of a low orbit's eclipse move by seconds, 2 to 5 s at 53 degrees.

    Raises:
        FrameError: satellite or Sun is not in TEME.
    """
    if type(position) is not Teme or type(sun) is not Teme:
        expect(Teme, position, sun)
    x, y, z = position
    sx, sy, sz = sun
    if flattening != 0.0:
        stretch = 1.0 / (1.0 - flattening)
        z, sz = z * stretch, sz * stretch
    distance = math.sqrt(sx * sx + sy * sy + sz * sz)
    along = (x * sx + y * sy + z * sz) / distance
    square = x * x + y * y + z * z
    taper = (UMBRA_SPREAD_KM if umbra else PENUMBRA_SPREAD_KM) / distance
    widening = 1.0 + 0.5 * taper * taper
    if along >= 0.0:
        return math.sqrt(square) - EARTH_RADIUS_KM * widening
    return math.sqrt(max(square - along * along, 0.0)) - (EARTH_RADIUS_KM + along * taper) * widening


def margins_km(position: TemeTrack, sun: TemeTrack, umbra: bool, flattening: float = 0.0) -> FloatArray:
    """Return `margin_km` of many points at once.

    Raises:
        FrameError: satellites or Suns are not in TEME.
    """
    return _outside_km(_seen(position, sun, flattening), UMBRA_SPREAD_KM if umbra else PENUMBRA_SPREAD_KM)


def both_margins_km(position: TemeTrack, sun: TemeTrack, flattening: float = 0.0) -> tuple[FloatArray, FloatArray]:
    """Return `margins_km` of the umbra and of the penumbra, for little more than the price of one.

    Raises:
        FrameError: satellites or Suns are not in TEME.
    """
    seen = _seen(position, sun, flattening)
    return _outside_km(seen, UMBRA_SPREAD_KM), _outside_km(seen, PENUMBRA_SPREAD_KM)


def sunlit_frac(position: Teme, sun: Teme, flattening: float = 0.0) -> float:
    """Return the visible fraction of the solar disc: 0.0 in umbra, 1.0 in full light.

    Args:
        position: satellite, outside the Earth.
        sun: Sun.
        flattening: of the Earth; 0.0 for a sphere.

    Raises:
        FrameError: satellite or Sun is not in TEME.
    """
    if margin_km(position, sun, False, flattening) >= 0.0:
        return 1.0
    if margin_km(position, sun, True, flattening) <= 0.0:
        return 0.0
    stretch = 1.0 / (1.0 - flattening)
    position, sun = position._replace(z_km=position.z_km * stretch), sun._replace(z_km=sun.z_km * stretch)
    to_sun = (sun[0] - position[0], sun[1] - position[1], sun[2] - position[2])
    range_sun, radius = _norm(to_sun), _norm(position)
    a = math.asin(SUN_RADIUS_KM / range_sun)
    b = math.asin(EARTH_RADIUS_KM / radius)
    dot = -(position[0] * to_sun[0] + position[1] * to_sun[1] + position[2] * to_sun[2])
    c = math.acos(max(-1.0, min(1.0, dot / (range_sun * radius))))
    if c >= a + b:
        return 1.0
    if c <= b - a:
        return 0.0
    x = (c * c + a * a - b * b) / (2.0 * c)
    y = math.sqrt(max(a * a - x * x, 0.0))
    hidden = a * a * math.acos(max(-1.0, min(1.0, x / a))) + b * b * math.acos(max(-1.0, min(1.0, (c - x) / b))) - c * y
    return max(0.0, min(1.0, 1.0 - hidden / (math.pi * a * a)))


@dataclass(frozen=True, slots=True)
class _Seen:
    """Points as the shadow's axis sees them, km: distance of the Sun, way towards it, way across, radius."""

    sun: FloatArray
    along: FloatArray
    across: FloatArray
    radius: FloatArray


def _seen(position: TemeTrack, sun: TemeTrack, flattening: float) -> _Seen:
    expect(TemeTrack, position, sun)
    points, suns = _stretched(position.km, flattening), _stretched(sun.km, flattening)
    distance = np.sqrt(np.einsum("ij,ij->i", suns, suns))
    along = np.einsum("ij,ij->i", points, suns) / distance
    square = np.einsum("ij,ij->i", points, points)
    return _Seen(distance, along, np.sqrt(np.maximum(square - along * along, 0.0)), np.sqrt(square))


def _outside_km(seen: _Seen, spread_km: float) -> FloatArray:
    taper = spread_km / seen.sun
    widening = 1.0 + 0.5 * taper * taper
    cone = (EARTH_RADIUS_KM + seen.along * taper) * widening
    day = seen.along >= 0.0
    result: FloatArray = np.where(day, seen.radius - EARTH_RADIUS_KM * widening, seen.across - cone)
    return result


def _stretched(km: FloatArray, flattening: float) -> FloatArray:
    return km if flattening == 0.0 else km * np.array([1.0, 1.0, 1.0 / (1.0 - flattening)])


def _norm(vector: Vector) -> float:
    return math.sqrt(vector[0] * vector[0] + vector[1] * vector[1] + vector[2] * vector[2])
