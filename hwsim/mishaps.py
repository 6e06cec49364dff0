"""What befalls one tracked link by chance: short fades, and at last a loss of tracking. Both are Poisson processes.

Every draw has its own stream, named by pair, number of the link and number of the draw: nothing that happens elsewhere,
and no restart of the simulator, moves it.
"""

from dataclasses import dataclass

from hwsim import plain
from icd.timebase import MissionTime, after
from icd.vehicle import LasersProfile
from runtime import seeds

_HOUR_S = 3600.0
_NEVER_S = 1e6  # a draw beyond this is of no link


@dataclass(slots=True)
class Mishaps:
    """When one link's tracking is lost, and when its present fade, or the time until the next one, ends."""

    lasers: LasersProfile
    seed: int
    name: str  # of pair and link
    loss_at: MissionTime | None = None
    turns_at: MissionTime | None = None
    faded: bool = False
    turns: int = 0  # fades begun and ended

    def begin(self, now: MissionTime) -> None:
        """Draw the first of each; when the link is locked."""
        self.loss_at = self._drawn(now, "loss", _per(self.lasers.losses_per_h))
        self.turns_at = self._drawn(now, "0", _per(self.lasers.fades_per_h))

    def turn(self, now: MissionTime) -> bool:
        """Begin or end a fade when one is due; return whether one was."""
        if self.turns_at is None or self.turns_at > now:
            return False
        self.turns += 1
        self.faded = not self.faded
        mean_s = self.lasers.fade_s if self.faded else _per(self.lasers.fades_per_h)
        self.turns_at = self._drawn(self.turns_at, str(self.turns), mean_s)
        return True

    def lost(self, now: MissionTime) -> bool:
        """Return whether tracking is lost by now."""
        return self.loss_at is not None and self.loss_at <= now

    def next_at(self) -> MissionTime | None:
        """Return when something next happens."""
        return min((at for at in (self.loss_at, self.turns_at) if at is not None), default=None)

    def dump(self) -> dict[str, object]:
        """Return the state as plain values."""
        return {"loss_at": self.loss_at, "turns_at": self.turns_at, "faded": self.faded, "turns": self.turns}

    def restore(self, state: dict[str, object]) -> None:
        """Take a dumped state.

        Raises:
            KeyError, TypeError: it is not one.
        """
        self.loss_at, self.turns_at = _at(state["loss_at"]), _at(state["turns_at"])
        self.faded, self.turns = state["faded"] is True, plain.whole(state["turns"])

    def _drawn(self, now: MissionTime, what: str, mean_s: float | None) -> MissionTime | None:
        if mean_s is None:
            return None
        span_s = seeds.stream(self.seed, f"{self.name}/{what}").expovariate(1.0 / mean_s)
        return after(now, span_s) if span_s < _NEVER_S else None


def _per(rate_per_h: float) -> float | None:
    """Return the mean time between events of a rate, s."""
    return _HOUR_S / rate_per_h if rate_per_h > 0.0 else None


def _at(value: object) -> MissionTime | None:
    return None if value is None else MissionTime(plain.whole(value))
