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

import numpy as np

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
_EDGES = tuple(zip(_X.tolist(), _Y.tolist(), _DX.tolist(), _DY.tolist(), strict=True))


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
        place = frames.geodetic(frames.teme_to_itrf(ephemeris.position(at), at))
        return depth_deg(math.degrees(place.latitude_rad), math.degrees(place.longitude_rad), at)

    def depths(times: TimeArray) -> FloatArray:
        return many(frames.teme_to_itrf_many(ephemeris.positions(times), times), times)

    found = contacts.positive_spans(depth, depths, start, end)
    cut = (Interval(max(one.start, start), min(one.end, end)) for one in found)
    return tuple(one for one in cut if one.start < one.end)


def depth_deg(latitude_deg: float, longitude_deg: float, at: MissionTime) -> float:
    """Return how deep a place lies inside the anomaly, degrees on the map; negative outside, -FAR_DEG at the least."""
    x = (longitude_deg - _MIDDLE_DEG - _drift_deg(at) + 180.0) % 360.0 - 180.0
    nearest, within = FAR_DEG * FAR_DEG, False
    for ax, ay, dx, dy in _EDGES:
        px, py = x - ax, latitude_deg - ay
        share = max(0.0, min(1.0, (px * dx + py * dy) / (dx * dx + dy * dy)))
        off_x, off_y = px - share * dx, py - share * dy
        nearest = min(nearest, off_x * off_x + off_y * off_y)
        if (py < 0.0) != (py < dy) and px < dx * py / dy:
            within = not within
    distance = math.sqrt(nearest)
    return distance if within else -distance


def depths_deg(latitude_deg: FloatArray, longitude_deg: FloatArray, times: TimeArray) -> FloatArray:
    """Return `depth_deg` of many places, each at its time; arrays of one shape, or shapes that broadcast to one."""
    x = (longitude_deg - _MIDDLE_DEG - DRIFT_DEG_YEAR * ((times - REFERENCE) / _YEAR_NS) + 180.0) % 360.0 - 180.0
    nearest = np.full(np.broadcast_shapes(x.shape, latitude_deg.shape), FAR_DEG * FAR_DEG)
    within = np.zeros(nearest.shape, dtype=bool)
    for ax, ay, dx, dy in _EDGES:
        px, py = x - ax, latitude_deg - ay
        share = np.clip((px * dx + py * dy) / (dx * dx + dy * dy), 0.0, 1.0)
        np.minimum(nearest, (px - share * dx) ** 2 + (py - share * dy) ** 2, out=nearest)
        if dy != 0.0:
            within ^= ((py < 0.0) != (py < dy)) & (px < dx * py / dy)
    distance = np.sqrt(nearest)
    result: FloatArray = np.where(within, distance, -distance)
    return result


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
