"""Laser terminals: how long pointing takes, and how long acquisition takes.

Acquisition is a search outward from where the peer is expected; the miss in two axes is Gaussian, so the step at which
the search meets the peer is Rayleigh distributed (arXiv:2511.16063 and Opt. Eng. 56, 106108 for the search). The
distribution is set by its least value and its median, and cut at the limit of the standard.
"""

import math
import random

from astro.frames import Teme, Vector

_RAYLEIGH_MEDIAN = math.sqrt(2.0 * math.log(2.0))


def acquisition_s(rng: random.Random, least_s: float, median_s: float, limit_s: float) -> float:
    """Return one draw of the acquisition time, s."""
    sigma = (median_s - least_s) / _RAYLEIGH_MEDIAN
    return min(limit_s, least_s + sigma * math.sqrt(-2.0 * math.log(1.0 - rng.random())))


def slew_s(before: Vector, after: Vector, rate_rad_s: float) -> float:
    """Return how long a turn between two directions (unit vectors) takes at a constant rate, s."""
    cosine = before[0] * after[0] + before[1] * after[1] + before[2] * after[2]
    return math.acos(max(-1.0, min(1.0, cosine))) / rate_rad_s


def direction(origin: Teme, target: Teme) -> Vector:
    """Return the unit vector from one point to another (TEME)."""
    x, y, z = target[0] - origin[0], target[1] - origin[1], target[2] - origin[2]
    length = math.sqrt(x * x + y * y + z * z)
    return (x / length, y / length, z / length) if length > 0.0 else (1.0, 0.0, 0.0)
