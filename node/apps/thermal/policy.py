"""What heat allows the compute module to draw. Pure."""

from icd.vehicle import VehicleProfile

# Our own choices: a linear derate ahead of the module's own throttling, which cuts clocks without asking.
DERATE_SPAN_K = 8.0  # the cap falls from full to idle over this many degrees below the throttle temperature
RELEASE_BELOW_K = 2.0  # and is lifted only this far below the start of the span
RISE_HYSTERESIS_K = 1.0  # a cap rises as if the module were this much warmer
STEP_FRAC = 0.05  # of the module's greatest power: smaller changes are not made
BLIND_FRAC = 0.5  # of typical power, while the temperature is unknown


def next_cap_w(cap_w: float | None, temp_c: float, profile: VehicleProfile) -> float | None:
    """Return the cap at a temperature, W, given the one in force; None is no cap.

    The cap falls linearly from the module's greatest power at `throttle_c - DERATE_SPAN_K` to its idle power at
    `throttle_c`. Steps below STEP_FRAC are left out, except the last one to idle.
    """
    start_c = profile.thermal.throttle_c - DERATE_SPAN_K
    if cap_w is None:
        return _stepped(profile.compute.max_w, derated_w(temp_c, profile), profile) if temp_c > start_c else None
    if temp_c <= start_c - RELEASE_BELOW_K:
        return None
    target_w = derated_w(temp_c, profile)
    if target_w > cap_w:
        target_w = max(cap_w, derated_w(temp_c + RISE_HYSTERESIS_K, profile))
    return _stepped(cap_w, target_w, profile)


def derated_w(temp_c: float, profile: VehicleProfile) -> float:
    """Return the derate line at a temperature, W."""
    frac = (profile.thermal.throttle_c - temp_c) / DERATE_SPAN_K
    frac = max(0.0, min(1.0, frac))
    return profile.compute.idle_w + frac * (profile.compute.max_w - profile.compute.idle_w)


def blind_cap_w(profile: VehicleProfile) -> float:
    """Return the cap while the temperature is unknown, W."""
    return max(profile.compute.idle_w, BLIND_FRAC * profile.compute.typical_w)


def _stepped(cap_w: float, target_w: float, profile: VehicleProfile) -> float | None:
    if abs(target_w - cap_w) > STEP_FRAC * profile.compute.max_w:
        return target_w
    if target_w == profile.compute.idle_w:
        return target_w
    return None if cap_w == profile.compute.max_w else cap_w
