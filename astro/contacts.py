"""When things begin and end: passes over a site, eclipses, and laser sight between two satellites.

A 30 s grid finds the crossings, maxima and minima hidden between its points are searched for, and each edge is refined
to a millisecond. The grid lies at whole half-minutes of mission time: whoever asks, from whatever moment, gets the same
edge to the nanosecond, which is what lets two nodes make one plan without talking.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from astro import frames, shadow, sight, sun
from astro.frames import FloatArray, Site, TimeArray
from astro.orbit import Ephemeris
from icd.timebase import NS_PER_S, MissionTime

GRID_S = 30
EDGE_NS = 1_000_000  # edges are given in whole milliseconds
ECLIPSE_S_MAX = 2_700  # the longest eclipse of a low orbit, with room; searched for on both sides of the span

_GRID_NS = GRID_S * NS_PER_S
_GOLDEN = 0.6180339887498949
_REFINE_STEPS_MAX = 40

Scalar = Callable[[MissionTime], float]
Many = Callable[[TimeArray], FloatArray]


@dataclass(frozen=True, slots=True)
class Interval:
    """A span of mission time, from `start` up to `end`."""

    start: MissionTime
    end: MissionTime


@dataclass(frozen=True, slots=True)
class Eclipse:
    """One eclipse, with its true edges. The umbra edges are None when the satellite only grazes the penumbra."""

    penumbra_in: MissionTime
    umbra_in: MissionTime | None
    umbra_out: MissionTime | None
    penumbra_out: MissionTime


def passes(ephemeris: Ephemeris, site: Site, start: MissionTime, end: MissionTime) -> tuple[Interval, ...]:
    """Return when the satellite stands above the site's mask, cut to the span."""

    def height(at: MissionTime) -> float:
        itrf = frames.teme_to_itrf(ephemeris.position(at), at)
        return sight.sin_elevation(itrf, site) - site.sin_mask

    def heights(times: TimeArray) -> FloatArray:
        itrf = frames.teme_to_itrf_many(ephemeris.positions(times), times)
        return sight.sin_elevations(itrf, site) - site.sin_mask

    return _clip(positive_spans(height, heights, start, end), start, end)


def eclipses(
    ephemeris: Ephemeris, start: MissionTime, end: MissionTime, flattening: float = 0.0
) -> tuple[Eclipse, ...]:
    """Return the eclipses that touch the span, with edges that may lie outside it (up to ECLIPSE_S_MAX).

    The Earth is a sphere, or with a flattening (`shadow.EARTH_FLATTENING`) an ellipsoid.
    """
    wide_start = MissionTime(start - ECLIPSE_S_MAX * NS_PER_S)
    wide_end = MissionTime(end + ECLIPSE_S_MAX * NS_PER_S)

    def depth(umbra: bool) -> tuple[Interval, ...]:
        return positive_spans(
            lambda at: -shadow.margin_km(ephemeris.position(at), sun.position(at), umbra, flattening),
            lambda times: -shadow.margins_km(ephemeris.positions(times), sun.positions(times), umbra, flattening),
            wide_start,
            wide_end,
        )

    umbras = depth(umbra=True)
    found = []
    for outer in depth(umbra=False):
        if outer.end <= start or outer.start >= end:
            continue
        inner = next((span for span in umbras if outer.start <= span.start and span.end <= outer.end), None)
        if inner is None:
            found.append(Eclipse(outer.start, None, None, outer.end))
        else:
            found.append(Eclipse(outer.start, inner.start, inner.end, outer.end))
    return tuple(found)


def sights(
    a: Ephemeris, b: Ephemeris, start: MissionTime, end: MissionTime, *, range_max_km: float, graze_km: float
) -> tuple[Interval, ...]:
    """Return when two satellites see each other within a range and over a grazing height, cut to the span."""
    clear = positive_spans(
        lambda at: sight.clearance_km(a.position(at), b.position(at)) - graze_km,
        lambda times: sight.clearances_km(a.positions(times), b.positions(times)) - graze_km,
        start,
        end,
    )
    near = positive_spans(
        lambda at: range_max_km - sight.range_km(a.position(at), b.position(at)),
        lambda times: range_max_km - np.linalg.norm(a.positions(times).km - b.positions(times).km, axis=1),
        start,
        end,
    )
    both = []
    for one in clear:
        for other in near:
            low, high = max(one.start, other.start), min(one.end, other.end)
            if low < high:
                both.append(Interval(low, high))
    return _clip(tuple(both), start, end)


