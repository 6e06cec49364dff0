"""Swarms that the tests share: real element sets, and shells made up."""

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sgp4.api import WGS72, Satrec

from astro import elements
from astro.elements import Satellite
from astro.swarm import Swarm
from icd.timebase import MissionTime, from_iso

START = from_iso("2026-08-22T12:00:07Z")
SAMPLE = Path(__file__).parents[2] / "fixtures/starlink-sample.tle"
_EPOCH_1949_DAYS = 27_992.0  # 2026-08-22T00:00 UTC since 1949-12-31T00:00


@dataclass(frozen=True, slots=True)
class Spot:
    latitude_deg: float
    longitude_deg: float
    altitude_km: float = 0.0
    mask_deg: float = 10.0


@cache
def real() -> tuple[Satellite, ...]:
    """Return every 219th of the Starlink sets of August 2026."""
    found, left_out = elements.load(SAMPLE.read_text())
    assert not left_out
    return found


def one(
    *,
    inclination_deg: float,
    node_deg: float,
    anomaly_deg: float = 0.0,
    eccentricity: float = 1e-6,
    turns: float = 15.1,
) -> Satrec:
    record = Satrec()
    angles = (math.radians(angle) for angle in (0.0, inclination_deg, anomaly_deg))
    perigee, inclination, anomaly = angles
    motion, node = turns * math.tau / 1440.0, math.radians(node_deg % 360.0)
    record.sgp4init(
        *(WGS72, "i", 1, _EPOCH_1949_DAYS, 0.0, 0.0, 0.0, eccentricity, perigee, inclination, anomaly, motion, node)
    )
    return record


def shell(planes: int, per_plane: int, inclination_deg: float = 53.0) -> Swarm:
    """Return a shell whose odd planes are half a place ahead; satellite s of plane p at p * per_plane + s."""
    return Swarm(
        [
            one(
                inclination_deg=inclination_deg,
                node_deg=360.0 * plane / planes,
                anomaly_deg=360.0 * (place + 0.5 * (plane % 2)) / per_plane,
            )
            for plane in range(planes)
            for place in range(per_plane)
        ]
    )


def seconds(start: MissionTime, at: int) -> float:
    return (at - start) / 1e9
