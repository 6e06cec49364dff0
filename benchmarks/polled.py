"""The electrical side of a vehicle, polled: the same models in small steps, as most simulators do it."""

import math
from collections.abc import Sequence

import numpy as np

from astro import shadow, sun
from astro.frames import FloatArray
from astro.orbit import Ephemeris
from hwsim.models.array import body
from hwsim.models.body import ZERO_C_K
from hwsim.models.environment import SOLAR_W_M2
from hwsim.models.fade import Rainflow
from hwsim.sky import START_TEMP_C
from hwsim.solo import LoadChange
from icd.timebase import NS_PER_S, MissionTime
from icd.vehicle import Tracking, VehicleProfile


def light(ephemeris: Ephemeris, start: MissionTime, span_s: float, step_s: float) -> FloatArray:
    """Return the visible fraction of the Sun in the middle of every step, conical shadow, no halves."""
    times = start + (np.arange(round(span_s / step_s), dtype=np.int64) * 2 + 1) * round(step_s * NS_PER_S / 2)
    where, suns = ephemeris.positions(times), sun.positions(times)
    outside = shadow.margins_km(where, suns, umbra=False)
    inside = shadow.margins_km(where, suns, umbra=True)
    fracs: FloatArray = np.where(inside <= 0.0, 0.0, 1.0)
    for index in np.flatnonzero((outside < 0.0) & (inside > 0.0)).tolist():
        at = MissionTime(int(times[index]))
        fracs[index] = shadow.sunlit_frac(ephemeris.position(at), sun.position(at))
    return fracs


def stored_wh(
    profile: VehicleProfile, ephemeris: Ephemeris, start: MissionTime, loads: Sequence[LoadChange], step_s: float
) -> float:
    """Return the energy stored after a day from a full battery. Load changes lie on whole steps."""
    span_s = 86_400.0
    p, cells = profile.battery, profile.array
    jobs = np.zeros(round(span_s / step_s))
    for change in sorted(loads, key=lambda change: change.after_s):
        jobs[round(change.after_s / step_s) :] = change.power_w
    always_w = profile.bus.full_w + profile.compute.idle_w
    flow, capacity, energy, direction = Rainflow(p), p.capacity_wh, p.capacity_wh, 0
    pack_k, reference_k = p.bay_c + ZERO_C_K, p.reference_c + ZERO_C_K
    array_k, sun_w_m2 = START_TEMP_C + ZERO_C_K, 0.0
    for step, (frac, job_w) in enumerate(
        zip(light(ephemeris, start, span_s, step_s).tolist(), jobs.tolist(), strict=True)
    ):
        if step % round(60.0 / step_s) == 0:
            sun_w_m2 = _normal_w_m2(profile, ephemeris, MissionTime(start + round(step * step_s * NS_PER_S)))
        sheet = body(cells, sun_w_m2 * frac)
        before_k = array_k
        middle_k = array_k + 0.5 * step_s * (sheet.heat_w - sheet.radiance_w_k4 * array_k**4) / sheet.heat_capacity_j_k
        array_k += step_s * (sheet.heat_w - sheet.radiance_w_k4 * middle_k**4) / sheet.heat_capacity_j_k
        warm = 1.0 + cells.temp_coefficient_per_k * (0.5 * (before_k + array_k) - ZERO_C_K - cells.reference_c)
        net_w = cells.nameplate_w * cells.derate_frac * frac * sun_w_m2 / SOLAR_W_M2 * warm - always_w - job_w
        resistance = p.resistance_ohm * math.exp(p.resistance_k * (1.0 / pack_k - 1.0 / reference_k))
        current = 0.0
        if net_w > 0.0 and energy < capacity:
            current = 2.0 * net_w / (p.voltage_v + math.sqrt(p.voltage_v**2 + 4.0 * resistance * net_w))
            change_w, way = p.voltage_v * current * p.charge_efficiency_frac, 1
        elif net_w < 0.0 < energy:
            current = -2.0 * net_w / (p.voltage_v + math.sqrt(p.voltage_v**2 + 4.0 * resistance * net_w))
            change_w, way = -p.voltage_v * current / p.discharge_efficiency_frac, -1
        else:
            change_w, way = 0.0, direction
        if way != direction:
            direction = way
            if flow.turn(energy / capacity):
                left = 1.0 - (1.0 - p.end_of_life_frac) * flow.damage_frac
                energy, capacity = energy * p.capacity_wh * left / capacity, p.capacity_wh * left
        energy = min(capacity, max(0.0, energy + change_w * step_s / 3600.0))
        heat_w = resistance * current * current - p.bay_w_k * (pack_k - p.bay_c - ZERO_C_K)
        pack_k += step_s * heat_w / p.heat_capacity_j_k
    return energy


def _normal_w_m2(profile: VehicleProfile, ephemeris: Ephemeris, at: MissionTime) -> float:
    """Return sunlight normal to the cells, from the angle between the Sun and the orbit's normal."""
    normal = np.cross(ephemeris.position(at), ephemeris.velocity(at))
    to_sun = np.array(sun.position(at))
    sin_beta = float(normal @ to_sun / np.linalg.norm(normal) / np.linalg.norm(to_sun))
    incidence = {Tracking.SUN: 1.0, Tracking.PITCH: math.cos(math.asin(sin_beta)), Tracking.BODY: 0.25}
    return SOLAR_W_M2 * incidence[profile.array.tracking] / sun.distance_au(at) ** 2
