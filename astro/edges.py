"""When many functions of time change sign: the search of `astro.contacts`, over rows of an array at once.

A row is anything that has a smooth function of time: a satellite above a station, two satellites in sight, an orbit
beside the shadow. Values on a grid give the changes of sign; maxima and minima hidden between its points are searched
for by golden section; every change is then bracketed to a fifth of a millisecond by the Illinois method (Dowell and
Jarratt, "A modified regula falsi method for computing the root of an equation", BIT 11, 1971).
Inside, time is seconds since an origin at a whole minute; what comes out is mission time in whole milliseconds.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from astro.contacts import EDGE_NS
from astro.frames import BoolArray, FloatArray, IndexArray, TimeArray
from icd.timebase import NS_PER_S, MissionTime

BRACKET_S = 2e-4  # width to which an edge is bracketed
_CLAMP_S = BRACKET_S / 4.0
_GOLDEN = 0.6180339887498949
_STEPS_MAX = 60

# (rows, seconds since the origin) -> the rows' values there; all of shape (m,)
Curve = Callable[[IndexArray, FloatArray], FloatArray]


@dataclass(frozen=True, slots=True)
class Spans:
    """Spans of mission time in which rows are positive, by row and then by time.

    Attributes:
        row: which row, shape (m,).
        start: shape (m,), ns.
        end: shape (m,), ns.
    """

    row: IndexArray
    start: TimeArray
    end: TimeArray

    def __len__(self) -> int:
        return len(self.row)

    def clipped(self, start: MissionTime, end: MissionTime) -> "Spans":
        """Return the parts of the spans that lie between two instants."""
        low, high = np.maximum(self.start, start), np.minimum(self.end, end)
        keep = low < high
        return Spans(self.row[keep], low[keep], high[keep])


@dataclass(frozen=True, slots=True)
class Grid:
    """Values of rows at equal steps of time.

    Attributes:
        values: shape (rows, k).
        first_s: seconds from the origin to each row's first value, shape (rows,).
        step_s: seconds from one value to the next.
        origin: a whole minute of mission time.
    """

    values: FloatArray
    first_s: FloatArray
    step_s: float
    origin: MissionTime

    def seconds(self, rows: IndexArray, places: IndexArray) -> FloatArray:
        """Return the instants of some values, s since the origin."""
        result: FloatArray = self.first_s[rows] + places * self.step_s
        return result


@dataclass(frozen=True, slots=True)
class _Brackets:
    """Stretches of time over which a row changes sign once."""

    rows: IndexArray
    low_s: FloatArray
    low: FloatArray
    high_s: FloatArray
    high: FloatArray


def positive_spans(curve: Curve, grid: Grid) -> Spans:
    """Return the spans in which each row is positive, from the first to the last of its values on the grid."""
    changes, hidden = _changes(grid), _hidden(curve, grid)
    brackets = _Brackets(
        *(np.concatenate([getattr(part, name) for part in (changes, *hidden)]) for name in _Brackets.__slots__)
    )
    edges = to_mission(grid.origin, roots(curve, brackets.rows, (brackets.low_s, brackets.high_s), brackets.low))
    rising = brackets.high > 0.0
    open_rows, last = np.flatnonzero(grid.values[:, 0] > 0.0), grid.values.shape[1] - 1
    shut_rows = np.flatnonzero(grid.values[:, last] > 0.0)
    row_in = np.concatenate([open_rows, brackets.rows[rising]])
    row_out = np.concatenate([brackets.rows[~rising], shut_rows])
    starts = to_mission(grid.origin, grid.seconds(open_rows, np.zeros_like(open_rows)))
    ends = to_mission(grid.origin, grid.seconds(shut_rows, np.full_like(shut_rows, last)))
    start, end = np.concatenate([starts, edges[rising]]), np.concatenate([edges[~rising], ends])
    in_order, out_order = np.lexsort((start, row_in)), np.lexsort((end, row_out))
    row, start, end = row_in[in_order], start[in_order], end[out_order]
    assert np.array_equal(row, row_out[out_order]), "every rise of a row has its fall"
    keep = start < end
    return Spans(row[keep], start[keep], end[keep])


def overlap(a: Spans, b: Spans) -> Spans:
    """Return the spans in which a row is in both of two sets of spans."""
    row = np.concatenate([a.row, b.row, a.row, b.row])
    at = np.concatenate([a.start, b.start, a.end, b.end])
    step = np.repeat(np.array([1, -1], dtype=np.int64), len(a) + len(b))
    order = np.lexsort((step, at, row))  # at one instant ends go before starts
    row, at = row[order], at[order]
    both = np.flatnonzero(np.cumsum(step[order]) == 2)
    start, end = at[both], at[both + 1]
    keep = start < end
    return Spans(row[both][keep], start[keep], end[keep])


def to_mission(origin: MissionTime, seconds: FloatArray) -> TimeArray:
    """Return mission times in whole milliseconds."""
    per_s = NS_PER_S // EDGE_NS
    result: TimeArray = origin + np.rint(seconds * per_s).astype(np.int64) * EDGE_NS
    return result


def roots(curve: Curve, rows: IndexArray, span_s: tuple[FloatArray, FloatArray], at_low: FloatArray) -> FloatArray:
    """Return where each row changes sign, s since the origin.

    Args:
        curve: the rows' function.
        rows: shape (m,).
        span_s: before and after the change, s since the origin, each of shape (m,).
        at_low: the values at the first of the two.
    """
    low_s, high_s, low = span_s[0].copy(), span_s[1].copy(), at_low.copy()
    high = curve(rows, high_s)
    positive, side = low > 0.0, np.zeros(len(rows), dtype=np.int64)
    left = np.arange(len(rows))  # those not narrow enough yet
    for _ in range(_STEPS_MAX):
        left = left[high_s[left] - low_s[left] > BRACKET_S]
        if not left.size:
            break
        a, b, fa, fb = low_s[left], high_s[left], low[left], high[left]
        middle = np.clip(a + (b - a) * (fa / (fa - fb)), a + _CLAMP_S, b - _CLAMP_S)
        value = curve(rows[left], middle)
        below = (value > 0.0) == positive[left]
        before = side[left]
        low_s[left], high_s[left] = np.where(below, middle, a), np.where(below, b, middle)
        low[left] = np.where(below, value, np.where(before == 1, fa * 0.5, fa))
        high[left] = np.where(below, np.where(before == -1, fb * 0.5, fb), value)
        side[left] = np.where(below, -1, 1)
    result: FloatArray = 0.5 * (low_s + high_s)
    return result


def _changes(grid: Grid) -> _Brackets:
    up = grid.values > 0.0
    rows, places = np.nonzero(up[:, :-1] != up[:, 1:])
    return _between(grid, rows, places)


def _between(grid: Grid, rows: IndexArray, places: IndexArray) -> _Brackets:
    low_s, high_s = grid.seconds(rows, places), grid.seconds(rows, places + 1)
    return _Brackets(rows, low_s, grid.values[rows, places], high_s, grid.values[rows, places + 1])


def _hidden(curve: Curve, grid: Grid) -> tuple[_Brackets, _Brackets]:
    """Return the two changes beside each extremum between grid points that alone has its sign."""
    rows, places, peak = _suspects(grid.values)
    at, value = _extrema(curve, rows, grid.seconds(rows, places - 1), grid.seconds(rows, places + 1), peak)
    found = (value > 0.0) == peak
    rows, places, at, value = rows[found], places[found], at[found], value[found]
    below = np.where(at < grid.seconds(rows, places), places - 1, places)
    around = _between(grid, rows, below)
    return (
        _Brackets(rows, around.low_s, around.low, at, value),
        _Brackets(rows, at, value, around.high_s, around.high),
    )


def _suspects(values: FloatArray) -> tuple[IndexArray, IndexArray, BoolArray]:
    """Return rows and places of grid extrema that may hide a change of sign, and which of them are maxima.

    The parabola through three points, the middle one highest, rises above it by an eighth of their second difference
    at most; the whole of it is allowed for.
    """
    left, middle, right = values[:, :-2], values[:, 1:-1], values[:, 2:]
    negative = middle <= 0.0
    top = negative & (middle > left) & (middle >= right)  # of two equal values the first: one suspect an extremum
    pit = ~negative & (middle < left) & (middle <= right)
    rows, places = np.nonzero(top | pit)
    centre, peak = middle[rows, places], top[rows, places]
    bend = np.abs(left[rows, places] - 2.0 * centre + right[rows, places])
    near = np.abs(centre) <= bend
    return rows[near], places[near] + 1, peak[near]


def _extrema(
    curve: Curve, rows: IndexArray, low_s: FloatArray, high_s: FloatArray, peak: BoolArray
) -> tuple[FloatArray, FloatArray]:
    """Return time and value of maxima (where `peak`) and minima, by golden section; each ends early past zero."""
    sign = np.where(peak, 1.0, -1.0)
    low, high = low_s.copy(), high_s.copy()
    a, b = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    fa, fb = sign * curve(rows, a), sign * curve(rows, b)
    left = np.arange(len(rows))
    for _ in range(_STEPS_MAX):
        left = left[(np.maximum(fa[left], fb[left]) <= 0.0) & (b[left] - a[left] > BRACKET_S)]
        if not left.size:
            break
        higher = fa[left] > fb[left]
        low[left], high[left] = np.where(higher, low[left], a[left]), np.where(higher, b[left], high[left])
        kept, kept_value = np.where(higher, a[left], b[left]), np.where(higher, fa[left], fb[left])
        width = _GOLDEN * (high[left] - low[left])
        fresh = np.where(higher, high[left] - width, low[left] + width)
        value = sign[left] * curve(rows[left], fresh)
        a[left], fa[left] = np.where(higher, fresh, kept), np.where(higher, value, kept_value)
        b[left], fb[left] = np.where(higher, kept, fresh), np.where(higher, kept_value, value)
    first = fa > fb
    return np.where(first, a, b), sign * np.where(first, fa, fb)
