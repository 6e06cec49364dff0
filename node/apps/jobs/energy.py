"""Where the battery goes under a wanted load, until the light has changed twice. Closed form between changes."""

from collections.abc import Sequence
from dataclasses import dataclass

from icd.vehicle import VehicleProfile

BLIND_HORIZON_S = 5_400.0  # how far to look when no change of light is foreseen: about an orbit


@dataclass(frozen=True, slots=True)
class Draw:
    """What one job takes: power while it runs, how long it still runs, and whether eclipse mode lets it."""

    power_w: float
    remaining_s: float
    in_eclipse: bool


@dataclass(frozen=True, slots=True)
class Light:
    """The light now, and how long until it changes and changes back; None where nothing is foreseen."""

    sunlit: bool
    changes_in_s: float | None
    back_in_s: float | None


def lowest_soc(soc_frac: float, light: Light, draws: Sequence[Draw], bus_w: float, profile: VehicleProfile) -> float:
    """Return the lowest state of charge ahead, from the first change of the load on, 0 to 1 (below 0: it runs empty).

    The present charge itself is no part of the answer: a battery that is low but filling is judged by where it will
    be. Between changes of load and light the power is constant, so the charge is linear and its extremes lie at the
    changes. Charging and discharging lose by the profile's efficiencies; the load is the bus, the idle module, and
    the jobs, which in eclipse are held under the eclipse cap.
    """
    battery = profile.battery
    lowest = 1.0
    soc = soc_frac
    clock_s = 0.0
    for sunlit, end_s in _phases(light):
        active = [draw for draw in draws if sunlit or draw.in_eclipse]
        ends = sorted({draw.remaining_s for draw in active if clock_s < draw.remaining_s < end_s} | {end_s})
        for until_s in ends:
            jobs_w = sum(draw.power_w for draw in active if draw.remaining_s > clock_s)
            net_w = _net_w(sunlit, jobs_w, bus_w, profile)
            gain = battery.charge_efficiency_frac if net_w > 0.0 else 1.0 / battery.discharge_efficiency_frac
            soc = min(1.0, soc + net_w * gain * (until_s - clock_s) / 3600.0 / battery.capacity_wh)
            lowest = min(lowest, soc)
            clock_s = until_s
    return lowest


def _phases(light: Light) -> list[tuple[bool, float]]:
    if light.changes_in_s is None:
        return [(light.sunlit, BLIND_HORIZON_S)]
    first = (light.sunlit, max(0.001, light.changes_in_s))
    if light.back_in_s is None or light.back_in_s <= first[1]:
        return [first]
    return [first, (not light.sunlit, light.back_in_s)]


def _net_w(sunlit: bool, jobs_w: float, bus_w: float, profile: VehicleProfile) -> float:
    if sunlit:
        solar_w = profile.array.nameplate_w * profile.array.derate_frac
        return solar_w - bus_w - min(profile.compute.max_w, profile.compute.idle_w + jobs_w)
    cap_w = max(profile.compute.idle_w, profile.compute.eclipse_frac * profile.compute.typical_w)
    return -bus_w - min(cap_w, profile.compute.idle_w + jobs_w)
