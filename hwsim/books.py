"""The books of one satellite: where its energy and its heat came from and went. They close at every event, or it stops.

Each entry is summed on its own from what a model did; what is stored is read from the model's state. That the two agree
to a billionth says that no step of the simulation made or lost any.
"""

from dataclasses import dataclass

from hwsim.errors import EnergyBookError, HeatBookError

BOOK_TOLERANCE_FRAC = 1e-9


@dataclass(slots=True)
class EnergyBook:
    """Sums of energy since the start, Wh.

    `curtailed_wh` is sunlight that a full or cold battery could not take, `unserved_wh` load that an empty or too
    feeble one could not feed, `cells_lost_wh` and `faded_wh` what left with capacity that was lost.
    """

    start_wh: float
    solar_wh: float = 0.0
    load_wh: float = 0.0
    conversion_loss_wh: float = 0.0
    resistance_loss_wh: float = 0.0
    curtailed_wh: float = 0.0
    unserved_wh: float = 0.0
    cells_lost_wh: float = 0.0
    faded_wh: float = 0.0

    def check(self, stored_wh: float) -> None:
        """Hold the sums against each other.

        Raises:
            EnergyBookError: they differ by more than BOOK_TOLERANCE_FRAC of what went through.
        """
        gained = self.start_wh + self.solar_wh + self.unserved_wh
        lost = self.conversion_loss_wh + self.resistance_loss_wh + self.cells_lost_wh + self.faded_wh
        spent = stored_wh + self.load_wh + lost + self.curtailed_wh
        # Written so that a sum that is no number fails too.
        if not abs(gained - spent) <= BOOK_TOLERANCE_FRAC * gained + 1e-9:
            raise EnergyBookError(f"energy book: {gained!r} Wh came in, {spent!r} Wh went out or is stored")


@dataclass(slots=True)
class HeatBook:
    """Sums of heat in the cooling chain since the start, J."""

    start_j: float
    compute_j: float = 0.0
    background_j: float = 0.0
    sunlight_j: float = 0.0
    albedo_j: float = 0.0
    infrared_j: float = 0.0
    radiated_j: float = 0.0

    def check(self, stored_j: float) -> None:
        """Hold the sums against each other.

        Raises:
            HeatBookError: they differ by more than BOOK_TOLERANCE_FRAC of what went through and is stored.
        """
        gained = self.start_j + self.compute_j + self.background_j + self.sunlight_j + self.albedo_j + self.infrared_j
        spent = stored_j + self.radiated_j
        if not abs(gained - spent) <= BOOK_TOLERANCE_FRAC * gained:
            raise HeatBookError(f"heat book: {gained!r} J came in, {spent!r} J went out or is stored")
