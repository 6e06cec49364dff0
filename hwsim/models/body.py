"""One body that is heated and radiates: C dT/dt = Q - k T^4, solved exactly.

With Te = (Q/k)^(1/4) the time to a temperature is
t(T) = C / (4 k Te^3) [ ln |(Te+T)/(Te-T)| + 2 atan(T/Te) ] + const (separation of variables, partial fractions).
With T = Te tanh y below Te and Te coth y above, the bracket is 2 y + 2 atan(T/Te), which Newton's method inverts
without cancellation and, from the starting point used here, without overshoot. The same substitution gives the mean
temperature over a span: the integral of T dt is C / (4 k Te^2) ln cosh 2y. Constant: CODATA 2018.
"""

import math
from typing import NamedTuple

STEFAN_BOLTZMANN_W_M2_K4 = 5.670374419e-8
ZERO_C_K = 273.15

_SETTLED_FRAC = 1e-12  # nearer than this to Te a body stays there
_Y_MAX = 18.0  # tanh and coth are 1 to the last bit from here on
_NEWTON_STEPS_MAX = 60
_LOG_2 = math.log(2.0)


class Mark(NamedTuple):
    """A place on the way to equilibrium: T/Te, y, and the two sums that time and heat are differences of."""

    ratio: float
    y: float
    bracket: float
    log_cosh: float


class Body:
    """A body under constant heat."""

    __slots__ = ("equilibrium_k", "heat_capacity_j_k", "heat_w", "radiance_w_k4", "scale_s")

    def __init__(self, radiance_w_k4: float, heat_capacity_j_k: float, heat_w: float) -> None:
        """Make a body.

        Args:
            radiance_w_k4: k, emissivity x sigma x area of all its sides.
            heat_capacity_j_k: C.
            heat_w: Q, above 0.
        """
        self.radiance_w_k4 = radiance_w_k4
        self.heat_capacity_j_k = heat_capacity_j_k
        self.heat_w = heat_w
        self.equilibrium_k = float((heat_w / radiance_w_k4) ** 0.25)  # where it rejects its heat
        self.scale_s = heat_capacity_j_k / (4.0 * radiance_w_k4 * self.equilibrium_k**3)

    def after_k(self, temp_k: float, span_s: float) -> float:
        """Return the temperature after a span."""
        end = self.equilibrium_k
        ratio = temp_k / end
        if span_s <= 0.0 or abs(ratio - 1.0) < _SETTLED_FRAC:
            return temp_k
        heating = ratio < 1.0
        y = _depth(ratio)
        y = _inverse(_bracket(y, heating) + span_s / self.scale_s, y, heating)
        return end * math.tanh(y) if heating else end / math.tanh(y)

    def crossing_s(self, temp_k: float, target_k: float) -> float | None:
        """Return when the body reaches a temperature, s; None when it never does, or is there."""
        end = self.equilibrium_k
        before, after = temp_k / end, target_k / end
        if not (before < after < 1.0 - _SETTLED_FRAC or before > after > 1.0 + _SETTLED_FRAC):
            return None
        return self.time_s(self.mark(temp_k), self.mark(target_k))

    def mark(self, temp_k: float) -> "Mark":
        """Return a temperature as a place on the way to equilibrium, for `time_s` and `mean_k`."""
        ratio = temp_k / self.equilibrium_k
        y = _depth(ratio)
        return Mark(ratio, y, 2.0 * y + 2.0 * math.atan(ratio), _log_cosh(2.0 * y))

    def time_s(self, before: "Mark", after: "Mark") -> float:
        """Return how long the way from one place to another takes, s."""
        return (after.bracket - before.bracket) * self.scale_s

    def mean_k(self, before: "Mark", after: "Mark", span_s: float) -> float:
        """Return the mean temperature over the span in which the body went from one place to another."""
        end = self.equilibrium_k
        if span_s <= 0.0 or abs(before.ratio - 1.0) < _SETTLED_FRAC:
            return before.ratio * end
        area = after.log_cosh
        if after.y >= _Y_MAX:  # it arrived: what is left of the span it spent at Te
            area = _log_cosh(span_s / self.scale_s + before.bracket - math.pi / 2.0)
        return end * self.scale_s * (area - before.log_cosh) / span_s


def _depth(ratio: float) -> float:
    """Return y with T/Te = tanh y below Te and coth y above, cut where nothing is left to tell."""
    if abs(ratio - 1.0) < _SETTLED_FRAC:
        return _Y_MAX
    return min(_Y_MAX, math.atanh(ratio if ratio < 1.0 else 1.0 / ratio))


def _log_cosh(x: float) -> float:
    return x + math.log1p(math.exp(-2.0 * x)) - _LOG_2


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