def positive_spans(scalar: Scalar, many: Many, start: MissionTime, end: MissionTime) -> tuple[Interval, ...]:
    """Return the spans in which a smooth function of time is positive, over the grid that covers start to end.

    `scalar` gives the function at one instant, `many` at an array of them.
    """
    first, last = start // _GRID_NS - 1, -(-end // _GRID_NS) + 1
    times = np.arange(first, last + 1, dtype=np.int64) * _GRID_NS
    values = many(times)
    points = _with_hidden_extrema(scalar, times, values)
    found: list[Interval] = []
    opened = MissionTime(points[0][0]) if points[0][1] > 0.0 else None
    for (t0, v0), (t1, v1) in itertools.pairwise(points):
        if (v0 > 0.0) == (v1 > 0.0):
            continue
        edge = _crossing(scalar, t0, v0, t1, v1)
        if v1 > 0.0:
            opened = edge
        elif opened is not None:
            found.append(Interval(opened, edge))
            opened = None
    if opened is not None:
        found.append(Interval(opened, MissionTime(points[-1][0])))
    return tuple(span for span in found if span.start < span.end)


def _clip(spans: tuple[Interval, ...], start: MissionTime, end: MissionTime) -> tuple[Interval, ...]:
    cut = (Interval(max(span.start, start), min(span.end, end)) for span in spans)
    return tuple(span for span in cut if span.start < span.end)


def _with_hidden_extrema(scalar: Scalar, times: TimeArray, values: FloatArray) -> list[tuple[int, float]]:
    """Return the points of the grid where something happens, with those extrema between them that change sign."""
    left, middle, right = values[:-2], values[1:-1], values[2:]
    curvature = np.abs(left - 2.0 * middle + right)
    peak = (middle <= 0.0) & (middle >= left) & (middle >= right) & (middle + curvature > 0.0)
    pit = (middle > 0.0) & (middle <= left) & (middle <= right) & (middle - curvature <= 0.0)
    extra: list[tuple[int, float]] = []
    for index in np.flatnonzero(peak | pit).tolist():
        sign = 1.0 if bool(peak[index]) else -1.0
        at, value = _extremum(scalar, int(times[index]), int(times[index + 2]), sign)
        if (value > 0.0) != (values[index + 1] > 0.0):
            extra.append((at, value))
    changes = np.flatnonzero((values[:-1] > 0.0) != (values[1:] > 0.0))
    keep = sorted({0, len(values) - 1, *changes.tolist(), *(changes + 1).tolist()})
    points = {int(times[index]): float(values[index]) for index in keep}
    if extra:  # their neighbours on the grid must stand beside them
        grid = dict(zip(times.tolist(), values.tolist(), strict=True))
        for at, value in extra:
            below = at // _GRID_NS * _GRID_NS
            points[below], points[below + _GRID_NS] = grid[below], grid[below + _GRID_NS]
            points[at] = value
    return sorted(points.items())


def _extremum(scalar: Scalar, low: int, high: int, sign: float) -> tuple[int, float]:
    """Return time and value of the maximum (sign 1) or minimum (sign -1) by golden section; ends early past zero."""
    width = high - low
    a, b = high - round(_GOLDEN * width), low + round(_GOLDEN * width)
    fa, fb = sign * scalar(MissionTime(a)), sign * scalar(MissionTime(b))
    for _ in range(_REFINE_STEPS_MAX):
        if max(fa, fb) > 0.0 or b - a < EDGE_NS:
            break
        if fa > fb:
            high, b, fb = b, a, fa
            a = high - round(_GOLDEN * (high - low))
            fa = sign * scalar(MissionTime(a))
        else:
            low, a, fa = a, b, fb
            b = low + round(_GOLDEN * (high - low))
            fb = sign * scalar(MissionTime(b))
    return (a, sign * fa) if fa > fb else (b, sign * fb)


def _crossing(scalar: Scalar, low: int, f_low: float, high: int, f_high: float) -> MissionTime:
    """Return where the function changes sign, to a millisecond, by the Illinois variant of false position."""
    side = 0
    for _ in range(_REFINE_STEPS_MAX):
        if high - low <= EDGE_NS:
            break
        middle = low + round((high - low) * (f_low / (f_low - f_high)))
        middle = min(max(middle, low + EDGE_NS // 4), high - EDGE_NS // 4)
        value = scalar(MissionTime(middle))
        if (value > 0.0) == (f_low > 0.0):
            low, f_low = middle, value
            f_high, side = (f_high * 0.5, -1) if side == -1 else (f_high, -1)
        else:
            high, f_high = middle, value
            f_low, side = (f_low * 0.5, 1) if side == 1 else (f_low, 1)
    return MissionTime(round((low + high) / 2 / EDGE_NS) * EDGE_NS)
