"""Battery: stored energy, resistance, temperature and fade in closed form under constant power.

Between events array and load power are constant. With a constant open-circuit voltage V and a resistance R the current
is then constant too: at the terminals P = V I + R I^2 while charging and P = V I - R I^2 while discharging, so
I = 2 P / (V + sqrt(V^2 +- 4 R P)), and a load beyond V^2 / 4R cannot be fed. Stored energy is linear in time:
dE/dt = eta_c V I charging, -V I / eta_d discharging, held at empty and at capacity. R I^2 warms the pack, one node that
conducts to its bay: C dT/dt = R I^2 + G (T_bay - T), an exponential. R follows Arrhenius,
R = R_ref exp(k (1/T - 1/T_ref)); it is held between events, and the pack's moving by RESISTANCE_BAND_K is one.
Below `charge_min_c` no charge is taken, because lithium plates; the crossing is an event.
Sources: internal-resistance (Rint) model as in Johnson, J. Power Sources 110, 321; efficiencies, limits and constants
come with the vehicle profile. Fade: hwsim/models/fade.py.
"""

import math

from hwsim import plain
from hwsim.books import EnergyBook
from hwsim.models.body import ZERO_C_K
from hwsim.models.fade import Rainflow
from icd.vehicle import BatteryProfile

RESISTANCE_BAND_K = 0.5  # 1.1 % of the resistance of a lithium-ion pack
CAPACITY_LEFT_MIN_FRAC = 0.05  # a pack fades no further: it has long been replaced, or the mission is over
_S_PER_H = 3600.0
_H_PER_S = 1.0 / _S_PER_H
_NEAR_K = 1e-9  # a crossing predicted to the nanosecond lands this near its threshold

STATE = (
    "capacity_wh",
    "energy_wh",
    "temp_k",
    "health_frac",
    "solar_w",
    "load_w",
    "rate_w",
    "current_a",
    "unserved_w",
    "curtailed_w",
    "conversion_w",
    "resistive_w",
    "goal_k",
    "bay_k",
)
BOOK = tuple(EnergyBook.__dataclass_fields__)


