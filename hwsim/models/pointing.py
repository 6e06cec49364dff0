"""Where a terminal points and how it gets there: directions, turns with limited rate and acceleration, point-ahead.

Directions are unit vectors in the satellite's own frame (`local`: forward, left, up); satellites keep facing the Earth,
so that a terminal at rest turns with its satellite. Turns run from rest to rest.
"""

import math

from astro.frames import Teme, TemeRate, Vector
from astro.sight import LIGHT_KM_S

FORWARD: Vector = (1.0, 0.0, 0.0)  # where terminals point when a mission begins

_SHORT_KM = 1e-6


def local(position: Teme, velocity: TemeRate, direction: Vector) -> Vector:
    """Return a direction (TEME) in the satellite's frame: forward, left, up."""
    up = _unit(position)
    left = _unit(_cross(up, velocity))
    return _dot(direction, _cross(left, up)), _dot(direction, left), _dot(direction, up)


def direction(origin: Teme, target: Teme) -> Vector:
    """Return the unit vector from one point to another (TEME)."""
    x, y, z = target[0] - origin[0], target[1] - origin[1], target[2] - origin[2]
    return _unit((x, y, z)) if x * x + y * y + z * z > _SHORT_KM**2 else FORWARD


def azimuth_elevation_deg(pointing: Vector) -> tuple[float, float]:
    """Return azimuth, from forward to the right, 0 to 360, and elevation over the horizontal, of a local direction."""
    forward, left, up = pointing
    return math.degrees(math.atan2(-left, forward)) % 360.0, math.degrees(math.asin(max(-1.0, min(1.0, up))))


def raised_between(aim: Vector, sin_min: float, sin_max: float) -> Vector:
    """Return a local direction, raised or lowered at its azimuth until it lies between two elevations."""
    forward, left, up = aim
    allowed = max(sin_min, min(sin_max, up))
    level = math.hypot(forward, left)
    if allowed == up:
        return aim
    if level == 0.0:
        return math.sqrt(1.0 - allowed * allowed), 0.0, allowed
    scale = math.sqrt(1.0 - allowed * allowed) / level
    return forward * scale, left * scale, allowed


def angle_rad(before: Vector, after: Vector) -> float:
    """Return the angle between two unit vectors."""
    return math.atan2(math.sqrt(sum(part * part for part in _cross(before, after))), _dot(before, after))


def slew_s(turn_rad: float, rate_rad_s: float, accel_rad_s2: float) -> float:
    """Return how long a turn takes, from rest to rest: a trapezoid of the rate, or a triangle when it is short."""
    if turn_rad * accel_rad_s2 <= rate_rad_s * rate_rad_s:
        return 2.0 * math.sqrt(turn_rad / accel_rad_s2)
    return turn_rad / rate_rad_s + rate_rad_s / accel_rad_s2


def slewed_rad(turn_rad: float, rate_rad_s: float, accel_rad_s2: float, at_s: float) -> float:
    """Return how far a turn has come some time after its start."""
    whole_s = slew_s(turn_rad, rate_rad_s, accel_rad_s2)
    if at_s > whole_s / 2.0:  # the second half is the first one backwards
        return turn_rad - slewed_rad(turn_rad, rate_rad_s, accel_rad_s2, max(0.0, whole_s - at_s))
    ramp_s = min(rate_rad_s / accel_rad_s2, at_s)
    return 0.5 * accel_rad_s2 * ramp_s * ramp_s + rate_rad_s * (at_s - ramp_s)


def turned(before: Vector, after: Vector, part_rad: float) -> Vector:
    """Return the direction reached after a part of the turn from one unit vector to another."""
    whole_rad = angle_rad(before, after)
    if part_rad >= whole_rad:
        return after
    # The direction in the plane of the turn, square to where it began; half a turn round goes by any way.
    across = tuple(b - a * math.cos(whole_rad) for a, b in zip(before, after, strict=True))
    if _dot(across, across) < 1e-18:
        across = _cross(before, (0.0, 0.0, 1.0) if abs(before[2]) < 0.9 else (1.0, 0.0, 0.0))
    side = _unit((across[0], across[1], across[2]))
    c, s = math.cos(part_rad), math.sin(part_rad)
    return c * before[0] + s * side[0], c * before[1] + s * side[1], c * before[2] + s * side[2]


def point_ahead_rad(line: Vector, relative: Vector) -> float:
    """Return how far ahead of the arriving light the leaving light must point: 2 v_perp / c.

    Args:
        line: unit vector to the peer.
        relative: velocity of the peer less one's own, km/s, in the same frame.
    """
    cross = _cross(line, relative)
    return 2.0 * math.sqrt(_dot(cross, cross)) / LIGHT_KM_S


def _dot(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _cross(a: tuple[float, ...], b: tuple[float, ...]) -> Vector:
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def _unit(a: tuple[float, ...]) -> Vector:
    length = math.sqrt(_dot(a, a))
    return a[0] / length, a[1] / length, a[2] / length
