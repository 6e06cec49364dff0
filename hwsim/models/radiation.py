"""Radiation: what strikes a satellite's memory and logic, and the dose that it gathers.

One clock runs for all of it: `exposure`, seconds of the mean environment. Outside the South Atlantic Anomaly it runs
slower than time and inside it faster, by weights of mean 1 over a day. Over exposure every process is a homogeneous
Poisson process (time change of a point process: Daley & Vere-Jones, An Introduction to the Theory of Point Processes,
section 7.4), so the next event is an exponential draw, exact, and the edges of the anomaly are events.
Ratio inside to outside and rates come with the vehicle profile.
"""

import math
import random
from dataclasses import dataclass

import numpy as np

DAY_S = 86_400.0
YEAR_S = 365.25 * DAY_S


@dataclass(frozen=True, slots=True)
class Weights:
    """How fast exposure runs, outside and inside the anomaly."""

    outside: float
    inside: float

    @classmethod
    def of(cls, saa_factor: float, inside_frac: float) -> "Weights":
        """Return the weights whose mean over the day is 1.

        Args:
            saa_factor: rate inside over rate outside.
            inside_frac: of the day that is spent inside.
        """
        outside = 1.0 / (1.0 - inside_frac + saa_factor * inside_frac)
        return cls(outside, saa_factor * outside)


@dataclass(slots=True)
class Exposure:
    """The clock of radiation: seconds of the mean environment since the start."""

    weights: Weights
    inside: bool = False
    seconds: float = 0.0

    @property
    def weight(self) -> float:
        """How fast it runs now."""
        return self.weights.inside if self.inside else self.weights.outside

    def advance(self, span_s: float) -> None:
        """Let a span pass, all inside or all outside."""
        self.seconds += self.weight * span_s

    def reaches_s(self, goal: float) -> float:
        """Return when the clock shows a value unless the environment changes before, s from now."""
        return max(0.0, goal - self.seconds) / self.weight


@dataclass(slots=True)
class Arrivals:
    """One kind of event: its rate, how many there were, and the exposure at which the next one comes."""

    per_day: float
    count: int = 0
    next_at: float = math.inf

    def draw(self, rng: random.Random) -> None:
        """Draw the gap to the next event, counted from the last."""
        if self.per_day > 0.0:
            start = self.next_at if math.isfinite(self.next_at) else 0.0
            self.next_at = start + rng.expovariate(self.per_day / DAY_S)


def dose_rad(rad_per_year: float, exposure_s: float) -> float:
    """Return the total dose after an exposure, rad."""
    return rad_per_year * exposure_s / YEAR_S


def generator(rng: random.Random) -> np.random.Generator:
    """Return a generator of counts, seeded from a stream."""
    return np.random.Generator(np.random.PCG64(rng.getrandbits(128)))


@dataclass(slots=True)
class Upsets:
    """Single upsets, far too many to be events: Poisson counts over spans of exposure, drawn when somebody reads."""

    per_day: float
    counts: np.random.Generator
    total: int = 0
    read_at: float = 0.0  # exposure up to which they are drawn

    def read(self, exposure_s: float) -> int:
        """Return how many there were up to an exposure."""
        mean = self.per_day / DAY_S * (exposure_s - self.read_at)
        if mean > 0.0:
            self.total += int(self.counts.poisson(mean))
            self.read_at = exposure_s
        return self.total
