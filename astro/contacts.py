"""When things begin and end: passes over a site, eclipses, and laser sight between two satellites.

A 30 s grid finds the crossings, maxima and minima hidden between its points are searched for, and each edge is refined
to a millisecond. The grid lies at whole half-minutes of mission time: whoever asks, from whatever moment, gets the same
edge to the nanosecond, which is what lets two nodes make one plan without talking.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from astro import frames, shadow, sight, sun
from astro.frames import FloatArray, Site, TemeTrack, TimeArray
from astro.orbit import Ephemeris
from astro.sight import Limits
from icd.timebase import NS_PER_S, MissionTime

GRID_S = 30
EDGE_NS = 1_000_000  # edges are given in whole milliseconds
ECLIPSE_S_MAX = 2_700  # the longest eclipse of a low orbit, with room; searched for on both sides of the span

_GRID_NS = GRID_S * NS_PER_S
_STEP_NS_MIN = EDGE_NS // 4  # of a search, away from the ends of what is left
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
    satellite, sunlight, margin_km = ephemeris.position, sun.position, shadow.margin_km

    def umbral(at: MissionTime) -> float:
        return -margin_km(satellite(at), sunlight(at), True, flattening)

    def penumbral(at: MissionTime) -> float:
        return -margin_km(satellite(at), sunlight(at), False, flattening)

    # Where the span begins or ends in the light, no eclipse that touches it lies further out.
    wide_start, wide_end = start, end
    if penumbral(MissionTime((start // _GRID_NS - 1) * _GRID_NS)) > 0.0:
        wide_start = MissionTime(start - ECLIPSE_S_MAX * NS_PER_S)
    if penumbral(MissionTime((-(-end // _GRID_NS) + 1) * _GRID_NS)) > 0.0:
        wide_end = MissionTime(end + ECLIPSE_S_MAX * NS_PER_S)

    times = _grid(wide_start, wide_end)
    umbra, penumbra = shadow.both_margins_km(ephemeris.positions(times), sun.positions(times), flattening)
    umbras = _spans(umbral, times, -umbra)
    found = []
    for outer in _spans(penumbral, times, -penumbra):
        if outer.end <= start or outer.start >= end:
            continue
        inner = next((span for span in umbras if outer.start <= span.start and span.end <= outer.end), None)
        if inner is None:
            found.append(Eclipse(outer.start, None, None, outer.end))
        else:
            found.append(Eclipse(outer.start, inner.start, inner.end, outer.end))
    return tuple(found)


def sights(a: Ephemeris, b: Ephemeris, start: MissionTime, end: MissionTime, limits: Limits) -> tuple[Interval, ...]:
    """Return when the laser terminals of two satellites see each other within their limits, cut to the span."""
    times = _grid(start, end)
    at_a, at_b = a.positions(times), b.positions(times)
    spans = _both(
        _spans(
            lambda at: sight.clearance_km(a.position(at), b.position(at)) - limits.graze_km,
            times,
            sight.clearances_km(at_a, at_b) - limits.graze_km,
        ),
        _near(a, b, limits.range_max_km, times, np.linalg.norm(at_a.km - at_b.km, axis=1)),
    )
    if not spans:
        return ()
    suns = sun.positions(times)
    for one, other, at_one, at_other in ((a, b, at_a, at_b), (b, a, at_b, at_a)):
        spans = _in_regard(spans, one, other, limits, (times, at_one, at_other))
        spans = _off_sun(spans, one, other, limits.cos_sun_exclusion, (times, at_one, at_other, suns))
    return _clip(spans, start, end)


def within_range(
    a: Ephemeris, b: Ephemeris, start: MissionTime, end: MissionTime, range_max_km: float
) -> tuple[Interval, ...]:
    """Return when two satellites are nearer to each other than a range, cut to the span."""
    times = _grid(start, end)
    distances = np.linalg.norm(a.positions(times).km - b.positions(times).km, axis=1)
    return _clip(_near(a, b, range_max_km, times, distances), start, end)


def positive_spans(scalar: Scalar, many: Many, start: MissionTime, end: MissionTime) -> tuple[Interval, ...]:
    """Return the spans in which a smooth function of time is positive, over the grid that covers start to end.

    `scalar` gives the function at one instant, `many` at an array of them.
    """
    times = _grid(start, end)
    return _spans(scalar, times, many(times))


def _grid(start: MissionTime, end: MissionTime) -> TimeArray:
    """Return the whole half-minutes that cover a span, with one more at either side."""
    first, last = start // _GRID_NS - 1, -(-end // _GRID_NS) + 1
    return np.arange(first, last + 1, dtype=np.int64) * _GRID_NS


def _spans(scalar: Scalar, times: TimeArray, values: FloatArray) -> tuple[Interval, ...]:
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


def _near(
    a: Ephemeris, b: Ephemeris, range_max_km: float, times: TimeArray, distances: FloatArray
) -> tuple[Interval, ...]:
    return _spans(
        lambda at: range_max_km - sight.range_km(a.position(at), b.position(at)), times, range_max_km - distances
    )


def _in_regard(
    spans: tuple[Interval, ...],
    one: Ephemeris,
    other: Ephemeris,
    limits: Limits,
    grid: tuple[TimeArray, TemeTrack, TemeTrack],
) -> tuple[Interval, ...]:
    """Return what of the spans is left while the line lies in the field of regard of the first satellite."""
    low, high = limits.sin_elevation_min, limits.sin_elevation_max
    times, at_one, at_other = grid
    for edge, margins in enumerate(sight.regards_km(at_one, at_other, low, high)):

        def margin(at: MissionTime, edge: int = edge) -> float:
            return sight.regard_km(one.position(at), other.position(at), low, high)[edge]

        left: list[Interval] = []
        for span, cells, doubtful in _looked_at(spans, times, margins):
            left += _both((span,), _spans(margin, times[cells], margins[cells])) if doubtful else (span,)
        spans = tuple(left)
    return spans


def _off_sun(
    spans: tuple[Interval, ...],
    one: Ephemeris,
    other: Ephemeris,
    cos_exclusion: float,
    grid: tuple[TimeArray, TemeTrack, TemeTrack, TemeTrack],
) -> tuple[Interval, ...]:
    """Return what of the spans is left while the Sun does not blind the first satellite: aside, or behind the Earth."""
    if cos_exclusion >= 1.0:
        return spans
    times, at_one, at_other, suns = grid
    margins = sight.off_suns_km(at_one, at_other, suns, cos_exclusion)

    def margin(at: MissionTime) -> float:
        return sight.off_sun_km(one.position(at), other.position(at), sun.position(at), cos_exclusion)

    def depth(at: MissionTime) -> float:
        return -shadow.margin_km(one.position(at), sun.position(at), umbra=True)

    left: list[Interval] = []
    for span, cells, doubtful in _looked_at(spans, times, margins):
        if not doubtful:
            left.append(span)
            continue
        depths = -shadow.margins_km(TemeTrack(at_one.km[cells]), TemeTrack(suns.km[cells]), umbra=True)
        seeing = (*_spans(margin, times[cells], margins[cells]), *_spans(depth, times[cells], depths))
        left += _both((span,), _merged(seeing))
    return tuple(left)


def _looked_at(
    spans: tuple[Interval, ...], times: TimeArray, margins: FloatArray
) -> Iterator[tuple[Interval, slice, bool]]:
    """Yield each span with its part of the grid, and whether a margin may fall to zero in it or a cell beside it."""
    doubt = margins <= 0.0
    doubt[1:-1] |= _pits(margins)
    for span in spans:
        low = max(0, (span.start - int(times[0])) // _GRID_NS - 1)
        high = -((int(times[0]) - span.end) // _GRID_NS) + 2
        yield span, slice(low, high), bool(doubt[low:high].any())


def _both(some: tuple[Interval, ...], others: tuple[Interval, ...]) -> tuple[Interval, ...]:
    """Return where two sets of spans overlap."""
    found = []
    for one in some:
        for other in others:
            low, high = max(one.start, other.start), min(one.end, other.end)
            if low < high:
                found.append(Interval(low, high))
    return tuple(found)


def _merged(spans: tuple[Interval, ...]) -> tuple[Interval, ...]:
    """Return spans with those that touch or overlap made one."""
    found: list[Interval] = []
    for span in sorted(spans, key=lambda one: one.start):
        if found and span.start <= found[-1].end:
            found[-1] = Interval(found[-1].start, max(found[-1].end, span.end))
        else:
            found.append(span)
    return tuple(found)


def _pits(values: FloatArray) -> NDArray[np.bool_]:
    """Return which inner points of a grid may hide, between them and a neighbour, a fall to zero."""
    left, middle, right = values[:-2], values[1:-1], values[2:]
    curvature = np.abs(left - 2.0 * middle + right)
    result: NDArray[np.bool_] = (middle > 0.0) & (middle <= left) & (middle <= right) & (middle - curvature <= 0.0)
    return result


def _with_hidden_extrema(scalar: Scalar, times: TimeArray, values: FloatArray) -> list[tuple[int, float]]:
    """Return the points of the grid where something happens, with those extrema between them that change sign."""
    up, down, above = values[1:] >= values[:-1], values[1:] <= values[:-1], values > 0.0
    turns = np.flatnonzero(np.where(above[1:-1], down[:-1] & up[1:], up[:-1] & down[1:]))  # towards zero and back
    left, middle, right = values[turns], values[turns + 1], values[turns + 2]
    curvature = np.abs(left - 2.0 * middle + right)
    doubtful = np.where(middle > 0.0, middle - curvature <= 0.0, middle + curvature > 0.0)
    extra: list[tuple[int, float]] = []
    for index in turns[doubtful].tolist():
        sign = -1.0 if above[index + 1] else 1.0
        at, value = _extremum(scalar, int(times[index]), int(times[index + 2]), sign)
        if (value > 0.0) != bool(above[index + 1]):
            extra.append((at, value))
    changes = np.flatnonzero(above[:-1] != above[1:])
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
        if middle > high - _STEP_NS_MIN:
            middle = high - _STEP_NS_MIN
        elif middle < low + _STEP_NS_MIN:
            middle = low + _STEP_NS_MIN
        value = scalar(MissionTime(middle))
        if (value > 0.0) == (f_low > 0.0):
            low, f_low = middle, value
            f_high, side = (f_high * 0.5, -1) if side == -1 else (f_high, -1)
        else:
            high, f_high = middle, value
            f_low, side = (f_low * 0.5, 1) if side == 1 else (f_low, 1)
    return MissionTime(round((low + high) / 2 / EDGE_NS) * EDGE_NS)
