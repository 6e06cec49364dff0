"""Solar array: power from sunlight and temperature, as steps.

P = nameplate x derate x incidence x L x (1 AU / d)^2 x (1 + coefficient (T - T_ref)), L being the visible fraction of
the Sun's disc. The array is one body that takes in sunlight and Earth infrared and radiates from both sides
(hwsim/models/body.py); a cold one, after an eclipse, gives more. Loads see constant power between events, so the
power is held in steps, each at the temperature's exact mean over the step: at the end of a step the energy is exact,
within one it is off by about the slack given, at most twice that. Steps are STEP_K wide, or narrower where the
temperature moves slowly.
Sources: inverse-square law; linear temperature coefficient of cell data sheets; view factor of the Earth from a plate
that stands upright over it, 0.30 at 350 km (Howell, A Catalog of Radiation Heat Transfer Configuration Factors).
"""

import math
from dataclasses import dataclass

from hwsim.models.body import STEFAN_BOLTZMANN_W_M2_K4, ZERO_C_K, Body
from hwsim.models.environment import EARTH_INFRARED_W_M2
from icd.timebase import NS_PER_S, MissionTime
from icd.vehicle import ArrayProfile

STEP_K = 10.0
EARTH_VIEW_FRAC = 0.3  # of either side, mean
STEPS_MAX = 256  # of one span of constant light


@dataclass(frozen=True, slots=True)
class Step:
    """From an instant on the array gives a constant power, W."""

    at: MissionTime
    power_w: float


@dataclass(frozen=True, slots=True)
class Light:
    """Sunlight on the array over a span in which it is constant."""

    start: MissionTime
    end: MissionTime
    sun_w_m2: float  # normal to the cells: distance, incidence and visible fraction are in it
    cell_w: float  # power at the reference temperature
    slack_j: float  # how far the energy may be off within a step


def body(profile: ArrayProfile, sun_w_m2: float) -> Body:
    """Return one square metre of the array as a body that is heated."""
    infrared = 2.0 * profile.emissivity_frac * EARTH_INFRARED_W_M2 * EARTH_VIEW_FRAC
    return Body(
        2.0 * profile.emissivity_frac * STEFAN_BOLTZMANN_W_M2_K4,
        profile.heat_capacity_j_m2_k,
        profile.absorptance_frac * sun_w_m2 + infrared,
    )


def steps(profile: ArrayProfile, light: Light, temp_k: float) -> list[Step]:
    """Return the steps of the array's power over a span of constant light that it enters at a temperature."""
    if light.cell_w <= 0.0:
        return [Step(light.start, 0.0)]
    sheet, found = body(profile, light.sun_w_m2), list[Step]()
    left_s = (light.end - light.start) / NS_PER_S
    slack_ks = light.slack_j / (light.cell_w * abs(profile.temp_coefficient_per_k) or math.inf) or math.inf
    at, here_k, here = light.start, temp_k, sheet.mark(temp_k)
    while left_s > 0.0:
        goal_k = _goal_k(sheet, here_k, slack_ks) if len(found) < STEPS_MAX - 1 else None
        there = here if goal_k is None else sheet.mark(goal_k)
        span_s = sheet.time_s(here, there)
        if goal_k is None or span_s >= left_s:
            span_s, goal_k = left_s, sheet.after_k(here_k, left_s)
            there = sheet.mark(goal_k)
        mean_c = sheet.mean_k(here, there, span_s) - ZERO_C_K
        warm = 1.0 + profile.temp_coefficient_per_k * (mean_c - profile.reference_c)
        found.append(Step(at, light.cell_w * max(0.0, warm)))
        left_s -= span_s
        at, here_k, here = MissionTime(light.end - round(left_s * NS_PER_S)), goal_k, there
    return found


def _goal_k(sheet: Body, temp_k: float, slack_ks: float) -> float | None:
    """Return the temperature at which the next step may begin; None when no step is needed any more.

    Power that is linear over a step of width w and duration w / rate is off by w^2 / (8 rate) kelvin seconds at most;
    what is left of the approach to equilibrium, a gap g that closes at that rate, by less than g^2 / rate.
    """
    end_k = sheet.equilibrium_k
    gap_k = end_k - temp_k
    rate_k_s = sheet.radiance_w_k4 * abs(end_k**4 - temp_k**4) / sheet.heat_capacity_j_k
    if rate_k_s * slack_ks >= gap_k * gap_k or slack_ks == math.inf:
        return None
    width_k = min(STEP_K, math.sqrt(8.0 * slack_ks * rate_k_s), 0.7 * abs(gap_k))
    return temp_k + math.copysign(width_k, gap_k)
