"""Guesses from mean elements: where a satellite is on its orbit, and when its nights begin and end, to a few seconds.

A guess is only where a search begins. Angles advance at SGP4's secular rates; drag and what else is left out is taken
from SGP4 at three instants of the span, as a parabola. Eccentricity enters to first order, with the long-period term of
the third zonal harmonic. Source: Hoots & Roehrich, Spacetrack Report 3, SGP4.
"""

from dataclasses import dataclass

import numpy as np

from astro import sun
from astro.frames import FloatArray, TimeArray
from astro.orbit import KNOT_S
from astro.shadow import EARTH_RADIUS_KM
from astro.sun import AU_KM, SUN_RADIUS_KM
from astro.swarm import BoolArray, IndexArray, Swarm
from icd.timebase import NS_PER_S, TAI_MINUS_UTC_S

DEEP = 0.985  # cosine of the half-night, seen from the Earth, below which an orbit surely crosses the umbra
NONE = 1.005  # and above which it surely misses the penumbra
WOBBLE_KM = 12.0  # short-period change of the radius, with room
UMBRA_TAPER = (SUN_RADIUS_KM - EARTH_RADIUS_KM) / AU_KM
PENUMBRA_TAPER = (SUN_RADIUS_KM + EARTH_RADIUS_KM) / AU_KM

_TURN = 2.0 * np.pi
_S_PER_MIN = 60.0
_UNIX_EPOCH_JD = 2440587.5
_DAY_MIN = 1440.0


@dataclass(frozen=True, slots=True)
class Guess:
    """Nights of a swarm, by satellite and then by time; seconds since the origin.

    Attributes:
        satellite: index in the swarm, shape (m,).
        middle_s: when the satellite is farthest behind the Earth, shape (m,).
        deep: whether it surely crosses the umbra, shape (m,).
        grazing: whether it may touch penumbra or umbra, and is not deep, shape (m,).
        edges_s: penumbra in, umbra in, umbra out, penumbra out of the deep ones, shape (deep, 4).
        period_s: the shortest period of all.
    """

    satellite: IndexArray
    middle_s: FloatArray
    deep: BoolArray
    grazing: BoolArray
    edges_s: FloatArray
    period_s: float


@dataclass(frozen=True, slots=True)
class _Phase:
    """Angles of orbits at some instants, rad: mean argument of latitude and what eccentricity adds; radius, km."""

    mean: FloatArray
    extra: FloatArray
    radius_km: FloatArray


