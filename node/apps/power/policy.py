"""Which power mode comes next, and what each mode may spend. Pure: everything needed is an argument."""

from dataclasses import dataclass
from typing import assert_never

from icd.hw import LoadProfile
from icd.jobs import JobClass
from icd.tc import PowerMode
from icd.vehicle import VehicleProfile
from node.apps.power.modes import PowerTrigger
from node.messages import ModeReason

# Hysteresis and dwell are our own choices; the depths of discharge come from the vehicle profile.
# Above the hard depth of discharge: what a full load draws from a v3node battery while readings may be stale (120 s).
SURVIVAL_ENTER_MARGIN = 0.02
SURVIVAL_EXIT_MARGIN = 0.10  # of charge above the entry, so that one eclipse does not undo the exit
BOOST_ENTER_SOC = 0.95
BOOST_LEAVE_SOC = 0.85
SUN_ABOVE_FRAC = 0.55  # of the solar disc; between the two, what was believed before stays
SUN_BELOW_FRAC = 0.45
SUN_DWELL_S = 10.0  # mission time in a mode before light or dark moves it: the penumbra flickers
SURPLUS_DWELL_S = 60.0
RESTORE_DWELL_S = 60.0
SAFE_LEAVE_GOOD_S = 60.0  # good readings in a row before SAFE for lost readings ends by itself


@dataclass(frozen=True, slots=True)
class Limits:
    """Battery limits as fractions of charge."""

    survival_below: float
    survival_until: float
    routine_floor: float


@dataclass(frozen=True, slots=True)
class Change:
    """A mode change to make, and why."""

    trigger: PowerTrigger
    reason: ModeReason


def limits_of(profile: VehicleProfile) -> Limits:
    """Return the limits that a vehicle's depths of discharge set."""
    enter = min(1.0, 1.0 - profile.battery.dod_hard_frac + SURVIVAL_ENTER_MARGIN)
    return Limits(enter, min(1.0, enter + SURVIVAL_EXIT_MARGIN), 1.0 - profile.battery.dod_routine_frac)


def is_sunlit(believed: bool, sunlit_frac: float) -> bool:
    """Return whether the satellite counts as sunlit, given what was believed before."""
    if sunlit_frac > SUN_ABOVE_FRAC:
        return True
    return believed and sunlit_frac >= SUN_BELOW_FRAC


def next_change(mode: PowerMode, soc_frac: float, sunlit: bool, in_mode_s: float, limits: Limits) -> Change | None:
    """Return the change that a good reading asks for, at most one; None when the mode stands.

    Args:
        mode: the present mode; SAFE never moves here, it ends by command or by `may_leave_safe`.
        soc_frac: state of charge, 0 to 1.
        sunlit: whether the array sees the Sun.
        in_mode_s: mission time since the mode was entered.
        limits: of this vehicle.
    """
    match mode:
        case PowerMode.SAFE:
            return None
        case PowerMode.SURVIVAL:
            restored = sunlit and soc_frac >= limits.survival_until and in_mode_s >= RESTORE_DWELL_S
            return Change(PowerTrigger.BATTERY_RESTORED, ModeReason.BATTERY_RESTORED) if restored else None
        case PowerMode.ECLIPSE | PowerMode.NOMINAL | PowerMode.BOOST:
            if soc_frac < limits.survival_below:
                return Change(PowerTrigger.LOW_BATTERY, ModeReason.LOW_BATTERY)
            return _light_or_surplus(mode, soc_frac, sunlit, in_mode_s)
        case _:
            assert_never(mode)


def settle(soc_frac: float, sunlit: bool, limits: Limits) -> Change | None:
    """Return where the first good reading after a boot, or after SAFE, takes SURVIVAL; None when it belongs there."""
    if soc_frac < limits.survival_below:
        return None
    if sunlit:
        return Change(PowerTrigger.SUN, ModeReason.SUN)
    return Change(PowerTrigger.ECLIPSE, ModeReason.ECLIPSE)


def may_leave_safe(reason: ModeReason, good_s: float | None) -> bool:
    """Return whether SAFE ends by itself: only what lost readings caused, once they are back and stay good."""
    return reason is ModeReason.READINGS_LOST and good_s is not None and good_s >= SAFE_LEAVE_GOOD_S


def load_profile(mode: PowerMode) -> LoadProfile:
    """Return what the bus feeds besides compute."""
    if mode is PowerMode.SAFE:
        return LoadProfile.MINIMAL
    return LoadProfile.REDUCED if mode is PowerMode.SURVIVAL else LoadProfile.FULL


def classes(mode: PowerMode) -> tuple[JobClass, ...]:
    """Return the job classes that may run."""
    match mode:
        case PowerMode.SAFE:
            return ()
        case PowerMode.SURVIVAL:
            return (JobClass.HOT,)
        case PowerMode.ECLIPSE:
            return (JobClass.HOT, JobClass.STANDARD)
        case PowerMode.NOMINAL | PowerMode.BOOST:
            return (JobClass.HOT, JobClass.STANDARD, JobClass.BULK)
        case _:
            assert_never(mode)


def soc_floor(mode: PowerMode, limits: Limits) -> float:
    """Return the charge under which the planner must not let the battery go."""
    return limits.survival_below if mode in (PowerMode.SAFE, PowerMode.SURVIVAL) else limits.routine_floor


def mode_cap_w(mode: PowerMode, profile: VehicleProfile) -> float:
    """Return what the compute module may draw in a mode, its idle power counted, W."""
    match mode:
        case PowerMode.SAFE:
            return 0.0
        case PowerMode.SURVIVAL | PowerMode.ECLIPSE:
            return max(profile.compute.idle_w, profile.compute.eclipse_frac * profile.compute.typical_w)
        case PowerMode.NOMINAL:
            return profile.compute.typical_w
        case PowerMode.BOOST:
            return profile.compute.max_w
        case _:
            assert_never(mode)


def effective_cap_w(mode_w: float, commanded_w: float | None, thermal_w: float | None) -> float:
    """Return the least of what the mode, the ground and the heat allow, W."""
    return min(cap for cap in (mode_w, commanded_w, thermal_w) if cap is not None)


def _light_or_surplus(mode: PowerMode, soc_frac: float, sunlit: bool, in_mode_s: float) -> Change | None:
    if mode is PowerMode.ECLIPSE:
        if sunlit and in_mode_s >= SUN_DWELL_S:
            return Change(PowerTrigger.SUN, ModeReason.SUN)
        return None
    if not sunlit:
        return Change(PowerTrigger.ECLIPSE, ModeReason.ECLIPSE) if in_mode_s >= SUN_DWELL_S else None
    if in_mode_s < SURPLUS_DWELL_S:
        return None
    if mode is PowerMode.NOMINAL and soc_frac >= BOOST_ENTER_SOC:
        return Change(PowerTrigger.SURPLUS, ModeReason.SURPLUS)
    if mode is PowerMode.BOOST and soc_frac < BOOST_LEAVE_SOC:
        return Change(PowerTrigger.SURPLUS_SPENT, ModeReason.SURPLUS_SPENT)
    return None