class Battery:
    """One pack. `feed` holds powers, `advance` lets time pass, `next_s` says when `feed` must be called again."""

    __slots__ = (
        *STATE,
        "_arrhenius_k",
        "_bay_w_k",
        "_charge_frac",
        "_charge_min_k",
        "_discharge_frac",
        "_per_reference_k",
        "_profile",
        "_resistance_ohm",
        "_tau_s",
        "_voltage_v",
        "book",
        "chargeable",
        "direction",
        "flow",
    )

    capacity_wh: float
    rate_w: float  # of stored energy
    goal_k: float  # what the pack's temperature tends to
    bay_k: float

    def __init__(self, profile: BatteryProfile, soc_frac: float) -> None:
        self._profile = profile
        self._voltage_v = profile.voltage_v
        self._resistance_ohm = profile.resistance_ohm
        self._arrhenius_k = profile.resistance_k
        self._per_reference_k = 1.0 / (profile.reference_c + ZERO_C_K)
        self._charge_frac = profile.charge_efficiency_frac
        self._discharge_frac = profile.discharge_efficiency_frac
        self._bay_w_k = profile.bay_w_k
        self._charge_min_k = profile.charge_min_c + ZERO_C_K
        self._tau_s = profile.heat_capacity_j_k / profile.bay_w_k
        self.capacity_wh = profile.capacity_wh
        self.energy_wh = profile.capacity_wh * soc_frac
        self.health_frac = 1.0
        self.bay_k = self.temp_k = self.goal_k = profile.bay_c + ZERO_C_K
        self.chargeable = profile.bay_c >= profile.charge_min_c
        self.solar_w = self.load_w = self.rate_w = self.current_a = 0.0
        self.unserved_w = self.curtailed_w = self.conversion_w = self.resistive_w = 0.0
        self.direction = 0  # of the stored energy: 1 up, -1 down, 0 not moved yet
        self.flow = Rainflow(profile)
        self.book = EnergyBook(self.energy_wh)

    @property
    def soc_frac(self) -> float:
        """State of charge, 0 to 1, of the capacity that is left."""
        return min(1.0, max(0.0, self.energy_wh / self.capacity_wh))

    @property
    def temp_c(self) -> float:
        """Temperature of the pack in degrees Celsius."""
        return self.temp_k - ZERO_C_K

    @property
    def left_frac(self) -> float:
        """The capacity that is left, of the first."""
        return self.capacity_wh / self._profile.capacity_wh

    def feed(self, solar_w: float, load_w: float) -> None:
        """Hold array and load power from now on, and what follows from them."""
        self.solar_w, self.load_w = solar_w, load_w
        net_w = solar_w - load_w
        if self.temp_k - self._charge_min_k > _NEAR_K:
            self.chargeable = True
        else:
            self._heed_cold()
        if net_w > 0.0:
            self.unserved_w = 0.0
            if self.energy_wh < self.capacity_wh and self.chargeable:
                resistance, voltage = self._resistance(), self._voltage_v
                current = 2.0 * net_w / (voltage + math.sqrt(voltage * voltage + 4.0 * resistance * net_w))
                passed_w = voltage * current
                rate_w = passed_w * self._charge_frac
                self.current_a, self.curtailed_w = current, 0.0
                self.conversion_w, resistive_w = passed_w - rate_w, net_w - passed_w
            else:
                self.curtailed_w, rate_w, resistive_w = net_w, 0.0, 0.0
                self.current_a = self.conversion_w = 0.0
        else:
            self.curtailed_w = 0.0
            rate_w, resistive_w = self._discharge(-net_w)
        self.rate_w, self.resistive_w = rate_w, resistive_w
        self.goal_k = self.bay_k + resistive_w / self._bay_w_k
        if rate_w * self.direction <= 0.0 and rate_w != 0.0:
            self._turn(1 if rate_w > 0.0 else -1)

    def advance(self, span_s: float) -> None:
        """Let a span pass under what is fed; no further than `next_s`, or the pack's heat is that of before.

        Raises:
            EnergyBookError: the sums do not close.
        """
        book, hours, rate_w = self.book, span_s * _H_PER_S, self.rate_w
        used = hours
        energy = self.energy_wh + rate_w * hours
        if rate_w > 0.0:
            if energy >= self.capacity_wh:
                used = hours - (energy - self.capacity_wh) / rate_w
                energy = self.capacity_wh
                book.curtailed_wh += (self.solar_w - self.load_w) * (hours - used)
        elif energy <= 0.0 and rate_w < 0.0:
            used = hours - energy / rate_w
            energy = 0.0
            book.unserved_wh += (self.load_w - self.solar_w) * (hours - used)
        self.energy_wh = energy
        book.solar_wh += self.solar_w * hours
        book.load_wh += self.load_w * hours
        if rate_w != 0.0:
            book.conversion_loss_wh += self.conversion_w * used
            book.resistance_loss_wh += self.resistive_w * used
        if self.curtailed_w > 0.0:
            book.curtailed_wh += self.curtailed_w * used
        if self.unserved_w > 0.0:
            book.unserved_wh += self.unserved_w * used
        book.check(energy)
        if self.temp_k != self.goal_k:
            self.temp_k = self.goal_k + (self.temp_k - self.goal_k) * math.exp(-span_s / self._tau_s)

    def next_s(self) -> float:
        """Return when to `feed` again: full, empty, warm or cold enough, resistance moved; inf for never, s."""
        soonest, rate_w = math.inf, self.rate_w
        if rate_w > 0.0:
            soonest = (self.capacity_wh - self.energy_wh) / rate_w * _S_PER_H
        elif rate_w < 0.0:
            soonest = -self.energy_wh / rate_w * _S_PER_H
        gap = self.goal_k - self.temp_k
        if gap > RESISTANCE_BAND_K or gap < -RESISTANCE_BAND_K:
            moved_s = -self._tau_s * math.log1p(-RESISTANCE_BAND_K / abs(gap))
            soonest = moved_s if moved_s < soonest else soonest
        limit = self._charge_min_k - self.temp_k
        if 0.0 < limit < gap or gap < limit < 0.0:
            soonest = min(soonest, -self._tau_s * math.log1p(-limit / gap))
        return soonest

    def crossing_s(self, target_wh: float) -> float | None:
        """Return when the stored energy reaches a value, s; None when it never does."""
        gap = target_wh - self.energy_wh
        if not 0.0 <= target_wh <= self.capacity_wh or gap * self.rate_w <= 0.0:
            return None
        return gap / self.rate_w * _S_PER_H

    def set_health(self, health_frac: float) -> None:
        """Leave a fraction of the cells: those that go take their share of the energy along, others return empty."""
        self.health_frac = health_frac
        self.book.cells_lost_wh += self._resize()
        self.book.check(self.energy_wh)

    def set_bay_c(self, bay_c: float) -> None:
        """Set what the bay is kept at; `feed` must follow."""
        self.bay_k = bay_c + ZERO_C_K

    def dump(self) -> dict[str, object]:
        """Return the state as plain values."""
        return {
            **plain.take(self, STATE),
            "book": plain.take(self.book, BOOK),
            "chargeable": self.chargeable,
            "direction": self.direction,
            "turns": list(self.flow.turns),
            "damage_frac": self.flow.damage_frac,
        }

    def restore(self, state: object) -> None:
        """Take a dumped state.

        Raises:
            KeyError, TypeError: it is not one.
        """
        values = plain.table(state)
        plain.give(self, STATE, values)
        plain.give(self.book, BOOK, values["book"])
        self.chargeable = values["chargeable"] is True
        self.direction = plain.whole(values["direction"])
        self.flow.turns = plain.numbers(values["turns"])
        self.flow.damage_frac = plain.number(values["damage_frac"])

    def _discharge(self, power_w: float) -> tuple[float, float]:
        """Hold a load on the pack; return the rate of stored energy and the resistive heat, W."""
        if self.energy_wh <= 0.0 or power_w == 0.0:
            self.current_a = self.conversion_w = 0.0
            self.unserved_w = power_w
            return 0.0, 0.0
        resistance, voltage = self._resistance(), self._voltage_v
        square = voltage * voltage - 4.0 * resistance * power_w
        if square < 0.0:  # the most it can give: half the voltage is lost inside
            current = voltage / (2.0 * resistance)
            served_w = 0.5 * voltage * current
        else:
            current = 2.0 * power_w / (voltage + math.sqrt(square))
            served_w = power_w
        passed_w = voltage * current
        drawn_w = passed_w / self._discharge_frac
        self.current_a, self.unserved_w = -current, power_w - served_w
        self.conversion_w = drawn_w - passed_w
        return -drawn_w, passed_w - served_w

    def _resistance(self) -> float:
        return self._resistance_ohm * math.exp(self._arrhenius_k * (1.0 / self.temp_k - self._per_reference_k))

    def _heed_cold(self) -> None:
        """Decide whether charge may be taken; at the limit itself the way the temperature goes decides."""
        above = self.temp_k - self._charge_min_k
        if -_NEAR_K <= above <= _NEAR_K:
            if self.goal_k != self.temp_k:
                self.chargeable = self.goal_k > self.temp_k
        else:
            self.chargeable = above > 0.0

    def _turn(self, direction: int) -> None:
        self.direction = direction
        if self.flow.turn(self.energy_wh / self.capacity_wh):
            self.book.faded_wh += self._resize()

    def _resize(self) -> float:
        """Set the capacity to what health and fade leave; return the energy that went with it, Wh."""
        profile = self._profile
        left = max(CAPACITY_LEFT_MIN_FRAC, 1.0 - (1.0 - profile.end_of_life_frac) * self.flow.damage_frac)
        capacity = profile.capacity_wh * left * self.health_frac
        gone = 0.0
        if capacity < self.capacity_wh:
            gone = self.energy_wh * (1.0 - capacity / self.capacity_wh)
            self.energy_wh -= gone
        self.capacity_wh = capacity
        return gone
