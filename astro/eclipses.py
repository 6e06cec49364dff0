"""Eclipses of many satellites, with the edges that `astro.contacts.eclipses` finds for one.

Mean elements with SGP4's own secular rates give every orbit's middle of night and a guess of its four edges, good to a
few seconds. SGP4 is then asked at the two or three whole minutes around each pair of edges alone, and the secant method
ends on the true cones. Orbits that may only graze the shadow, and edges at which the secant method does not settle, are
searched for on a grid, so that a poor guess costs time and never an eclipse. Real sets and made shells go the same way:
67 calls of SGP4 a satellite and day are two fifths of the work, too little to keep a second, analytic motion for.
Sources: Montenbruck & Gill, Satellite Orbits, section 3.4 (cones); Vallado, Fundamentals of Astrodynamics, section 9.6
(secular and long-period terms); the guess is the crossing of a circle's plane with the cones' cylinders.
"""

from dataclasses import dataclass, replace

import numpy as np

from astro import edges, shadow, sun
from astro.contacts import EDGE_NS
from astro.edges import Grid, Spans
from astro.frames import BoolArray, FloatArray, IndexArray, TimeArray
from astro.mean_orbits import Guess, MeanOrbits
from astro.orbit import KNOT_S
from astro.shadow import EARTH_RADIUS_KM
from astro.swarm import Knots, Swarm
from icd.timebase import NS_PER_S, MissionTime

GRID_S = 20.0  # step of the search for eclipses that the guess leaves unsure
SETTLED_S = 1e-3  # a secant step below this has settled: the next would be a thousandth of it
AT_ONCE = 128  # satellites: what is in hand then stays in the cache, a third faster for a thousand
EXTRAPOLATE_S = 5.0  # an edge may lie this far outside its two knots: Hermite errs by 5 cm there

_KNOT_NS = KNOT_S * NS_PER_S


@dataclass(frozen=True, slots=True)
class Eclipses:
    """Eclipses of a swarm, by satellite and then by time.

    Attributes:
        satellite: index in the swarm, shape (m,).
        penumbra_in: mission time, whole milliseconds, shape (m,), ns; so are the other three.
        umbra_in: the middle of the eclipse where there is no umbra.
        umbra_out: the same.
        penumbra_out: the end.
        umbral: whether the umbra was reached, shape (m,).
    """

    satellite: IndexArray
    penumbra_in: TimeArray
    umbra_in: TimeArray
    umbra_out: TimeArray
    penumbra_out: TimeArray
    umbral: BoolArray

    def __len__(self) -> int:
        return len(self.satellite)


def eclipses(swarm: Swarm, start: MissionTime, end: MissionTime, flattening: float = 0.0) -> Eclipses:
    """Return the eclipses of all satellites that touch the span, with edges that may lie outside it.

    Meant for low orbits and spans of a few days; others are found too, by the slower search. The Earth is a sphere, or
    with a flattening (`shadow.EARTH_FLATTENING`) an ellipsoid.

    Raises:
        PropagationError: some elements give no position in the span, or in half an orbit beside it.
    """
    parts = [_table(np.empty(0, dtype=np.int64), np.empty((0, 4), dtype=np.int64))]
    for low in range(0, len(swarm), AT_ONCE):
        part = _eclipses(swarm.part(low, low + AT_ONCE), start, end, flattening)
        parts.append(replace(part, satellite=part.satellite + low))
    return _joined(parts)