class MeanOrbits:
    """Mean elements of a swarm over a span that begins at a whole minute, the origin."""

    def __init__(self, swarm: Swarm, origin_minute: int, minutes: int) -> None:
        self._origin_minute = origin_minute
        columns = [
            (r.a * r.radiusearthkm, r.ecco, r.inclo, r.nodeo, r.argpo, r.mo, r.nodedot, r.argpdot, r.mdot)
            for r in swarm.records
        ]
        self._a_km, self._e, self._i, node, perigee, anomaly, *rates = np.array(columns).T
        self._node_rate, self._perigee_rate, anomaly_rate = (rate / _S_PER_MIN for rate in rates)
        epochs = np.array([(r.jdsatepoch - _UNIX_EPOCH_JD, r.jdsatepochF) for r in swarm.records])
        past_s = _S_PER_MIN * (origin_minute - (epochs[:, 0] + epochs[:, 1]) * _DAY_MIN) - TAI_MINUS_UTC_S
        lifts = np.array([r.j3oj2 * r.radiusearthkm for r in swarm.records])
        self._ay = -0.5 * lifts * np.sin(self._i) / self._a_km
        self._node = node + self._node_rate * past_s
        self._perigee = perigee + self._perigee_rate * past_s
        self._rate = anomaly_rate + self._perigee_rate
        self._mean = perigee + anomaly + self._rate * past_s
        self._bend = np.zeros((3, len(swarm)))
        self._fit(swarm, minutes)

    def nights(self, start_s: float, end_s: float) -> Guess:
        """Return the nights of all satellites that may touch a span, with their edges."""
        at_s = np.full((len(self._a_km), 1), start_s)
        off = _wrap(self._behind(at_s)[0] - self._angle(at_s))
        periods = _TURN / self._rate[:, None]
        count = int(np.ceil((end_s - start_s) / periods.min())) + 2
        middle = start_s + (off / _TURN + np.arange(count)) * periods
        for _ in range(2):
            anti, cosine = self._behind(middle)
            middle = middle + _wrap(anti - self._angle(middle)) / self._rate[:, None]
        eccentric = self._e[:, None] + np.abs(self._ay[:, None])
        low = self._a_km[:, None] * (1.0 - eccentric) - WOBBLE_KM
        high = self._a_km[:, None] * (1.0 + eccentric) + WOBBLE_KM
        deep = _cosine(high, cosine, umbra=True) < DEEP
        grazing = ~deep & (_cosine(low, cosine, umbra=False) < NONE)
        satellite = np.repeat(np.arange(len(self._a_km)), count)
        spacing = np.gradient(middle, axis=1) if count > 1 else periods
        edges_s = self._edges(np.nonzero(deep), middle, _TURN / spacing, cosine)
        return Guess(satellite, middle.ravel(), deep.ravel(), grazing.ravel(), edges_s, float(periods.min()))

    def _edges(
        self, nights: tuple[IndexArray, IndexArray], middle: FloatArray, rate: FloatArray, cosine: FloatArray
    ) -> FloatArray:
        """Return penumbra in, umbra in, umbra out, penumbra out of chosen nights, shape (m, 4), s."""
        rows = nights[0][:, None]
        centre, speed, across = middle[nights][:, None], rate[nights][:, None], cosine[nights][:, None]
        here = self._phase(rows, centre)
        taper = np.array([PENUMBRA_TAPER, -UMBRA_TAPER, -UMBRA_TAPER, PENUMBRA_TAPER])
        sign = np.array([-1.0, -1.0, 1.0, 1.0])
        radius = np.broadcast_to(self._a_km[rows], (len(rows), 4))
        extra = np.zeros((len(rows), 4))
        found = np.empty_like(extra)
        for _ in range(3):
            reach = np.sqrt(np.maximum(radius * radius - EARTH_RADIUS_KM**2, 0.0))
            shade = EARTH_RADIUS_KM + taper * reach
            half = np.arccos(np.minimum(np.sqrt(np.maximum(radius * radius - shade * shade, 0.0)) / radius / across, 1.0))
            found = centre + (sign * half - extra) / speed
            there = self._phase(rows, found)
            extra, radius = there.extra - here.extra, there.radius_km
        return found

    def _fit(self, swarm: Swarm, minutes: int) -> None:
        """Take from SGP4, at begin, middle and end of the span, how far the guess is off, as a parabola."""
        middle = max(1, minutes // 2)
        places = np.array([0, middle, 2 * middle])
        seconds = places * float(KNOT_S)
        points = swarm.at_minutes(self._origin_minute + places)
        toward, along = self._axes(np.broadcast_to(seconds, (len(swarm), 3)))
        true = np.arctan2((points * along).sum(axis=2), (points * toward).sum(axis=2))
        off = _wrap(true - self._angle(np.broadcast_to(seconds, (len(swarm), 3))))
        first = off[:, 0]
        step = _wrap(off[:, 1] - first)
        both = step + _wrap(off[:, 2] - off[:, 1])
        h = middle * float(KNOT_S)
        self._bend = np.stack([first, (4.0 * step - both) / (2.0 * h), (both - 2.0 * step) / (2.0 * h * h)])

    def _phase(self, rows: IndexArray | slice, at_s: FloatArray) -> _Phase:
        zero, one, two = self._bend[:, rows]
        mean = self._mean[rows] + zero + at_s * (self._rate[rows] + one + at_s * two)
        perigee = self._perigee[rows] + self._perigee_rate[rows] * at_s
        ax, ay = self._e[rows] * np.cos(perigee), self._e[rows] * np.sin(perigee) + self._ay[rows]
        sine, cosine = np.sin(mean), np.cos(mean)
        return _Phase(mean, 2.0 * (ax * sine - ay * cosine), self._a_km[rows] * (1.0 - ax * cosine - ay * sine))

    def _angle(self, at_s: FloatArray) -> FloatArray:
        """Return the argument of latitude, rad, of all satellites, each at its row of instants."""
        phase = self._phase(np.arange(len(self._a_km))[:, None], at_s)
        return phase.mean + phase.extra

    def _axes(self, at_s: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return unit vectors of the orbit planes: to the ascending node and a quarter ahead, shape (n, k, 3)."""
        node = self._node[:, None] + self._node_rate[:, None] * at_s
        cosine, sine = np.cos(node), np.sin(node)
        ci, si = np.cos(self._i)[:, None], np.sin(self._i)[:, None]
        toward = np.stack([cosine, sine, np.zeros_like(node)], axis=2)
        return toward, np.stack([-sine * ci, cosine * ci, np.broadcast_to(si, node.shape)], axis=2)

    def _behind(self, at_s: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the argument of latitude opposite the Sun, rad, and the cosine of the Sun's height over the plane."""
        origin = self._origin_minute * KNOT_S
        times: TimeArray = np.rint((at_s.ravel() + origin) * NS_PER_S).astype(np.int64)
        way = sun.positions(times).km
        way /= np.linalg.norm(way, axis=1)[:, None]
        toward, along = self._axes(at_s)
        way = way.reshape(toward.shape)
        x, y = np.einsum("nkj,nkj->nk", toward, way), np.einsum("nkj,nkj->nk", along, way)
        return np.arctan2(-y, -x), np.maximum(np.hypot(x, y), 1e-9)


def _cosine(radius_km: FloatArray, across: FloatArray, *, umbra: bool) -> FloatArray:
    """Return the cosine of half a night's angle at a radius, above 1 where there is no night."""
    reach = np.sqrt(np.maximum(radius_km * radius_km - EARTH_RADIUS_KM**2, 0.0))
    shade = EARTH_RADIUS_KM + (-UMBRA_TAPER if umbra else PENUMBRA_TAPER) * reach
    result: FloatArray = np.sqrt(np.maximum(radius_km * radius_km - shade * shade, 0.0)) / radius_km / across
    return result


def _wrap(angle: FloatArray) -> FloatArray:
    """Return an angle between minus and plus half a turn."""
    result: FloatArray = angle - _TURN * np.round(angle / _TURN)
    return result
