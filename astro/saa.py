"""The South Atlantic Anomaly: where the inner belt comes down to low orbits, and when a satellite is inside.

The outline north of 30 degrees south is the polygon at which the Fermi Gamma-ray Burst Monitor switches off, in force
unchanged since 20 July 2010 but for trials (Universities Space Research Association, Gamma-ray Data Tools,
`GbmSaaPolygon5`; 535 km). Fermi flies no further south than 26 degrees; from 30 to 50 degrees south the outline is
assumed: the western edge goes on along its last slope, the eastern one along its meridian. The outline drifts west by
0.3 degrees a year (Fürst et al., Earth Planet. Sci. Lett. 281, 2009, arXiv:0902.2873) from the day it came into force.

Edges are straight in latitude and longitude, as in the monitor's own software. How deep a place lies inside is a
signed distance in degrees of that map, cut off at FAR_DEG outside. Poles and the map's seam lie further away than
that, so it is continuous all over the Earth, and an edge is where it is zero.
"""

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from astro import contacts, frames
from astro.contacts import Interval
from astro.frames import FloatArray, Itrf, ItrfTrack, TimeArray
from astro.orbit import Ephemeris
from icd.timebase import MissionTime, from_iso

# Latitude and east longitude, degrees, once around.
OUTLINE_DEG = (
    (-30.0, 33.9),
    (-19.867, 12.398),
    (-9.733, -9.103),
    (0.4, -30.605),
    (2.0, -38.4),
    (2.0, -45.0),
    (-1.0, -65.0),
    (-6.155, -84.0),
    (-8.88, -89.2),
    (-14.22, -94.3),
    (-18.404, -94.3),
    (-30.0, -86.1),
    (-50.0, -72.0),  # assumed
    (-50.0, 33.9),  # assumed
)
REFERENCE = from_iso("2010-07-20T14:13:00Z")
DRIFT_DEG_YEAR = -0.3  # east is positive
FAR_DEG = 30.0

_YEAR_NS = 31_557_600 * 1_000_000_000
_LATITUDES = np.array([place[0] for place in OUTLINE_DEG])
_LONGITUDES = np.array([place[1] for place in OUTLINE_DEG])
_MIDDLE_DEG = 0.5 * float(_LONGITUDES.min() + _LONGITUDES.max())  # the seam of the map is on the other side
_X, _Y = _LONGITUDES - _MIDDLE_DEG, _LATITUDES
_DX, _DY = np.roll(_X, -1) - _X, np.roll(_Y, -1) - _Y
_SLOPING = np.flatnonzero(_DY)
_Edge = tuple[float, float, float, float]  # a corner, and the way to the next: degrees on the map
_EDGES: tuple[_Edge, ...] = tuple(zip(_X.tolist(), _Y.tolist(), _DX.tolist(), _DY.tolist(), strict=True))
_TILE_DEG = 4.0
_AT_ONCE = 4_096  # places, so that their sums stay in the processor's cache

# The coarser look: every fourth point of the 30 s grid, up to 8.2 degrees of flight and twice that in longitude.
_COARSE = 4
_MARGIN_DEG = 12.0
_SLOPE_MIN = math.tan(math.radians(float(_LATITUDES.min()) - _MARGIN_DEG))
_SLOPE_MAX = math.tan(math.radians(float(_LATITUDES.max()) + _MARGIN_DEG))
_EAST_MAX_DEG = float(_X.max()) + 2.0 * _MARGIN_DEG


def inside(position: Itrf, at: MissionTime) -> bool:
    """Return whether an Earth-fixed point is over the anomaly.

    Raises:
        FrameError: the point is not Earth-fixed.
    """
    place = frames.geodetic(position)
    return depth_deg(math.degrees(place.latitude_rad), math.degrees(place.longitude_rad), at) > 0.0