def _eclipses(swarm: Swarm, start: MissionTime, end: MissionTime, flattening: float) -> Eclipses:
    minute = start // _KNOT_NS
    origin = MissionTime(minute * _KNOT_NS)
    orbits = MeanOrbits(swarm, minute, -(-(end - origin) // _KNOT_NS))
    guess = orbits.nights((start - origin) / NS_PER_S, (end - origin) / NS_PER_S)
    sure, times = _solve(swarm, guess, origin, flattening)
    parts = [_table(guess.satellite[guess.deep][sure], edges.to_mission(origin, times[sure]))]
    unsure = np.flatnonzero(guess.deep)[~sure]
    for chosen, reach_s in ((np.flatnonzero(guess.grazing), guess.graze_reach_s), (unsure, 0.45 * guess.period_s)):
        if chosen.size:
            nights = (guess.satellite[chosen], guess.middle_s[chosen])
            parts.append(_search(swarm, nights, reach_s, origin, flattening))
    found = _joined(parts)
    keep = np.flatnonzero((found.penumbra_out > start) & (found.penumbra_in < end))
    order = keep[np.lexsort((found.penumbra_in[keep], found.satellite[keep]))]
    return Eclipses(*(getattr(found, name)[order] for name in Eclipses.__slots__))


def _joined(parts: list[Eclipses]) -> Eclipses:
    return Eclipses(*(np.concatenate([getattr(part, name) for part in parts]) for name in Eclipses.__slots__))


def _table(satellite: IndexArray, times: TimeArray) -> Eclipses:
    first, second, third, last = times.T
    return Eclipses(satellite, first, second, third, last, np.ones(len(satellite), dtype=np.bool_))


def _solve(swarm: Swarm, guess: Guess, origin: MissionTime, flattening: float) -> tuple[BoolArray, FloatArray]:
    """Return which of the deep nights are settled, and the four edges of all of them, shape (m, 4), s."""
    satellite, middle_s, first = guess.satellite[guess.deep], guess.middle_s[guess.deep], guess.edges_s
    if not satellite.size:
        return np.empty(0, dtype=np.bool_), np.empty((0, 4))
    minute = np.floor(first / KNOT_S).astype(np.int64)
    curve, fits = _cubics(swarm, satellite, minute, origin // _KNOT_NS)
    if flattening:  # space is stretched as in astro.shadow
        curve.coefficients[:, 2] /= 1.0 - flattening
    cones = _Cones.of(middle_s, origin, flattening)
    zero_s = minute * float(KNOT_S)

    def margin(at_s: FloatArray) -> FloatArray:
        return cones.margin(curve.position((at_s - zero_s) / KNOT_S), at_s)

    before, at_s = first, first + 1.0
    value, last_step = margin(before), first
    for _ in range(3):
        fresh = margin(at_s)
        change = fresh - value
        change[change == 0.0] = np.inf
        last_step = fresh * (at_s - before) / change
        before, value, at_s = at_s, fresh, at_s - last_step
    inside = at_s - zero_s
    settled = (np.abs(last_step) < SETTLED_S) & (inside > -EXTRAPOLATE_S) & (inside < KNOT_S + EXTRAPOLATE_S)
    return fits & settled.all(axis=1) & (np.diff(at_s, axis=1) > 0.0).all(axis=1), at_s


@dataclass(frozen=True, slots=True)
class _Cubic:
    """Cubics through the two knots around each edge, by components: shape (4, 3, m, 4), km."""

    coefficients: FloatArray

    def position(self, share: FloatArray) -> FloatArray:
        """Return positions, shape (3, m, 4), km."""
        zero, one, two, three = self.coefficients
        found: FloatArray = three * share
        found += two
        found *= share
        found += one
        found *= share
        found += zero
        return found


def _cubics(swarm: Swarm, satellite: IndexArray, minute: IndexArray, origin_minute: int) -> tuple[_Cubic, BoolArray]:
    """Return the cubics at the edges of nights, and for which nights three knots a side were enough."""
    low, high = minute[:, [0, 2]].ravel(), minute[:, [1, 3]].ravel()
    counts = np.clip(high - low, 0, 1) + 2  # knots a side
    begin = np.cumsum(counts) - counts
    sides = np.repeat(np.arange(len(low)), counts)
    minutes = origin_minute + low[sides] + np.arange(len(sides)) - begin[sides]
    knots = np.ascontiguousarray(swarm.knots(satellite[sides // 2], minutes).T)
    place = begin.reshape(-1, 2)[:, [0, 0, 1, 1]] + np.clip(minute - minute[:, [0, 0, 2, 2]], 0, 1)
    spans = np.empty((4, 3, knots.shape[1] - 1))  # from each knot to the next, those between two sides unused
    spans[0] = knots[:3, :-1]
    np.multiply(knots[3:, :-1], KNOT_S, out=spans[1])
    slope, rise = knots[3:, 1:] * KNOT_S, knots[:3, 1:] - knots[:3, :-1]
    spans[2] = 3.0 * rise - 2.0 * spans[1] - slope
    spans[3] = spans[1] + slope - 2.0 * rise
    out = np.take(spans, place, axis=2)
    step = (high - low).reshape(-1, 2)
    return _Cubic(out), np.all((step >= 0) & (step <= 1), axis=1)


@dataclass(frozen=True, slots=True)
class _Cones:
    """The cones of nights and where their axis points, near the middle of each night."""

    middle_s: FloatArray  # shape (m, 1)
    way: FloatArray  # to the Sun at the middle, shape (3, m, 1)
    drift: FloatArray  # of that per second, shape (3, m, 1)
    slope: FloatArray  # of the cones' radii along it, in the order of the edges, shape (m, 4)
    rim: FloatArray  # those radii beside the Earth's centre, km, shape (m, 4)

    @classmethod
    def of(cls, middle_s: FloatArray, origin: MissionTime, flattening: float) -> "_Cones":
        span = 0.5 * (middle_s.min() + middle_s.max()) + np.array([-1800.0, 1800.0])
        early, late = (way / np.linalg.norm(way) for way in sun.positions(_instants(origin, span)).km)
        (px, py, pz) = np.cross(early, late) / 3600.0  # the Sun turns about the pole of the ecliptic
        x, y, z = place = np.ascontiguousarray(sun.positions(_instants(origin, middle_s)).km.T)
        moves = np.stack([py * z - pz * y, pz * x - px * z, px * y - py * x])
        place[2] /= 1.0 - flattening
        moves[2] /= 1.0 - flattening
        distance = np.sqrt(np.einsum("ij,ij->j", place, place))
        way = place / distance
        drift = (moves - way * np.einsum("ij,ij->j", way, moves)) / distance
        umbra, penumbra = shadow.UMBRA_SPREAD_KM / distance, shadow.PENUMBRA_SPREAD_KM / distance
        taper = np.stack([penumbra, umbra, umbra, penumbra], axis=1)
        widening = 1.0 + 0.5 * taper * taper
        return cls(middle_s[:, None], way[:, :, None], drift[:, :, None], taper * widening, EARTH_RADIUS_KM * widening)

    def margin(self, position: FloatArray, at_s: FloatArray) -> FloatArray:
        """Return how far outside its cone each position lies, km, shape (m, 4)."""
        into_s = at_s - self.middle_s
        along = np.zeros_like(at_s)
        square = np.zeros_like(at_s)
        for component, way, drift in zip(position, self.way, self.drift, strict=True):
            along += component * (way + drift * into_s)
            square += component * component
        square -= along * along
        across = np.sqrt(np.maximum(square, 0.0))
        across -= along * self.slope
        across -= self.rim
        return across


def _search(
    swarm: Swarm, nights: tuple[IndexArray, FloatArray], reach_s: float, origin: MissionTime, flattening: float
) -> Eclipses:
    """Return the eclipses within `reach_s` of the middles of nights of satellites, by search on a grid."""
    satellite, middle_s = nights
    first = np.floor((middle_s - reach_s) / KNOT_S).astype(np.int64)
    count = int(2.0 * reach_s / KNOT_S) + 3
    minutes = (origin // _KNOT_NS + first[:, None] + np.arange(count)).ravel()
    table = swarm.knots(np.repeat(satellite, count), minutes).reshape(-1, count, 6)
    knots = Knots(table, first.astype(np.float64) * KNOT_S)
    points = (count - 1) * round(KNOT_S / GRID_S) + 1
    rows, places = np.divmod(np.arange(len(satellite) * points), points)

    def spans(umbra: bool) -> Spans:
        def depth(which: IndexArray, at_s: FloatArray) -> FloatArray:
            suns = sun.positions(_instants(origin, at_s))
            return -shadow.margins_km(knots.positions(which, at_s), suns, umbra, flattening)

        values = depth(rows, knots.first_s[rows] + places * GRID_S).reshape(-1, points)
        return edges.positive_spans(depth, Grid(values, knots.first_s, GRID_S, origin))

    outer, inner = spans(umbra=False), spans(umbra=True)
    # The first umbra of the same row from the penumbra's start on; both are in the order of row and time.
    place = np.searchsorted(_keys(inner, origin), _keys(outer, origin))
    padded = np.minimum(place, max(0, len(inner) - 1))
    if not len(inner):
        umbral = np.zeros(len(outer), dtype=np.bool_)
        umbra_in = umbra_out = (outer.start + outer.end) // 2
    else:
        umbral = (place < len(inner)) & (inner.row[padded] == outer.row) & (inner.end[padded] <= outer.end)
        middle = (outer.start + outer.end) // 2
        umbra_in = np.where(umbral, inner.start[padded], middle)
        umbra_out = np.where(umbral, inner.end[padded], middle)
    return Eclipses(satellite[outer.row], outer.start, umbra_in, umbra_out, outer.end, umbral)


def _keys(spans: Spans, origin: MissionTime) -> IndexArray:
    """Return one number that rises with row and start; rows are apart by more than any span of days."""
    result: IndexArray = spans.row * (1 << 42) + (spans.start - origin) // EDGE_NS
    return result


def _instants(origin: MissionTime, seconds: FloatArray) -> TimeArray:
    result: TimeArray = origin + np.rint(seconds * NS_PER_S).astype(np.int64)
    return result
