"""Whether a vehicle's energy closes on an orbit: over the worst orbit of the year, and through its longest eclipse."""

import math
from dataclasses import dataclass

import numpy as np

from astro import seasons, sun
from astro.frames import FloatArray
from astro.seasons import Circle
from icd.timebase import NS_PER_S, MissionTime
from icd.vehicle import Tracking, VehicleProfile

YEAR_DAYS = 366
BODY_FRAC = 0.25  # of the sum of panels on all sides of a body, on average


class EnergyError(ValueError):
    """A vehicle that cannot live on its orbit; the text says what is missing and which key to change."""


@dataclass(frozen=True, slots=True)
class Balance:
    """The worst orbit of a year.

    `harvest_w` is what the array gives on average over the orbit in which least is left; `need_w` is what bus, tracking
    terminals and idle module take on average of the array's power, with what charging and discharging lose.
    `depth_frac` is how far the longest eclipse empties the battery at the load that the power manager allows there.
    """

    eclipse_min: float
    period_min: float
    harvest_w: float
    need_w: float
    depth_frac: float


def balance(profile: VehicleProfile, orbit: Circle, start: MissionTime) -> Balance:
    """Return the balance of the year that begins at `start`, looked at once a day."""
    days = np.arange(YEAR_DAYS, dtype=np.int64)
    suns = sun.positions(start + days * 86_400 * NS_PER_S)
    normals = orbit.normals(days.astype(np.float64) * 86_400.0)
    dark_min = seasons.eclipse_min(orbit.radius_km, normals, suns)
    dark = dark_min / orbit.period_min
    array = profile.array
    distance_au = np.linalg.norm(suns.km, axis=1) / sun.AU_KM
    lit_w = array.nameplate_w * array.derate_frac * _incidence(array.tracking, seasons.sin_beta(normals, suns))
    harvest_w = lit_w / distance_au**2 * (1.0 - dark)
    battery = profile.battery
    bus_w = profile.bus.full_w + profile.lasers.terminals * profile.lasers.track_w
    load_w = bus_w + profile.compute.idle_w
    round_trip = battery.charge_efficiency_frac * battery.discharge_efficiency_frac
    need_w = load_w * (1.0 - dark + dark / round_trip)
    worst = int(np.argmin(harvest_w - need_w))
    cap_w = max(profile.compute.idle_w, profile.compute.eclipse_frac * profile.compute.typical_w)
    night_wh = (bus_w + cap_w) * float(dark_min.max()) / 60.0 / battery.discharge_efficiency_frac
    return Balance(
        eclipse_min=float(dark_min.max()),
        period_min=orbit.period_min,
        harvest_w=float(harvest_w[worst]),
        need_w=float(need_w[worst]),
        depth_frac=night_wh / battery.capacity_wh,
    )


def check(profile: VehicleProfile, orbit: Circle, start: MissionTime) -> Balance:
    """Return the balance of a vehicle that can live on the orbit.

    Raises:
        EnergyError: the array does not carry bus and idle module, or the longest eclipse goes below `dod_hard_frac`.
    """
    found = balance(profile, orbit, start)
    night = f"{found.eclipse_min:.1f} of {found.period_min:.1f} min in eclipse"
    if found.harvest_w < found.need_w:
        raise EnergyError(
            f"energy of {profile.name} does not close: over the worst orbit of the year ({night}) the array gives"
            f" {found.harvest_w:.0f} W, and bus.full_w, lasers and compute.idle_w need {found.need_w:.0f} W;"
            " raise array.nameplate_w or lower a load"
        )
    if found.depth_frac > profile.battery.dod_hard_frac:
        raise EnergyError(
            f"energy of {profile.name} does not close: the longest eclipse ({night}) takes {found.depth_frac:.0%} of"
            f" the battery with compute at its eclipse cap; dod_hard_frac allows {profile.battery.dod_hard_frac:.0%};"
            " raise battery.capacity_wh or lower compute.eclipse_frac"
        )
    return found


def _incidence(tracking: Tracking, sin_beta: FloatArray) -> FloatArray:
    match tracking:
        case Tracking.SUN:
            return np.ones_like(sin_beta)
        case Tracking.PITCH:
            result: FloatArray = np.sqrt(1.0 - sin_beta**2)
            return result
        case Tracking.BODY:
            return np.full_like(sin_beta, BODY_FRAC)


def orbit_of(line2: str) -> Circle:
    """Return the circular orbit of an element set's second line: its inclination, node and mean motion."""
    inclination, node = math.radians(float(line2[8:16])), math.radians(float(line2[17:25]))
    motion_rad_s = float(line2[52:63]) * math.tau / 86_400.0
    return Circle.under_j2(seasons.radius_of_km(motion_rad_s), inclination, node)
