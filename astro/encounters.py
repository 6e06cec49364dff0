"""Passes over stations, laser sights and crossings of the South Atlantic Anomaly of many satellites, as for one.

Grid, knots and functions are those of `astro.contacts` and `astro.saa`; rows of an array take the place of calls.
Memory is bounded by taking some satellites or pairs at a time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from astro import edges, frames, saa, sight
from astro.contacts import GRID_S
from astro.edges import Grid, Spans
from astro.frames import FloatArray, IndexArray, ItrfTrack, Site, TemeTrack, TimeArray
from astro.orbit import KNOT_S
from astro.swarm import Knots, Swarm
from icd.timebase import NS_PER_S, MissionTime

POINTS_AT_ONCE = 600_000  # values on grids in hand, which keeps some hundred bytes each

_KNOT_NS = KNOT_S * NS_PER_S


@dataclass(frozen=True, slots=True)
class Passes:
    """When satellites stand above stations' masks, by satellite, station, time.

    Attributes:
        satellite: index in the swarm, shape (m,).
        station: index in the sites given, shape (m,).
        start: mission time, shape (m,), ns.
        end: shape (m,), ns.
    """

    satellite: IndexArray
    station: IndexArray
    start: TimeArray
    end: TimeArray

    def __len__(self) -> int:
        return len(self.satellite)


@dataclass(frozen=True, slots=True)
class _Window:
    """Whole minutes that cover a span, with one to spare on both sides."""

    first_minute: int
    knots: int

    @property
    def origin(self) -> MissionTime:
        return MissionTime(self.first_minute * _KNOT_NS)

    @property
    def grid_points(self) -> int:
        return (self.knots - 1) * (KNOT_S // GRID_S) + 1

    def instants(self, seconds: FloatArray) -> TimeArray:
        result: TimeArray = self.origin + np.rint(seconds * NS_PER_S).astype(np.int64)
        return result


def passes(swarm: Swarm, sites: Sequence[Site], start: MissionTime, end: MissionTime) -> Passes:
    """Return when each satellite stands above each site's mask, cut to the span.

    Raises:
        PropagationError: some elements give no position in the span.
    """
    window = _window(start, end)
    share = max(1, POINTS_AT_ONCE // (window.grid_points * max(1, len(sites))))
    found = []
    for low in range(0, len(swarm) if sites else 0, share):
        chosen = np.arange(low, min(low + share, len(swarm)))
        spans = _passes(swarm, chosen, sites, window).clipped(start, end)
        satellite, station = np.divmod(spans.row, len(sites))
        found.append(Passes(satellite + low, station, spans.start, spans.end))
    return Passes(*(_joined([getattr(part, name) for part in found]) for name in Passes.__slots__))


def sights(
    swarm: Swarm, pairs: IndexArray, start: MissionTime, end: MissionTime, *, range_max_km: float, graze_km: float
) -> Spans:
    """Return when the two satellites of each pair see each other within a range and over a grazing height.

    Args:
        swarm: the satellites.
        pairs: two indices a row, shape (m, 2).
        start: spans are cut to lie after it.
        end: spans are cut to lie before it.
        range_max_km: the longest link.
        graze_km: the least height of the line above the equatorial sphere.

    Returns:
        Spans whose row is the index of the pair.

    Raises:
        PropagationError: some elements give no position in the span.
    """
    window = _window(start, end)
    share = max(1, POINTS_AT_ONCE // window.grid_points)
    found = []
    for low in range(0, len(pairs), share):
        part = _sights(swarm, pairs[low : low + share], window, (range_max_km, graze_km)).clipped(start, end)
        found.append(Spans(part.row + low, part.start, part.end))
    return Spans(*(_joined([getattr(part, name) for part in found]) for name in Spans.__slots__))


def anomalies(swarm: Swarm, start: MissionTime, end: MissionTime) -> Spans:
    """Return when each satellite is over the South Atlantic Anomaly, cut to the span; rows are satellites.

    Raises:
        PropagationError: some elements give no position in the span.
    """
    window = _window(start, end)
    share = max(1, POINTS_AT_ONCE // window.grid_points)
    found = []
    for low in range(0, len(swarm), share):
        chosen = np.arange(low, min(low + share, len(swarm)))
        part = _anomalies(_knots(swarm, chosen, window), window).clipped(start, end)
        found.append(Spans(part.row + low, part.start, part.end))
    return Spans(*(_joined([getattr(part, name) for part in found]) for name in Spans.__slots__))


def _anomalies(knots: Knots, window: _Window) -> Spans:
    def depth(rows: IndexArray, at_s: FloatArray) -> FloatArray:
        times = window.instants(at_s)
        return saa.many(frames.teme_to_itrf_many(knots.positions(rows, at_s), times), times)

    rows, points = len(knots.table), window.grid_points
    times = window.instants(np.tile(np.arange(points) * float(GRID_S), rows))
    fixed = frames.teme_to_itrf_many(TemeTrack(_half_minutes(knots).reshape(-1, 3)), times)
    grid = Grid(saa.many(fixed, times).reshape(rows, points), np.zeros(rows), float(GRID_S), window.origin)
    return edges.positive_spans(depth, grid)


def _passes(swarm: Swarm, chosen: IndexArray, sites: Sequence[Site], window: _Window) -> Spans:
    knots = _knots(swarm, chosen, window)
    places = np.array([site.position for site in sites])
    ups, masks = np.array([site.up for site in sites]), np.array([site.sin_mask for site in sites])
    count, points = len(sites), window.grid_points
    seconds = np.tile(np.arange(points) * float(GRID_S), len(chosen))
    fixed = frames.teme_to_itrf_many(TemeTrack(_half_minutes(knots).reshape(-1, 3)), window.instants(seconds)).km
    values = np.empty((len(chosen), count, points))
    for station, site in enumerate(sites):
        values[:, station] = (sight.sin_elevations(ItrfTrack(fixed), site) - site.sin_mask).reshape(-1, points)

    def height(rows: IndexArray, at_s: FloatArray) -> FloatArray:
        satellite, station = np.divmod(rows, count)
        itrf = frames.teme_to_itrf_many(knots.positions(satellite, at_s), window.instants(at_s)).km
        line = itrf - places[station]
        sine = np.einsum("ij,ij->i", line, ups[station]) / np.sqrt(np.einsum("ij,ij->i", line, line))
        result: FloatArray = sine - masks[station]
        return result

    rows = len(chosen) * count
    grid = Grid(values.reshape(rows, points), np.zeros(rows), float(GRID_S), window.origin)
    return edges.positive_spans(height, grid)


def _sights(swarm: Swarm, pairs: IndexArray, window: _Window, limits: tuple[float, float]) -> Spans:
    range_max_km, graze_km = limits
    chosen, place = np.unique(pairs, return_inverse=True)
    first, second = place.reshape(-1, 2).T
    knots = _knots(swarm, chosen, window)
    points = window.grid_points
    track = _half_minutes(knots)

    def clear(rows: IndexArray, at_s: FloatArray) -> FloatArray:
        a, b = knots.positions(first[rows], at_s), knots.positions(second[rows], at_s)
        result: FloatArray = sight.clearances_km(a, b) - graze_km
        return result

    def near(rows: IndexArray, at_s: FloatArray) -> FloatArray:
        line = knots.positions(first[rows], at_s).km - knots.positions(second[rows], at_s).km
        result: FloatArray = range_max_km - np.linalg.norm(line, axis=1)
        return result

    heights, rooms = np.empty((len(pairs), points)), np.empty((len(pairs), points))
    for row in range(len(pairs)):
        a, b = TemeTrack(track[first[row]]), TemeTrack(track[second[row]])
        heights[row] = sight.clearances_km(a, b) - graze_km
        rooms[row] = range_max_km - np.linalg.norm(a.km - b.km, axis=1)
    zeros = np.zeros(len(pairs))
    over = edges.positive_spans(clear, Grid(heights, zeros, float(GRID_S), window.origin))
    within = edges.positive_spans(near, Grid(rooms, zeros, float(GRID_S), window.origin))
    return edges.overlap(over, within)


def _window(start: MissionTime, end: MissionTime) -> _Window:
    first, last = start // _KNOT_NS - 1, -(-end // _KNOT_NS) + 1
    return _Window(first, last - first + 1)


def _knots(swarm: Swarm, chosen: IndexArray, window: _Window) -> Knots:
    table = swarm.minute_knots(chosen, window.first_minute, window.knots)
    return Knots(table, np.zeros(len(chosen)))


def _half_minutes(knots: Knots) -> FloatArray:
    """Return positions at the knots and half-way between them, shape (rows, 2 count - 1, 3), km, TEME."""
    left, right = knots.table[:, :-1], knots.table[:, 1:]
    rows, count, _ = knots.table.shape
    found = np.empty((rows, 2 * count - 1, 3))
    found[:, ::2] = knots.table[:, :, :3]
    found[:, 1::2] = 0.5 * (left[..., :3] + right[..., :3]) + (KNOT_S / 8.0) * (left[..., 3:] - right[..., 3:])
    return found


def _joined(parts: list[TimeArray]) -> TimeArray:
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)