def spans(ephemeris: Ephemeris, start: MissionTime, end: MissionTime) -> tuple[Interval, ...]:
    """Return when a satellite is over the anomaly, cut to the span, with edges to a millisecond.

    Raises:
        PropagationError: the elements give no position somewhere in the span.
    """

    def depth(at: MissionTime) -> float:
        latitude, longitude = frames.below(ephemeris.position(at), at)
        return depth_deg(math.degrees(latitude), math.degrees(longitude), at)

    def depths(times: TimeArray) -> FloatArray:
        values = np.full(times.shape, -FAR_DEG)
        worth = np.flatnonzero(_near(ephemeris, times))
        if worth.size:
            there = times[worth]
            latitudes, longitudes = frames.below_many(ephemeris.positions(there), there)
            values[worth] = depths_deg(np.degrees(latitudes), np.degrees(longitudes), there)
        return values

    found = contacts.positive_spans(depth, depths, start, end)
    cut = (Interval(max(one.start, start), min(one.end, end)) for one in found)
    return tuple(one for one in cut if one.start < one.end)


def depth_deg(latitude_deg: float, longitude_deg: float, at: MissionTime) -> float:
    """Return how deep a place lies inside the anomaly, degrees on the map; negative outside, -FAR_DEG at the least."""
    x = (longitude_deg - _MIDDLE_DEG - _drift_deg(at) + 180.0) % 360.0 - 180.0
    nearby, crossed, within = _tile(int(x // _TILE_DEG), int(latitude_deg // _TILE_DEG))
    nearest = FAR_DEG * FAR_DEG
    for ax, ay, dx, dy in nearby:
        off_x, off_y = x - ax, latitude_deg - ay
        share = (off_x * dx + off_y * dy) / (dx * dx + dy * dy)
        if share > 0.0:
            share = min(1.0, share)
            off_x, off_y = off_x - share * dx, off_y - share * dy
        square = off_x * off_x + off_y * off_y
        if square < nearest:
            nearest = square
    for ax, ay, dx, dy in crossed:
        py = latitude_deg - ay
        if (py < 0.0) != (py < dy) and x - ax < dx * py / dy:
            within = not within
    distance = math.sqrt(nearest)
    return distance if within else -distance


def depths_deg(latitude_deg: FloatArray, longitude_deg: FloatArray, times: TimeArray) -> FloatArray:
    """Return `depth_deg` of many places, each at its time; arrays of one shape, or shapes that broadcast to one."""
    x = (longitude_deg - _MIDDLE_DEG - DRIFT_DEG_YEAR * ((times - REFERENCE) / _YEAR_NS) + 180.0) % 360.0 - 180.0
    shape = np.broadcast_shapes(x.shape, latitude_deg.shape)
    x, y = np.broadcast_to(x, shape).ravel(), np.broadcast_to(latitude_deg, shape).ravel()
    result = np.full(x.size, -FAR_DEG)
    low_x, high_x = float(_X.min()) - FAR_DEG, float(_X.max()) + FAR_DEG
    low_y, high_y = float(_Y.min()) - FAR_DEG, float(_Y.max()) + FAR_DEG
    worth = np.flatnonzero((x > low_x) & (x < high_x) & (y > low_y) & (y < high_y))
    for first in range(0, worth.size, _AT_ONCE):
        some = worth[first : first + _AT_ONCE]
        result[some] = _depths_deg(x[some], y[some])
    return result.reshape(shape)


def many(track: ItrfTrack, times: TimeArray) -> FloatArray:
    """Return how deep each of many Earth-fixed points lies inside, as `depth_deg`; for one satellite or for a fleet.

    Raises:
        FrameError: the points are not Earth-fixed.
    """
    latitudes, longitudes, _ = frames.geodetic_many(track)
    return depths_deg(np.degrees(latitudes), np.degrees(longitudes), times)


def outline_deg(at: MissionTime) -> tuple[tuple[float, float], ...]:
    """Return the outline's corners at an instant, latitude and east longitude, degrees, for a map."""
    drift = _drift_deg(at)
    return tuple((latitude, longitude + drift) for latitude, longitude in OUTLINE_DEG)


def _drift_deg(at: MissionTime) -> float:
    return DRIFT_DEG_YEAR * ((at - REFERENCE) / _YEAR_NS)


def _near(ephemeris: Ephemeris, times: TimeArray) -> NDArray[np.bool_]:
    """Return which points of a grid may lie near the anomaly, from a coarser look at the track.

    Whatever lies in the outline's box or beside it, in a step of the coarser look that touches the box made wider or is
    next to one that does, is among them.
    """
    coarse = times[::_COARSE]
    x, y, z = ephemeris.positions(coarse).km.T
    east = (
        np.degrees(np.arctan2(y, x) - frames.gmst_rads(coarse)) - _MIDDLE_DEG - _drift_deg(MissionTime(int(times[0])))
    )
    east = (east + 180.0) % 360.0 - 180.0
    slope = z / np.hypot(x, y)
    near = (slope > _SLOPE_MIN) & (slope < _SLOPE_MAX) & (np.abs(east) < _EAST_MAX_DEG)
    beside = near.copy()
    beside[1:] |= near[:-1]
    beside[:-1] |= near[1:]
    beside[:-2] |= near[2:]
    return np.repeat(beside, _COARSE)[: times.size]


def _depths_deg(x: FloatArray, y: FloatArray) -> FloatArray:
    """Return how deep places lie inside, from longitude on the map and latitude; edges go down, places along."""
    px, py = x - _X[:, None], y - _Y[:, None]
    share = (px * _DX[:, None] + py * _DY[:, None]) / (_DX * _DX + _DY * _DY)[:, None]
    np.maximum(share, 0.0, out=share)
    np.minimum(share, 1.0, out=share)
    nearest = ((px - share * _DX[:, None]) ** 2 + (py - share * _DY[:, None]) ** 2).min(axis=0)
    px, py, dx, dy = px[_SLOPING], py[_SLOPING], _DX[_SLOPING, None], _DY[_SLOPING, None]
    crossings = ((py < 0.0) != (py < dy)) & (px < dx * py / dy)
    within = np.logical_xor.reduce(crossings, axis=0)
    distance = np.sqrt(np.minimum(nearest, FAR_DEG * FAR_DEG))
    result: FloatArray = np.where(within, distance, -distance)
    return result


@cache
def _tile(column: int, row: int) -> tuple[tuple[_Edge, ...], tuple[_Edge, ...], bool]:
    """Return what a tile of the map needs: edges that may be nearest in it, edges that a line east from it may cross.

    Third comes whether that line crosses an odd number of the edges that it crosses from anywhere in the tile.
    """
    x, y, half = (column + 0.5) * _TILE_DEG, (row + 0.5) * _TILE_DEG, 0.5 * _TILE_DEG + 1e-6
    away = [math.hypot(*_off(x, y, edge)) for edge in _EDGES]
    reach = min(min(away) + 2.0 * math.hypot(half, half), FAR_DEG + math.hypot(half, half))
    nearby = tuple(edge for edge, far in zip(_EDGES, away, strict=True) if far <= reach)
    crossed, odd = [], False
    for edge in _EDGES:
        ax, ay, dx, dy = edge
        low, high = min(ay, ay + dy), max(ay, ay + dy)
        if high < y - half or low > y + half or max(ax, ax + dx) < x - half:
            continue
        if low < y - half and high > y + half and min(ax, ax + dx) > x + half:
            odd = not odd
        else:
            crossed.append(edge)
    return nearby, tuple(crossed), odd


def _off(x: float, y: float, edge: _Edge) -> tuple[float, float]:
    """Return how far a place on the map is off the nearest point of an edge, degrees east and north."""
    ax, ay, dx, dy = edge
    share = max(0.0, min(1.0, ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy)))
    return x - ax - share * dx, y - ay - share * dy
