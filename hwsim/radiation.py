"""What radiation does to one satellite: upsets counted, hangs and latch-ups of its compute module, dose.

The environment changes at the edges of the South Atlantic Anomaly, which are events; between them the next strike of
each kind is known.
"""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum, unique
from typing import Any

from hwsim.kernel import PHYSICS, Kernel, later
from hwsim.models import radiation as model
from hwsim.models.radiation import Arrivals, Exposure, Upsets, Weights
from hwsim.spans import SpanBook
from icd.timebase import MissionTime, after, seconds_between
from icd.vehicle import RadiationProfile
from runtime import seeds

HORIZON_S = 7 * 86_400.0  # strikes further ahead are predicted later, at the latest at the anomaly's next edge
_DAY_S = 86_400.0


@unique
class Strike(StrEnum):
    """What a particle can do besides an upset that error correction mends."""

    INTERRUPT = "INTERRUPT"  # the module hangs
    LATCHUP = "LATCHUP"  # the module draws too much
    UNCORRECTABLE = "UNCORRECTABLE"  # memory is wrong, and known to be


@dataclass(frozen=True, slots=True)
class Victim:
    """Whom radiation strikes: is it powered, and whom to tell of a strike or of an edge of the anomaly (True: in)."""

    node: str
    powered: Callable[[], bool]
    on_strike: Callable[[Strike], None]
    on_edge: Callable[[bool], None]


class Radiation:
    """The radiation on one satellite, and what of it still holds until a power cycle."""

    def __init__(self, kernel: Kernel, profile: RadiationProfile, anomaly: SpanBook, seed: int, victim: Victim) -> None:
        self._kernel = kernel
        self._profile = profile
        self._anomaly = anomaly
        self._seed = seed
        self._victim = victim
        self._at = kernel.now
        self._exposure = Exposure(Weights.of(profile.saa_factor, inside_frac(anomaly, kernel.now)))
        self._exposure.inside = anomaly.covering(kernel.now) is not None
        upsets_per_day = profile.memory_bits * profile.upsets_per_bit_day
        self._arrivals = {
            Strike.INTERRUPT: Arrivals(profile.interrupts_per_day),
            Strike.LATCHUP: Arrivals(profile.latchups_per_day),
            Strike.UNCORRECTABLE: Arrivals(upsets_per_day * profile.multi_bit_frac),
        }
        counts = model.generator(seeds.stream(seed, f"radiation/{victim.node}/upsets"))
        self._upsets = Upsets(upsets_per_day * (1.0 - profile.multi_bit_frac), counts)
        self.uncorrectable = 0
        self.hung = False
        self.latched = False
        self._edge_slot = kernel.slot(self._on_edge, PHYSICS)
        self._strike_slots = {one: kernel.slot(_calls(self._on_strike, one), PHYSICS) for one in Strike}
        for one in Strike:
            self._draw(one)
        self._predict()

    @property
    def inside(self) -> bool:
        """Whether the satellite is in the anomaly."""
        return self._exposure.inside

    @property
    def corrected(self) -> int:
        """How many upsets error correction has mended so far."""
        self._settle()
        return self._upsets.read(self._exposure.seconds)

    @property
    def dose_rad(self) -> float:
        """The total dose so far, rad."""
        self._settle()
        return model.dose_rad(self._profile.dose_rad_per_year, self._exposure.seconds)

    def strike(self, what: Strike) -> None:
        """Let a strike take effect; a module without power feels none."""
        if not self._victim.powered():
            return
        match what:
            case Strike.INTERRUPT:
                self.hung = True
            case Strike.LATCHUP:
                self.latched = True
            case Strike.UNCORRECTABLE:
                self.uncorrectable += 1
        self._victim.on_strike(what)

    def power_cycle(self) -> None:
        """End what a power cycle ends."""
        self.hung = self.latched = False

    def dump(self) -> dict[str, object]:
        """Return the state as plain values."""
        self._settle()
        return {
            "exposure_s": self._exposure.seconds,
            "weights": asdict(self._exposure.weights),
            "arrivals": {one.value: [arrivals.count, arrivals.next_at] for one, arrivals in self._known()},
            "upsets": [self._upsets.total, self._upsets.read_at, self._upsets.counts.bit_generator.state],
            "uncorrectable": self.uncorrectable,
            "hung": self.hung,
            "latched": self.latched,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take a dumped state.

        Raises:
            KeyError, TypeError, ValueError: it is not one.
        """
        exposure = self._exposure
        exposure.weights = Weights(float(state["weights"]["outside"]), float(state["weights"]["inside"]))
        exposure.seconds = float(state["exposure_s"])
        for one, (count, next_at) in state["arrivals"].items():
            arrivals = self._arrivals[Strike(one)]
            arrivals.count, arrivals.next_at = int(count), float(next_at)
        total, read_at, counts = state["upsets"]
        self._upsets.total, self._upsets.read_at = int(total), float(read_at)
        self._upsets.counts.bit_generator.state = counts
        self.uncorrectable = int(state["uncorrectable"])
        self.hung, self.latched = state["hung"] is True, state["latched"] is True
        self._predict()

    def _known(self) -> list[tuple[Strike, Arrivals]]:
        """Return the processes that have a next event: JSON has no infinity."""
        return [(one, arrivals) for one, arrivals in self._arrivals.items() if math.isfinite(arrivals.next_at)]

    def _settle(self) -> None:
        now = self._kernel.now
        self._exposure.advance(seconds_between(self._at, now))
        self._at = now

    def _predict(self) -> None:
        now = self._kernel.now
        self._edge_slot.set(self._anomaly.next_change(now))
        for one, arrivals in self._arrivals.items():
            delay_s = self._exposure.reaches_s(arrivals.next_at)
            self._strike_slots[one].set(later(now, delay_s, HORIZON_S))

    def _draw(self, one: Strike) -> None:
        arrivals = self._arrivals[one]
        name = f"radiation/{self._victim.node}/{one.value.lower()}/{arrivals.count}"
        arrivals.draw(seeds.stream(self._seed, name))

    def _on_edge(self) -> None:
        self._settle()
        inside = self._anomaly.covering(self._kernel.now) is not None
        changed = inside is not self._exposure.inside
        self._exposure.inside = inside
        self._predict()
        if changed:
            self._victim.on_edge(inside)

    def _on_strike(self, one: Strike) -> None:
        self._settle()
        self._arrivals[one].count += 1
        self._draw(one)
        self._predict()
        self.strike(one)


def inside_frac(anomaly: SpanBook, start: MissionTime) -> float:
    """Return the fraction of the day from an instant on that is spent in the anomaly."""
    end, at, inside_s = after(start, _DAY_S), start, 0.0
    while at < end:
        change = min(end, anomaly.next_change(at))
        if anomaly.covering(at) is not None:
            inside_s += seconds_between(at, change)
        at = change
    return inside_s / _DAY_S


def _calls(callback: Callable[[Strike], None], one: Strike) -> Callable[[], None]:
    return lambda: callback(one)
