"""How the compute module protects itself from heat: thresholds of die and cold plate, and what is done at each."""

from dataclasses import dataclass

from hwsim.models.compute import THROTTLE_HYSTERESIS_K, Compute
from hwsim.models.thermal import Chain, Node
from icd.vehicle import ThermalProfile

NEAR_K = 1e-6  # a crossing predicted to the nanosecond lands this near its threshold


@dataclass(frozen=True, slots=True)
class Limits:
    """Thresholds, degrees Celsius."""

    plate_throttle_c: float
    plate_trip_c: float
    die_throttle_c: float
    die_trip_c: float

    @classmethod
    def of(cls, thermal: ThermalProfile) -> "Limits":
        """Return the thresholds of a profile."""
        return cls(thermal.throttle_c, thermal.trip_c, thermal.die_throttle_c, thermal.die_trip_c)


def too_hot(chain: Chain, limits: Limits) -> bool:
    """Return whether the module would trip at once."""
    return chain.plate_c >= limits.plate_trip_c - NEAR_K or chain.die_c >= limits.die_trip_c - NEAR_K


def next_crossing_s(compute: Compute, chain: Chain, limits: Limits, span_s: float) -> float | None:
    """Return when the module must be looked at within a span, s; None when no threshold is met."""
    if not compute.powered:
        return None
    die_goal_c = limits.die_trip_c if compute.hot_die else limits.die_throttle_c
    plate_goal_c = limits.plate_trip_c if compute.hot_plate else limits.plate_throttle_c
    die_most_c, plate_most_c = chain.ceilings_c(span_s)
    if die_most_c < die_goal_c and plate_most_c < plate_goal_c and not compute.hot_die and not compute.hot_plate:
        return None
    found = []
    if die_most_c >= die_goal_c:
        found.append(chain.crossing_s(Node.DIE, die_goal_c, span_s, rising=True))
    if plate_most_c >= plate_goal_c:
        found.append(chain.crossing_s(Node.PLATE, plate_goal_c, span_s, rising=True))
    if compute.hot_die:
        cool_c = limits.die_throttle_c - THROTTLE_HYSTERESIS_K
        found.append(chain.crossing_s(Node.DIE, cool_c, span_s, rising=False))
    if compute.hot_plate:
        cool_c = limits.plate_throttle_c - THROTTLE_HYSTERESIS_K
        found.append(chain.crossing_s(Node.PLATE, cool_c, span_s, rising=False))
    return min((delay_s for delay_s in found if delay_s is not None), default=None)


def protect(compute: Compute, chain: Chain, limits: Limits) -> bool:
    """Slow the module, let it run free again, or trip it; return whether anything changed."""
    if not compute.powered:
        return False
    if too_hot(chain, limits):
        compute.power_off()
        return True
    before = compute.hot_die, compute.hot_plate
    compute.hot_die = _hot(compute.hot_die, chain.die_c, limits.die_throttle_c)
    compute.hot_plate = _hot(compute.hot_plate, chain.plate_c, limits.plate_throttle_c)
    return (compute.hot_die, compute.hot_plate) != before


def _hot(hot: bool, temp_c: float, throttle_c: float) -> bool:
    if hot:
        return temp_c > throttle_c - THROTTLE_HYSTERESIS_K + NEAR_K
    return temp_c >= throttle_c - NEAR_K
