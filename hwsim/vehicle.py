"""One satellite's power and heat: array, battery, loads, radiator and compute module, advanced from event to event."""

from collections.abc import Callable
from dataclasses import dataclass

from astro import sun
from astro.orbit import Ephemeris
from hwsim.kernel import PHYSICS, Kernel, later
from hwsim.models import array
from hwsim.models.battery import Battery
from hwsim.models.compute import THROTTLE_HYSTERESIS_K, Compute
from hwsim.models.thermal import ZERO_C_K, Radiator
from hwsim.spans import LightBook
from icd.hw import LoadProfile
from icd.timebase import seconds_between
from icd.vehicle import VehicleProfile

SOC_DEADBAND_FRAC = 0.005
TEMP_DEADBAND_K = 1.0
START_TEMP_C = 20.0
HORIZON_S = 7 * 86_400.0  # predictions further ahead than this are left until something changes

_NEAR_K = 1e-6  # a crossing predicted to the nanosecond lands this near its threshold


@dataclass(frozen=True, slots=True)
class Trim:
    """How one satellite differs from its class: charge at the start, and what its array's pointing costs."""

    soc_frac: float
    pointing_frac: float


class Vehicle:
    """The physics of one satellite. Powers are constant between events, so every state is a closed form.

    `on_change` is told the unit (`eps`, `thermal` or `compute`) of which something changed that a reading should tell.
    """

    def __init__(
        self,
        kernel: Kernel,
        profile: VehicleProfile,
        ephemeris: Ephemeris,
        trim: Trim,
        on_change: Callable[[str], None],
    ) -> None:
        self._kernel = kernel
        self._profile = profile
        self._on_change = on_change
        self._trim = trim
        self._light = LightBook(ephemeris)
        self._at = kernel.now
        self._sun_au = sun.distance_au(kernel.now)
        self.battery = Battery.at(
            profile.battery.capacity_wh,
            trim.soc_frac,
            profile.battery.charge_efficiency_frac,
            profile.battery.discharge_efficiency_frac,
        )
        self.radiator = Radiator(
            profile.thermal.radiator_m2,
            profile.thermal.emissivity_frac,
            profile.thermal.heat_capacity_j_k,
            START_TEMP_C + ZERO_C_K,
        )
        self.compute = Compute(profile.compute.idle_w, profile.compute.max_w, profile.compute.max_w)
        self.load_profile = LoadProfile.FULL
        self.sunlit_frac = self._light.frac(kernel.now)
        self.heater_on = True
        self._array_health_frac = 1.0
        self._latchup_w = 0.0
        self.brown_outs = 0
        self._told_wh, self._told_k = self.battery.energy_wh, self.radiator.temp_k
        self._light_slot = kernel.slot(self._on_light, PHYSICS)
        self._empty_slot = kernel.slot(self._on_empty, PHYSICS)
        self._heat_slot = kernel.slot(self._on_heat, PHYSICS)
        self._soc_slot = kernel.slot(lambda: on_change("eps"), PHYSICS)
        self._temp_slot = kernel.slot(lambda: on_change("thermal"), PHYSICS)

    @property
    def solar_w(self) -> float:
        """What the array can give now, W; a full battery leaves part of it unused."""
        derate = self._profile.array.derate_frac * self._trim.pointing_frac * self._array_health_frac
        return array.power_w(self._profile.array.nameplate_w, derate, self.sunlit_frac, self._sun_au)

    @property
    def load_w(self) -> float:
        """What bus and compute module draw now, W."""
        return self._bus_w() + self.module_w

    @property
    def module_w(self) -> float:
        """What the compute module draws now, W, a latch-up included."""
        return self.compute.power_w + (self._latchup_w if self.compute.powered else 0.0)

    @property
    def too_hot(self) -> bool:
        """Whether the module would trip at once."""
        return self.radiator.temp_c >= self._profile.thermal.trip_c - _NEAR_K

    @property
    def heat_w(self) -> float:
        """What the radiator is given now, W: the module's draw and the background."""
        return self.module_w + self._profile.thermal.background_w

    def settle(self) -> None:
        """Bring battery and radiator to the present instant; before anything is read or changed."""
        now = self._kernel.now
        span_s = seconds_between(self._at, now)
        if span_s > 0.0:
            self.battery.advance(self.solar_w, self.load_w, span_s)
            self.radiator.advance(self.heat_w, span_s)
            self._at = now

    def predict(self) -> None:
        """Predict every crossing anew; after anything changed."""
        self._regulate()
        now, solar_w, load_w, heat_w = self._kernel.now, self.solar_w, self.load_w, self.heat_w
        battery, radiator = self.battery, self.radiator
        self._light_slot.set(self._light.next_change(now))
        self._empty_slot.set(later(now, battery.crossing_s(solar_w, load_w, 0.0), HORIZON_S))
        heating = heat_w > 0.0 and radiator.equilibrium_k(heat_w) > radiator.temp_k
        self._heat_slot.set(later(now, self._next_threshold_s(heat_w, heating), HORIZON_S))
        self.predict_deadbands()

    def tell(self) -> None:
        """Take the present charge and temperature as told: deadbands start from here."""
        self._told_wh, self._told_k = self.battery.energy_wh, self.radiator.temp_k
        self.predict_deadbands()

    def predict_deadbands(self) -> None:
        """Predict when charge or temperature leaves the deadband around what was last told."""
        now, width = self._kernel.now, SOC_DEADBAND_FRAC * self.battery.capacity_wh
        rising = self.solar_w > self.load_w
        goal_wh = self._told_wh + (width if rising else -width)
        self._soc_slot.set(later(now, self.battery.crossing_s(self.solar_w, self.load_w, goal_wh), HORIZON_S))
        heat_w = self.heat_w
        heating = heat_w > 0.0 and self.radiator.equilibrium_k(heat_w) > self.radiator.temp_k
        goal_k = self._told_k + (TEMP_DEADBAND_K if heating else -TEMP_DEADBAND_K)
        self._temp_slot.set(later(now, self.radiator.crossing_s(heat_w, goal_k), HORIZON_S))

    def set_array_health(self, frac: float) -> None:
        """Leave a fraction of the array's power; a fault point."""
        self.settle()
        self._array_health_frac = frac
        self.predict()

    def set_battery_health(self, frac: float) -> None:
        """Leave a fraction of the battery's nominal capacity; a fault point."""
        self.settle()
        self.battery.resize(self._profile.battery.capacity_wh * frac)
        self.predict()

    def set_heater(self, on: bool) -> None:
        """Switch the battery's heater; a fault point."""
        self.heater_on = on

    def set_latchup_w(self, extra_w: float) -> None:
        """Have the module draw this much more while it is powered, W; a fault point."""
        self.settle()
        self._latchup_w = extra_w
        self.predict()

    def hang(self, hung: bool) -> None:
        """Begin or end a hang of the module; a fault point."""
        self.settle()
        self.compute.hung = hung
        self.predict()

    def brown_out(self) -> None:
        """Shed all that the power unit can; a fault point."""
        self.settle()
        self.brown_outs += 1
        self.compute.power_off()
        self.load_profile = LoadProfile.MINIMAL
        self.predict()
        for unit in ("eps", "compute"):
            self._on_change(unit)

    def dump(self) -> dict[str, object]:
        """Return the state as plain values."""
        book = self.battery.book
        return {
            "capacity_wh": self.battery.capacity_wh,
            "energy_wh": self.battery.energy_wh,
            "start_wh": self.battery.start_wh,
            "book": {name: getattr(book, name) for name in book.__slots__},
            "temp_k": self.radiator.temp_k,
            "load_profile": self.load_profile.value,
            "brown_outs": self.brown_outs,
            "sun_au": self._sun_au,
            "cap_w": self.compute.cap_w,
            "powered": self.compute.powered,
            "throttled": self.compute.throttled,
            "allocated": dict(self.compute.allocated),
        }

    def restore(self, state: dict[str, object]) -> None:
        """Take a dumped state.

        Raises:
            KeyError, TypeError, ValueError: it is not one.
        """
        battery = self.battery
        battery.capacity_wh, battery.energy_wh = _number(state["capacity_wh"]), _number(state["energy_wh"])
        battery.start_wh = _number(state["start_wh"])
        book = state["book"]
        if not isinstance(book, dict):
            raise TypeError("book is not a map")
        for name in battery.book.__slots__:
            setattr(battery.book, name, _number(book[name]))
        self.radiator.temp_k = _number(state["temp_k"])
        self.load_profile = LoadProfile(str(state["load_profile"]))
        self.brown_outs = int(_number(state["brown_outs"]))
        self._sun_au = _number(state["sun_au"])
        self.compute.cap_w = _number(state["cap_w"])
        self.compute.powered, self.compute.throttled = bool(state["powered"]), bool(state["throttled"])
        allocated = state["allocated"]
        if not isinstance(allocated, dict):
            raise TypeError("allocated is not a map")
        self.compute.allocated = {str(job): _number(power) for job, power in allocated.items()}

    def _bus_w(self) -> float:
        match self.load_profile:
            case LoadProfile.FULL:
                return self._profile.bus.full_w
            case LoadProfile.REDUCED:
                return self._profile.bus.reduced_w
            case LoadProfile.MINIMAL:
                return self._profile.bus.minimal_w

    def _next_threshold_s(self, heat_w: float, heating: bool) -> float | None:
        profile, compute = self._profile, self.compute
        goals_c: list[float] = []
        if heating and compute.powered:
            goals_c = (
                [profile.thermal.trip_c] if compute.throttled else [profile.thermal.throttle_c, profile.thermal.trip_c]
            )
        elif compute.throttled:
            goals_c = [profile.thermal.throttle_c - THROTTLE_HYSTERESIS_K]
        spans = [self.radiator.crossing_s(heat_w, goal + ZERO_C_K) for goal in goals_c]
        return min((span for span in spans if span is not None), default=None)

    def _on_light(self) -> None:
        self.settle()
        self._sun_au = sun.distance_au(self._kernel.now)
        frac = self._light.frac(self._kernel.now)
        changed = frac != self.sunlit_frac
        self.sunlit_frac = frac
        self.predict()
        if changed:
            self._on_change("eps")

    def _on_heat(self) -> None:
        self.settle()
        self.predict()
        for unit in ("thermal", "compute", "eps"):
            self._on_change(unit)

    def _regulate(self) -> None:
        """Let the hardware protect itself.

        The power unit sheds all it can when the battery is empty; the module goes off at its trip temperature and is
        throttled from its throttle temperature on.
        """
        compute, temp_c = self.compute, self.radiator.temp_c
        if self.battery.energy_wh <= 0.0 and self.solar_w < self.load_w:
            compute.power_off()
            self.load_profile = LoadProfile.MINIMAL
        if compute.powered and temp_c >= self._profile.thermal.trip_c - _NEAR_K:
            compute.power_off()
        elif compute.powered and not compute.throttled and temp_c >= self._profile.thermal.throttle_c - _NEAR_K:
            compute.throttled = True
        elif compute.throttled and temp_c <= self._profile.thermal.throttle_c - THROTTLE_HYSTERESIS_K + _NEAR_K:
            compute.throttled = False

    def _on_empty(self) -> None:
        self.settle()
        self.brown_outs += 1
        self.predict()
        for unit in ("eps", "compute"):
            self._on_change(unit)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is not a number")
    return float(value)
