"""When a sum of decaying exponentials first rises to zero, without missing a root and without stepping.

On an interval every term lies between its values at the ends, so sums of those bound the function and its slope: an
interval on which the upper bound is negative holds no root, one on which the slope keeps its sign holds at most one.
What is neither is halved, the earlier half first (interval bisection: Moore, Interval Analysis, chapter 7).
"""

import math

Four = tuple[float, float, float, float]

_NARROW_S = 1e-9  # an interval this short is a root: the kernel's time is in nanoseconds
_STEPS_MAX = 200


def first_rise_s(offset: float, terms: Four, rates: Four, span_s: float) -> float | None:
    """Return the first time in [0, span_s] at which offset + sum of terms x exp(-rates t) is not negative, s, or None.

    Args:
        offset: what the sum tends to.
        terms: each term at time 0.
        rates: of decay, 1/s, not negative.
        span_s: how far to look.
    """
    if offset + sum(terms) >= 0.0:
        return 0.0
    waiting = [(0.0, span_s)]
    while waiting:
        low, high = waiting.pop()
        before, after = _decayed(terms, rates, low), _decayed(terms, rates, high)
        if offset + sum(map(max, before, after)) < 0.0:
            continue
        slopes = [(-rate * a, -rate * b) for rate, a, b in zip(rates, before, after, strict=True)]
        if sum(max(pair) for pair in slopes) <= 0.0:  # it falls, from below zero
            continue
        rising = sum(min(pair) for pair in slopes) >= 0.0
        if rising and offset + sum(after) < 0.0:
            continue
        if rising:
            return _root_s(offset, terms, rates, low, high)
        if high - low < _NARROW_S:
            return high
        middle = 0.5 * (low + high)
        waiting += [(middle, high), (low, middle)]
    return None


def _decayed(terms: Four, rates: Four, at_s: float) -> list[float]:
    return [term * math.exp(-rate * at_s) for term, rate in zip(terms, rates, strict=True)]


def _root_s(offset: float, terms: Four, rates: Four, low: float, high: float) -> float:
    """Return the one root of an interval on which the function rises, by the Illinois variant of false position."""
    f_low, f_high = offset + sum(_decayed(terms, rates, low)), offset + sum(_decayed(terms, rates, high))
    side = 0
    for _ in range(_STEPS_MAX):
        if f_high <= 0.0 or high - low < 0.1 * _NARROW_S:
            break
        middle = low + (high - low) * f_low / (f_low - f_high)
        if not low < middle < high:
            break
        value = offset + sum(_decayed(terms, rates, middle))
        if value < 0.0:
            low, f_low = middle, value
            f_high, side = (f_high * 0.5, -1) if side == -1 else (f_high, -1)
        else:
            high, f_high = middle, value
            f_low, side = (f_low * 0.5, 1) if side == 1 else (f_low, 1)
    return high
