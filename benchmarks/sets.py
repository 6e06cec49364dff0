"""Element sets made for a comparison: circular orbits at any epoch, written as two lines."""

import math

from sgp4.api import WGS72, Satrec
from sgp4.exporter import export_tle

from astro.orbit import Ephemeris
from icd.timebase import NS_PER_S, TAI_MINUS_UTC_S, MissionTime

MU_KM3_S2 = 398_600.8  # WGS-72, which SGP4 uses
EARTH_RADIUS_KM = 6378.135
PHASING = 17

_DAY_S = 86_400.0
_UNIX_DAYS_AT_1949_12_31 = -7_306.0  # SGP4 counts its epochs from there


def circular(
    altitude_km: float, inclination_deg: float, node_deg: float, anomaly_deg: float, epoch: MissionTime
) -> tuple[str, str]:
    """Return both lines of a circular orbit, to the precision that they have."""
    record = Satrec()
    days = (epoch / NS_PER_S - TAI_MINUS_UTC_S) / _DAY_S - _UNIX_DAYS_AT_1949_12_31
    motion_rad_min = math.sqrt(MU_KM3_S2 / (EARTH_RADIUS_KM + altitude_km) ** 3) * 60.0
    angles = [math.radians(angle) for angle in (0.0, inclination_deg, anomaly_deg % 360.0)]
    record.sgp4init(
        WGS72, "i", 70_000, days, 0.0, 0.0, 0.0, 1e-4, *angles, motion_rad_min, math.radians(node_deg % 360.0)
    )
    line1, line2 = export_tle(record)
    return str(line1), str(line2)


def ephemeris(lines: tuple[str, str]) -> Ephemeris:
    """Return the satellite of two lines."""
    return Ephemeris(*lines)


def shell(planes: int, in_plane: int, altitude_km: float, inclination_deg: float, epoch: MissionTime) -> list[Satrec]:
    """Return a Walker shell whose phasing lets no two satellites coincide, plane by plane."""
    records = []
    for plane in range(planes):
        for place in range(in_plane):
            anomaly = 360.0 * place / in_plane + 360.0 * PHASING * plane / (planes * in_plane)
            lines = circular(altitude_km, inclination_deg, 360.0 * plane / planes, anomaly, epoch)
            records.append(Satrec.twoline2rv(*lines))
    return records
