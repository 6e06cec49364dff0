"""Seasons of a circular orbit: the Sun's height over its plane, and how long an orbit's eclipse lasts, over years.

The node drifts under J2, a circular orbit has no other secular motion that an eclipse would feel. An edge is where the
Sun's centre is hidden: the mean of the margins of penumbra and umbra. Sources: Vallado, Fundamentals of Astrodynamics,
section 9.4 (the node's rate); constants of WGS-84 and EGM-96.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from astro import shadow
from astro.frames import FloatArray, TemeTrack, expect

MU_KM3_S2 = 398_600.4418
J2 = 1.08262668e-3
EARTH_RADIUS_KM = 6378.137

_HALVINGS = 40  # of a quarter of an orbit: to a microsecond


@dataclass(frozen=True, slots=True)
class Circle:
    """A circular orbit whose node drifts: radius, inclination, node at the start, and its rate."""

    radius_km: float
    inclination_rad: float
    node_rad: float
    node_rate_rad_s: float

    @classmethod
    def under_j2(cls, radius_km: float, inclination_rad: float, node_rad: float) -> "Circle":
        """Return the orbit with the drift that the Earth's flattening gives its node."""
        return cls(radius_km, inclination_rad, node_rad, -node_scale_rad_s(radius_km) * math.cos(inclination_rad))

    @property
    def period_min(self) -> float:
        """The Kepler period, minutes."""
        return math.tau / math.sqrt(MU_KM3_S2 / self.radius_km**3) / 60.0

    def normals(self, elapsed_s: FloatArray) -> FloatArray:
        """Return the orbit's normal at times since the start, shape (n, 3), unit vectors in TEME."""
        node = self.node_rad + self.node_rate_rad_s * elapsed_s
        across, along = math.sin(self.inclination_rad), math.cos(self.inclination_rad)
        return np.stack([across * np.sin(node), -across * np.cos(node), np.full_like(node, along)], axis=1)


def node_scale_rad_s(radius_km: float) -> float:
    """Return the rate at which J2 turns the node of a circular orbit, over minus the cosine of its inclination."""
    return 1.5 * J2 * (EARTH_RADIUS_KM / radius_km) ** 2 * math.sqrt(MU_KM3_S2 / radius_km**3)


def radius_of_km(mean_motion_rad_s: float) -> float:
    """Return the radius of the circular orbit of a mean motion."""
    return math.cbrt(MU_KM3_S2 / mean_motion_rad_s**2)


def sin_beta(normals: FloatArray, suns: TemeTrack) -> FloatArray:
    """Return the sine of the Sun's elevation over the orbit's plane, one a row."""
    expect(TemeTrack, suns)
    result: FloatArray = np.einsum("ij,ij->i", suns.km, normals) / np.linalg.norm(suns.km, axis=1)
    return result


def eclipse_min(radius_km: float, normals: FloatArray, suns: TemeTrack) -> FloatArray:
    """Return minutes of eclipse an orbit, 0 where there is none, for orbit normals and Suns, one a row.

    From the orbit's point farthest behind the Earth the angle to the shadow's edge is halved in, on the margins of
    `astro.shadow`.
    """
    expect(TemeTrack, suns)
    towards = suns.km / np.linalg.norm(suns.km, axis=1)[:, None]
    midnight = np.einsum("ij,ij->i", towards, normals)[:, None] * normals - towards
    midnight /= np.linalg.norm(midnight, axis=1)[:, None]
    ahead = np.cross(normals, midnight)

    def dark(angle: FloatArray) -> NDArray[np.bool_]:
        places = TemeTrack(radius_km * (np.cos(angle)[:, None] * midnight + np.sin(angle)[:, None] * ahead))
        margin = shadow.margins_km(places, suns, umbra=True) + shadow.margins_km(places, suns, umbra=False)
        inside: NDArray[np.bool_] = margin < 0.0
        return inside

    low, high = np.zeros(len(towards)), np.full(len(towards), math.pi / 2.0)
    meets = dark(low)
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        inside = dark(middle)
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    minutes: FloatArray = np.where(meets, low / math.pi * Circle(radius_km, 0.0, 0.0, 0.0).period_min, 0.0)
    return minutes
