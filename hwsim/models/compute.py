"""Compute module: what it draws, given power state, jobs, cap, temperature and what befalls it.

Dynamic power goes with clock times voltage squared, P = idle + k f V(f)^2, with V linear between the profile's points
and flat below the lowest, where clock pulses are skipped (CMOS switching power; Rabaey, Digital Integrated Circuits,
section 5.5). At the highest clock the jobs draw what they ask for; a cap lowers the clock to the highest that keeps it.
Reasons for a lower clock are NVML's bits (NVML API reference, nvmlClocksEventReasons): the software slows the clock to
three quarters while the cold plate is at its throttle temperature, about half of the dynamic power; the hardware halves
the clock while the die is at its own. Both end when it is THROTTLE_HYSTERESIS_K cooler.
"""

from bisect import bisect_left

from hwsim import plain
from icd.vehicle import ComputeProfile

POWER_CAP = 0x4  # SwPowerCap
HW_SLOWDOWN = 0x8  # HwSlowdown: the clock is halved or worse
SW_THERMAL = 0x20  # SwThermalSlowdown
HW_THERMAL = 0x40  # HwThermalSlowdown
POWER_BRAKE = 0x80  # HwPowerBrakeSlowdown: the power unit took the supply away
THROTTLE_HYSTERESIS_K = 5.0
SW_CLOCK_SHARE = 0.75
HW_CLOCK_SHARE = 0.5

STATE = ("cap_w", "latchup_w")
FLAGS = ("powered", "hung", "hot_plate", "hot_die", "braked")


class Curve:
    """Dynamic power over clock, both as shares of what they are at the highest clock."""

    def __init__(self, profile: ComputeProfile) -> None:
        self._clock_mhz = (0.0, *profile.clock_mhz)
        self._core_v = (profile.core_v[0], *profile.core_v)
        self._full = self._clock_mhz[-1] * self._core_v[-1] ** 2
        self._shares = [f * v * v / self._full for f, v in zip(self._clock_mhz, self._core_v, strict=True)]

    def share(self, clock_mhz: float) -> float:
        """Return the share of dynamic power that a clock leaves."""
        clocks, volts = self._clock_mhz, self._core_v
        place = min(max(1, bisect_left(clocks, clock_mhz)), len(clocks) - 1)
        part = (clock_mhz - clocks[place - 1]) / (clocks[place] - clocks[place - 1])
        core_v = volts[place - 1] + part * (volts[place] - volts[place - 1])
        return clock_mhz * core_v * core_v / self._full

    def clock_mhz(self, share: float) -> float:
        """Return the clock that leaves a share of dynamic power, 0 to 1; to a thousandth of a megahertz."""
        place = min(max(1, bisect_left(self._shares, share)), len(self._shares) - 1)
        low, high = self._clock_mhz[place - 1], self._clock_mhz[place]
        while high - low > 1e-3:
            middle = 0.5 * (low + high)
            low, high = (middle, high) if self.share(middle) < share else (low, middle)
        return high

    @property
    def highest_mhz(self) -> float:
        """The highest clock."""
        return self._clock_mhz[-1]

    @property
    def lowest_mhz(self) -> float:
        """The lowest clock without skipped pulses."""
        return self._clock_mhz[1]


class Compute:
    """State of the module. `allocated` maps job id to W at the highest clock."""

    __slots__ = (*STATE, *FLAGS, "_curve", "_hw_share", "_sw_share", "allocated", "idle_w", "max_w")

    def __init__(self, profile: ComputeProfile) -> None:
        self._curve = Curve(profile)
        self._sw_share = self._curve.share(SW_CLOCK_SHARE * self._curve.highest_mhz)
        self._hw_share = self._curve.share(HW_CLOCK_SHARE * self._curve.highest_mhz)
        self.idle_w, self.max_w = profile.idle_w, profile.max_w
        self.cap_w = profile.max_w
        self.latchup_w = 0.0  # over-current of a latched-up device, until the power is cycled
        self.powered = True
        self.hung = False
        self.hot_plate = False  # the software slows the clock
        self.hot_die = False  # the hardware slows the clock
        self.braked = False  # off because the power unit took the supply away
        self.allocated: dict[str, float] = {}

    @property
    def power_w(self) -> float:
        """What the module draws, W."""
        if not self.powered:
            return 0.0
        if self.hung or not self.allocated:
            return self.idle_w + self.latchup_w
        drawn_w = self.idle_w + (self._dynamic_w() if self.hot_die or self.hot_plate else sum(self.allocated.values()))
        most_w = self.cap_w if self.cap_w < self.max_w else self.max_w
        if drawn_w > most_w:
            drawn_w = most_w if most_w > self.idle_w else self.idle_w
        return drawn_w + self.latchup_w

    @property
    def clock_mhz(self) -> float:
        """The clock, MHz: the lowest when there is nothing to do, 0 when off."""
        if not self.powered:
            return 0.0
        asked_w = sum(self.allocated.values())
        if self.hung or asked_w <= 0.0:
            return self._curve.lowest_mhz
        return self._curve.clock_mhz(min(1.0, (self.power_w - self.latchup_w - self.idle_w) / asked_w))

    @property
    def throttle_reasons(self) -> int:
        """Why it draws less than its jobs want: NVML bits."""
        if not self.powered:
            return POWER_BRAKE | HW_SLOWDOWN if self.braked else 0
        if self.hung:
            return 0
        capped = self.idle_w + self._dynamic_w() > max(self.idle_w, min(self.cap_w, self.max_w))
        reasons = POWER_CAP if capped else 0
        reasons |= SW_THERMAL if self.hot_plate else 0
        return reasons | (HW_THERMAL | HW_SLOWDOWN if self.hot_die else 0)

    def power_on(self) -> None:
        """Give it power again."""
        self.powered, self.braked = True, False

    def power_off(self) -> None:
        """Cut the power; what was allocated is gone, and so is a latch-up."""
        self.powered = False
        self.hot_plate = self.hot_die = False
        self.latchup_w = 0.0
        self.allocated.clear()

    def brake(self) -> None:
        """Cut the power because the power unit cannot give it."""
        self.power_off()
        self.braked = True

    def reset(self) -> None:
        """Power-cycle: on, empty, uncapped, no longer hung or latched up."""
        self.power_off()
        self.power_on()
        self.hung = False
        self.cap_w = self.max_w

    def dump(self) -> dict[str, object]:
        """Return the state as plain values."""
        return {**plain.take(self, STATE), **plain.take(self, FLAGS), "allocated": dict(self.allocated)}

    def restore(self, state: object) -> None:
        """Take a dumped state.

        Raises:
            KeyError, TypeError: it is not one.
        """
        values = plain.table(state)
        plain.give(self, STATE, values)
        for name in FLAGS:
            setattr(self, name, values[name] is True)
        self.allocated = {str(job): plain.number(power) for job, power in plain.table(values["allocated"]).items()}

    def _dynamic_w(self) -> float:
        """Return what the jobs would draw at the clock that temperature allows, W."""
        asked_w = sum(self.allocated.values())
        if self.hot_die:
            return asked_w * self._hw_share
        return asked_w * self._sw_share if self.hot_plate else asked_w
