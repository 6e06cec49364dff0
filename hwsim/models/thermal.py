"""One thermal node with a radiator: C dT/dt = Q - k T^4, k = emissivity x sigma x area, solved exactly.

With Te = (Q/k)^(1/4) the time to a temperature is
t(T) = C / (4 k Te^3) [ ln |(Te+T)/(Te-T)| + 2 atan(T/Te) ] + const (separation of variables, partial fractions).
With T = Te tanh y below Te and Te coth y above, the bracket is 2 y + 2 atan(T/Te), which Newton's method inverts
without cancellation and, from the starting point used here, without overshoot. Constant: CODATA 2018.
"""

import math
from dataclasses import dataclass

STEFAN_BOLTZMANN_W_M2_K4 = 5.670374419e-8
ZERO_C_K = 273.15

_SETTLED_FRAC = 1e-12  # nearer than this to Te a body stays there
_Y_MAX = 18.0  # tanh and coth are 1 to the last bit from here on
_NEWTON_STEPS_MAX = 60


@dataclass(slots=True)
class Radiator:
    """A body of one temperature that is heated and radiates."""

    area_m2: float
    emissivity: float
    heat_capacity_j_k: float
    temp_k: float

    @property
    def temp_c(self) -> float:
        """Temperature in degrees Celsius."""
        return self.temp_k - ZERO_C_K

    def equilibrium_k(self, heat_w: float) -> float:
        """Return the temperature at which the radiator rejects that much heat."""
        return float((heat_w / self._k()) ** 0.25)

    def advance(self, heat_w: float, span_s: float) -> None:
        """Let a span pass under constant heat."""
        if span_s <= 0.0:
            return
        if heat_w <= 0.0:
            self.temp_k = float((self.temp_k**-3 + 3.0 * self._k() / self.heat_capacity_j_k * span_s) ** (-1.0 / 3.0))
            return
        end = self.equilibrium_k(heat_w)
        ratio = self.temp_k / end
        if abs(ratio - 1.0) < _SETTLED_FRAC:
            return
        heating = ratio < 1.0
        y = math.atanh(ratio if heating else 1.0 / ratio)
        goal = _bracket(y, heating) + span_s * 4.0 * self._k() * end**3 / self.heat_capacity_j_k
        y = _inverse(goal, y, heating)
        self.temp_k = end * math.tanh(y) if heating else end / math.tanh(y)

    def crossing_s(self, heat_w: float, target_k: float) -> float | None:
        """Return when the body reaches a temperature under constant heat, s; None when it never does."""
        if target_k == self.temp_k or target_k <= 0.0:
            return None
        if heat_w <= 0.0:
            if target_k > self.temp_k:
                return None
            return (target_k**-3 - self.temp_k**-3) * self.heat_capacity_j_k / (3.0 * self._k())
        end = self.equilibrium_k(heat_w)
        before, after = self.temp_k / end, target_k / end
        if not (before < after < 1.0 - _SETTLED_FRAC or before > after > 1.0 + _SETTLED_FRAC):
            return None
        heating = before < 1.0
        spans = [_bracket(math.atanh(ratio if heating else 1.0 / ratio), heating) for ratio in (before, after)]
        return (spans[1] - spans[0]) * self.heat_capacity_j_k / (4.0 * self._k() * end**3)

    def _k(self) -> float:
        return self.emissivity * STEFAN_BOLTZMANN_W_M2_K4 * self.area_m2


def _bracket(y: float, heating: bool) -> float:
    ratio = math.tanh(y)
    return 2.0 * y + 2.0 * math.atan(ratio if heating else 1.0 / ratio)


def _inverse(goal: float, low: float, heating: bool) -> float:
    """Return y with bracket(y) = goal; the start lies on the side from which Newton's steps fall monotonically."""
    y = max(low, (goal - math.pi / 2.0) / 2.0)
    for _ in range(_NEWTON_STEPS_MAX):
        if y > _Y_MAX:
            return _Y_MAX
        slope = 2.0 + (2.0 if heating else -2.0) / math.cosh(2.0 * y)
        step = (goal - _bracket(y, heating)) / slope
        y += step
        if abs(step) < 1e-14 * max(1.0, y):
            break
    return y
