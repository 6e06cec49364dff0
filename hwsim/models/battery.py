"""Battery: stored energy in closed form under constant power, with efficiencies and saturation, and its book.

Between events power is constant, so energy is linear in time: dE/dt = eta_c P while charging and P / eta_d while
discharging, held at empty and at capacity. Source: Coulomb counting in energy form, as in ShipItAndPray/orbital-compute
(power model) and Basilisk simpleBattery; the efficiencies come with the vehicle profile.
"""

from dataclasses import dataclass

from hwsim.errors import EnergyBookError

BOOK_TOLERANCE_FRAC = 1e-9
_S_PER_H = 3600.0


@dataclass(slots=True)
class Book:
    """Sums of energy since the start, Wh. `unserved_wh` is load that an empty battery could not feed."""

    solar_wh: float = 0.0
    load_wh: float = 0.0
    conversion_loss_wh: float = 0.0
    curtailed_wh: float = 0.0
    unserved_wh: float = 0.0
    cells_lost_wh: float = 0.0

    def check(self, start_wh: float, now_wh: float) -> None:
        """Hold the sums against each other.

        Raises:
            EnergyBookError: they differ by more than BOOK_TOLERANCE_FRAC of what went through.
        """
        gained = start_wh + self.solar_wh + self.unserved_wh
        spent = now_wh + self.load_wh + self.conversion_loss_wh + self.curtailed_wh + self.cells_lost_wh
        if abs(gained - spent) > BOOK_TOLERANCE_FRAC * max(1.0, gained):
            raise EnergyBookError(f"energy book: {gained!r} Wh came in, {spent!r} Wh went out or is stored")


@dataclass(slots=True)
class Battery:
    """Stored energy and the book of where it came from and went."""

    capacity_wh: float
    energy_wh: float
    charge_efficiency_frac: float
    discharge_efficiency_frac: float
    book: Book
    start_wh: float

    @classmethod
    def at(cls, capacity_wh: float, soc_frac: float, charge_frac: float, discharge_frac: float) -> "Battery":
        """Return a battery at a state of charge, with an empty book."""
        energy = capacity_wh * soc_frac
        return cls(capacity_wh, energy, charge_frac, discharge_frac, Book(), energy)

    @property
    def soc_frac(self) -> float:
        """State of charge, 0 to 1, of the capacity that is left."""
        return min(1.0, max(0.0, self.energy_wh / self.capacity_wh))

    def advance(self, solar_w: float, load_w: float, span_s: float) -> None:
        """Let a span pass under constant array and load power.

        Raises:
            EnergyBookError: the sums do not close.
        """
        if span_s <= 0.0:
            return
        book, hours = self.book, span_s / _S_PER_H
        book.solar_wh += solar_w * hours
        book.load_wh += load_w * hours
        surplus = (solar_w - load_w) * hours
        if surplus >= 0.0:
            room = (self.capacity_wh - self.energy_wh) / self.charge_efficiency_frac
            used = min(surplus, room)
            self.energy_wh = self.capacity_wh if used == room else self.energy_wh + used * self.charge_efficiency_frac
            book.conversion_loss_wh += used * (1.0 - self.charge_efficiency_frac)
            book.curtailed_wh += surplus - used
        else:
            within = self.energy_wh * self.discharge_efficiency_frac
            used = min(-surplus, within)
            drawn = self.energy_wh if used == within else used / self.discharge_efficiency_frac
            self.energy_wh -= drawn
            book.conversion_loss_wh += drawn - used
            book.unserved_wh += -surplus - used
        book.check(self.start_wh, self.energy_wh)

    def crossing_s(self, solar_w: float, load_w: float, target_wh: float) -> float | None:
        """Return when the stored energy reaches a value under constant power, s; None when it never does."""
        net = solar_w - load_w
        rate = net * self.charge_efficiency_frac if net > 0.0 else net / self.discharge_efficiency_frac
        gap = target_wh - self.energy_wh
        if not 0.0 <= target_wh <= self.capacity_wh or rate == 0.0 or gap == 0.0 or (gap > 0.0) != (rate > 0.0):
            return None
        return gap / rate * _S_PER_H

    def resize(self, capacity_wh: float) -> None:
        """Change the capacity: cells that go take their share of the energy along, cells that return are empty."""
        if capacity_wh < self.capacity_wh:
            kept = self.energy_wh * capacity_wh / self.capacity_wh
            self.book.cells_lost_wh += self.energy_wh - kept
            self.energy_wh = kept
        self.capacity_wh = capacity_wh
        self.book.check(self.start_wh, self.energy_wh)
