"""One satellite's power and heat: sky, array, battery, loads, compute and cooling, advanced from event to event.

The electrical side and the thermal side each have their own events, because the array's power moves no heat and the
radiator's moves no charge; what touches both (light, loads) is an event of both.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from astro.orbit import Ephemeris
from hwsim import plain, regulate
from hwsim.kernel import PHYSICS, Kernel, later
from hwsim.models.battery import Battery
from hwsim.models.body import ZERO_C_K
from hwsim.models.compute import Compute
from hwsim.models.thermal import Chain, Node
from hwsim.regulate import Limits
from hwsim.sky import START_TEMP_C, Sky
from icd.hw import HEARTBEAT_S, LoadProfile
from icd.timebase import NS_PER_S, MissionTime
from icd.vehicle import VehicleProfile

SOC_DEADBAND_FRAC = 0.005
TEMP_DEADBAND_K = 1.0
HORIZON_S = 7 * 86_400.0  # predictions further ahead than this are left until something changes

_S_PER_NS = 1.0 / NS_PER_S


@dataclass(frozen=True, slots=True)
class Trim:
    """How one satellite differs from its class: charge at the start, and what its array's pointing costs."""

    soc_frac: float
    pointing_frac: float


class Vehicle:
    """The physics of one satellite. Powers are constant between events, so every state is a closed form.

    `on_change` is told the unit (`eps`, `thermal` or `compute`) of which something changed that a reading should tell;
    with None nobody listens, and deadbands are not predicted. Whoever reads calls `settle` first; whoever changes
    `compute` or `load_profile` calls `settle` before and `predict` after, as the `set_` methods do on their own.
    """

    def __init__(
        self,
        kernel: Kernel,
        profile: VehicleProfile,
        ephemeris: Ephemeris,
        trim: Trim,
        on_change: Callable[[str], None] | None,
    ) -> None:
        self._kernel = kernel
        self._profile = profile
        self._on_change = on_change
        self._bus_w = {
            LoadProfile.FULL: profile.bus.full_w,
            LoadProfile.REDUCED: profile.bus.reduced_w,
            LoadProfile.MINIMAL: profile.bus.minimal_w,
        }
        self._limits = Limits.of(profile.thermal)
        self.sky = Sky(profile, ephemeris, trim.pointing_frac, kernel.now)
        self.battery = Battery(profile.battery, trim.soc_frac)
        self.chain = Chain(profile.thermal, START_TEMP_C + ZERO_C_K)
        self.compute = Compute(profile.compute)
        self.load_profile = LoadProfile.FULL
        self.terminals_w = 0.0
        self.array_health_frac = 1.0
        self.heater_on = True
        self.brown_outs = 0
        self._power_at = self._heat_at = kernel.now  # up to where each side is advanced
        self._power_due = self._heat_due = kernel.now  # the next event of each side
        self._slot = kernel.slot(self._on_due, PHYSICS)
        self._told_wh, self._told_c = self.battery.energy_wh, self.chain.plate_c
        self._soc_slot = kernel.slot(lambda: self._tell("eps"), PHYSICS)
        self._temp_slot = kernel.slot(lambda: self._tell("thermal"), PHYSICS)

    @property
    def load_profile(self) -> LoadProfile:
        """What the bus feeds besides compute and lasers."""
        return self._load_profile

    @load_profile.setter
    def load_profile(self, profile: LoadProfile) -> None:
        self._load_profile = profile
        self._bus_now_w = self._bus_w[profile]  # the hash of an enumeration's member is slow: looked up once a change

    @property
    def sunlit_frac(self) -> float:
        """The visible fraction of the Sun, as stepped."""
        return self.sky.sunlit_frac

    @property
    def solar_w(self) -> float:
        """What the array can give now, W; a full or cold battery leaves part of it unused."""
        return self.sky.array_w * self.array_health_frac

    @property
    def load_w(self) -> float:
        """What bus, compute module and laser terminals draw now, W."""
        return self._bus_now_w + self.compute.power_w + self.terminals_w

    @property
    def array_temp_c(self) -> float:
        """The array's temperature now, degrees Celsius."""
        return self.sky.array_c(self._kernel.now)

    @property
    def too_hot(self) -> bool:
        """Whether the module would trip at once."""
        return regulate.too_hot(self.chain, self._limits)

    def settle(self) -> None:
        """Bring charge and temperatures to the present instant; before anything is read or changed.

        Raises:
            EnergyBookError, HeatBookError: a book does not close.
        """
        now = self._kernel.now
        if now > self._power_at:
            self.battery.advance((now - self._power_at) * _S_PER_NS)
            self._power_at = now
        if now > self._heat_at:
            self.chain.advance((now - self._heat_at) * _S_PER_NS)
            self._heat_at = now

    def predict(self) -> None:
        """Predict every crossing anew; after anything changed."""
        self._predict_loads()
        self._arm()

    def tell(self) -> None:
        """Take the present charge and temperature as told: deadbands start from here."""
        self._told_wh, self._told_c = self.battery.energy_wh, self.chain.plate_c
        self._predict_deadbands()

    def set_array_health(self, frac: float) -> None:
        """Leave a fraction of the array's strings.

        Raises:
            ValueError: it is not from 0 to 1.
        """
        if not 0.0 <= frac <= 1.0:
            raise ValueError(f"array health {frac!r} is not from 0 to 1")
        if frac != self.array_health_frac:
            self.settle()
            self.array_health_frac = frac
            self.predict()

    def set_battery_health(self, frac: float) -> None:
        """Leave a fraction of the battery's cells.

        Raises:
            ValueError: it is not above 0 and at most 1.
        """
        if not 0.0 < frac <= 1.0:
            raise ValueError(f"battery health {frac!r} is not above 0 and at most 1")
        if frac != self.battery.health_frac:
            self.settle()
            self.battery.set_health(frac)
            self.predict()

    def set_heater(self, on: bool) -> None:
        """Let the battery bay's heaters work, or fail."""
        if on != self.heater_on:
            self.settle()
            self.heater_on = on
            self.battery.set_bay_c(self._profile.battery.bay_c if on else self._profile.battery.heater_lost_c)
            self.predict()

    def set_latchup_w(self, extra_w: float) -> None:
        """Have the module draw an over-current until its power is cycled; nothing happens while it is off."""
        if self.compute.powered and extra_w != self.compute.latchup_w:
            self.settle()
            self.compute.latchup_w = extra_w
            self.predict()

    def set_terminals_w(self, power_w: float) -> None:
        """Set what the laser terminals draw together."""
        if power_w != self.terminals_w:
            self.settle()
            self.terminals_w = power_w
            self.predict()

    def hang(self, hung: bool) -> None:
        """Begin or end a hang of the compute module."""
        if hung != self.compute.hung:
            self.settle()
            self.compute.hung = hung
            self.predict()

    def brown_out(self) -> None:
        """Let the supply break down: the power unit sheds all that it can, and brakes the module."""
        self.settle()
        self._shed()
        self.predict()
        self._tell("eps", "compute")

    def dump(self) -> dict[str, object]:
        """Return the state as plain values; `settle` comes before."""
        return {
            "sky": self.sky.dump(),
            "battery": self.battery.dump(),
            "chain": self.chain.dump(),
            "compute": self.compute.dump(),
            "load_profile": self.load_profile.value,
            "terminals_w": self.terminals_w,
            "array_health_frac": self.array_health_frac,
            "heater_on": self.heater_on,
            "brown_outs": self.brown_outs,
            "power_due": self._power_due,
            "heat_due": self._heat_due,
        }

    def restore(self, state: object) -> None:
        """Take a dumped state, of the present instant, and go on from it to the last bit.

        Raises:
            KeyError, TypeError, ValueError: it is not one.
        """
        values = plain.table(state)
        self.sky.restore(values["sky"])
        self.battery.restore(values["battery"])
        self.chain.restore(values["chain"])
        self.compute.restore(values["compute"])
        self.load_profile = LoadProfile(str(values["load_profile"]))
        self.terminals_w = plain.number(values["terminals_w"])
        self.array_health_frac = plain.number(values["array_health_frac"])
        self.heater_on = values["heater_on"] is True
        self.brown_outs = plain.whole(values["brown_outs"])
        self._power_at = self._heat_at = self._kernel.now
        self._power_due = MissionTime(plain.whole(values["power_due"]))
        self._heat_due = MissionTime(plain.whole(values["heat_due"]))
        self._told_wh, self._told_c = self.battery.energy_wh, self.chain.plate_c
        self._arm()

    def _predict_loads(self) -> None:
        """Predict both sides; after a load may have changed."""
        compute_w = self.compute.power_w
        if self._predict_power(self._bus_now_w + compute_w + self.terminals_w):
            self._predict_heat(compute_w)

    def _predict_power(self, load_w: float) -> bool:
        """Predict the electrical side under a load; return False when it is too much, and all was shed that can be."""
        battery, now = self.battery, self._kernel.now
        battery.feed(self.sky.array_w * self.array_health_frac, load_w)
        borne = True
        if battery.unserved_w > 0.0 and (self.compute.powered or self.load_profile is not LoadProfile.MINIMAL):
            borne = False
            self.settle()  # the thermal side may lie behind
            self._shed()
            battery.feed(self.sky.array_w * self.array_health_frac, self.load_w)
            self._predict_heat(self.compute.power_w)
            self._tell("eps", "compute")
        due = self.sky.next_at
        next_s = battery.next_s()
        if next_s < HORIZON_S:
            due = min(due, MissionTime(now + math.ceil(next_s * NS_PER_S)))
        self._power_due = due
        return borne

    def _predict_heat(self, compute_w: float) -> None:
        chain, sky = self.chain, self.sky
        chain.feed(compute_w, sky.sunlight_w, sky.albedo_w, sky.infrared_w)
        span_s = chain.piece_left_s()
        crossing_s = regulate.next_crossing_s(self.compute, chain, self._limits, span_s)
        if crossing_s is not None:
            span_s = crossing_s
        self._heat_due = MissionTime(self._kernel.now + math.ceil(span_s * NS_PER_S))

    def _arm(self) -> None:
        """Set the one event for whichever side comes first."""
        power_due, heat_due = self._power_due, self._heat_due
        self._slot.set(power_due if power_due < heat_due else heat_due)
        if self._on_change is not None:
            self._predict_deadbands()

    def _on_due(self) -> None:
        now, relit = self._kernel.now, False
        told: tuple[str, ...] = ()
        if now >= self._power_due:
            if now > self._power_at:
                self.battery.advance((now - self._power_at) * _S_PER_NS)
                self._power_at = now
            relit = self.sky.next_at <= now and self.sky.move(now)
        if relit or now >= self._heat_due:
            self.settle()
            if regulate.protect(self.compute, self.chain, self._limits):
                told = ("thermal", "compute", "eps")
                self._predict_loads()
            else:
                if relit:
                    told = ("eps",)
                    self._predict_power(self.battery.load_w)
                self._predict_heat(self.chain.compute_w)
        if now >= self._power_due:
            self._predict_power(self.battery.load_w)
        self._arm()
        if told:
            self._tell(*told)

    def _shed(self) -> None:
        self.brown_outs += 1
        self.compute.brake()
        self.load_profile = LoadProfile.MINIMAL

    def _tell(self, *units: str) -> None:
        if self._on_change is not None:
            for unit in units:
                self._on_change(unit)

    def _predict_deadbands(self) -> None:
        """Predict when charge or temperature leaves the deadband around what was last told."""
        now, battery, chain = self._kernel.now, self.battery, self.chain
        width = SOC_DEADBAND_FRAC * battery.capacity_wh
        goal_wh = self._told_wh + (width if battery.rate_w > 0.0 else -width)
        self._soc_slot.set(later(now, battery.crossing_s(goal_wh), HORIZON_S))
        found = [
            chain.crossing_s(Node.PLATE, self._told_c + TEMP_DEADBAND_K, HEARTBEAT_S, rising=True),
            chain.crossing_s(Node.PLATE, self._told_c - TEMP_DEADBAND_K, HEARTBEAT_S, rising=False),
        ]
        self._temp_slot.set(later(now, min((s for s in found if s is not None), default=None), HORIZON_S))
