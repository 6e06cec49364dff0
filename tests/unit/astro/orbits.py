"""Orbits that the tests of flight dynamics share."""

import math

import numpy as np

from astro.frames import Teme, TemeTrack, TimeArray, Vector
from icd.timebase import MissionTime, from_iso

START = from_iso("2026-08-22T12:00:00Z")
LINE1 = "1 44714U 19074B   26234.17284867  .00077595  00000+0  89842-3 0  9997"
LINE2 = "2 44714  53.1481 110.2629 0005172  75.9267 284.2321 15.61165912374481"
OTHER1 = "1 44718U 19074F   26234.61583504  .00083287  00000+0  94674-3 0  9994"
OTHER2 = "2 44718  53.1504 108.3906 0001607 127.2284 232.8877 15.61625202374541"
CROSSING1 = "1 45100U 20012AA  26234.50000000  .00000000  00000+0  00000-0 0  9991"  # of another plane and height
CROSSING2 = "2 45100  53.0500 200.0000 0001400  90.0000 250.0000 15.10000000 30008"

MU_KM3_S2 = 398_600.4418


class Circle:
    """A circular two-body orbit with the methods of an Ephemeris, in the plane of two given unit vectors."""

    def __init__(self, radius_km: float, first: Vector, second: Vector) -> None:
        self._radius = radius_km
        self._axes = np.array([first, second])
        self.rate = math.sqrt(MU_KM3_S2 / radius_km**3)

    def position(self, at: MissionTime) -> Teme:
        x, y, z = self.positions(np.array([at], dtype=np.int64)).km[0].tolist()
        return Teme(x, y, z)

    def positions(self, times: TimeArray) -> TemeTrack:
        angle = self.rate * (times - START) / 1e9
        return TemeTrack(self._radius * np.stack([np.cos(angle), np.sin(angle)], axis=1) @ self._axes)
