"""Guesses from mean elements: where a satellite is on its orbit, and when its nights begin and end, to a few seconds.

A guess is only where a search begins. Angles advance at SGP4's secular rates; drag and what else is left out is taken
from SGP4 at three instants of the span, as a parabola. Eccentricity enters to first order, with the long-period term of
the third zonal harmonic; the Sun moves along the chord of its arc. Source: Hoots & Roehrich, Spacetrack Report 3, SGP4.
"""

from dataclasses import dataclass

import numpy as np

from astro import sun
from astro.frames import BoolArray, FloatArray, IndexArray
from astro.orbit import KNOT_S
from astro.shadow import EARTH_RADIUS_KM
from astro.sun import AU_KM, SUN_RADIUS_KM
from astro.swarm import Swarm
from icd.timebase import NS_PER_S, TAI_MINUS_UTC_S

DEEP = 0.985  # cosine of the half-night, seen from the Earth, below which an orbit surely crosses the umbra
NONE = 1.005  # and above which it surely misses the penumbra
NIGHT_FRAC = 0.3  # of the period: a night's middle is never farther than this from its edges
GRAZE_ROOM_S = 240.0  # added to the longest that a grazing night may be
WOBBLE_KM = 12.0  # short-period change of the radius, with room
UMBRA_TAPER = (SUN_RADIUS_KM - EARTH_RADIUS_KM) / AU_KM
PENUMBRA_TAPER = (SUN_RADIUS_KM + EARTH_RADIUS_KM) / AU_KM

_TAPERS = np.array([PENUMBRA_TAPER, -UMBRA_TAPER, -UMBRA_TAPER, PENUMBRA_TAPER])
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
        graze_reach_s: how far from its middle an edge of a grazing one may lie.
        period_s: the shortest period of all.
    """

    satellite: IndexArray
    middle_s: FloatArray
    deep: BoolArray
    grazing: BoolArray
    edges_s: FloatArray
    graze_reach_s: float
    period_s: float


class MeanOrbits:
    """Mean elements of a swarm over a span that begins at a whole minute, the origin."""

    def __init__(self, swarm: Swarm, origin_minute: int, minutes: int) -> None:
        columns = [
            (
                *(r.a * r.radiusearthkm, r.ecco, r.inclo, r.nodeo, r.argpo, r.mo, r.nodedot, r.argpdot, r.mdot),
                *(r.j3oj2 * r.radiusearthkm, r.jdsatepoch - _UNIX_EPOCH_JD + r.jdsatepochF),
            )
            for r in swarm.records
        ]
        self._a_km, self._e, inclination, node, perigee, anomaly, *rates, lift_km, epoch = np.array(columns).T
        self._node_rate, perigee_rate, anomaly_rate = (rate / _S_PER_MIN for rate in rates)
        past_s = _S_PER_MIN * (origin_minute - epoch * _DAY_MIN) - TAI_MINUS_UTC_S
        half_s = minutes * KNOT_S / 2.0
        self._ci, self._si = np.cos(inclination), np.sin(inclination)
        self._node = node + self._node_rate * past_s
        self._rate = anomaly_rate + perigee_rate
        self._mean = perigee + anomaly + self._rate * past_s
        there = perigee + perigee_rate * (past_s + half_s)
        self._ax, self._ay = self._e * np.cos(there), self._e * np.sin(there) - 0.5 * lift_km * self._si / self._a_km
        self._sun, self._sun_rate = _sun(origin_minute, half_s)
        self._bend = np.zeros((3, len(swarm)))
        self._fit(swarm, origin_minute, minutes)

    def nights(self, start_s: float, end_s: float) -> Guess:
        """Return the nights of all satellites that may touch a span, with their edges."""
        every = np.arange(len(self._a_km))[:, None]
        periods = _TURN / self._rate[:, None]
        first_s = np.full(every.shape, start_s)
        off = _wrap(self._behind(first_s)[0] - self._angle(every, first_s))
        count = int(np.ceil((end_s - start_s) / periods.min())) + 2
        rough = start_s + (off / _TURN + np.arange(count)) * periods
        anti, across = self._behind(rough)
        middle = rough + _wrap(anti - self._angle(every, rough)) / self._rate[:, None]
        eccentric = self._e[:, None] + np.abs(self._ay[:, None])
        low = self._a_km[:, None] * (1.0 - eccentric) - WOBBLE_KM
        high = self._a_km[:, None] * (1.0 + eccentric) + WOBBLE_KM
        near = (middle > start_s - NIGHT_FRAC * periods) & (middle < end_s + NIGHT_FRAC * periods)
        deep = near & (_cosine(high, -UMBRA_TAPER) < DEEP * across)
        grazing = near & ~deep & (_cosine(low, PENUMBRA_TAPER) < NONE * across)
        rate = _TURN / np.gradient(middle, axis=1)
        widest = np.arccos(np.minimum(_cosine(low, PENUMBRA_TAPER) / across, 1.0))
        longest = np.minimum(widest / (rate * np.maximum(1.0 - 2.0 * eccentric, 0.2)), 0.4 * periods)
        rows, places = np.nonzero(deep)
        chosen = (middle[rows, places], rate[rows, places], across[rows, places])
        return Guess(
            satellite=np.repeat(np.arange(len(self._a_km)), count),
            middle_s=middle.ravel(),
            deep=deep.ravel(),
            grazing=grazing.ravel(),
            graze_reach_s=float(np.where(grazing, longest, 0.0).max(initial=0.0)) + GRAZE_ROOM_S,
            edges_s=self._edges(rows[:, None], *(column[:, None] for column in chosen)),
            period_s=float(periods.min()),
        )

    def cos_beta(self, at_s: FloatArray) -> FloatArray:
        """Return the cosine of the Sun's height over each orbit plane, each satellite at its row of instants.

        Args:
            at_s: shape (n, k), s since the origin.
        """
        return self._behind(at_s)[1]

    def _edges(self, rows: IndexArray, middle: FloatArray, rate: FloatArray, across: FloatArray) -> FloatArray:
        """Return penumbra in, umbra in, umbra out, penumbra out of nights, shape (m, 4), s.

        Args:
            rows: satellites, shape (m, 1), as the other three.
            middle: of the nights, s.
            rate: at which the satellite turns, seen from the Earth's shadow, rad/s.
            across: cosine of the Sun's height over the plane.
        """
        half_s = np.arccos(np.minimum(_cosine(self._a_km[rows], 0.0) / across, 1.0)) / rate
        here, _ = self._swing(rows, middle)
        there, radius = self._swing(rows, middle + half_s * np.array([-1.0, 1.0]))
        late = (there - here)[:, [0, 0, 1, 1]] / rate
        half = np.arccos(np.minimum(_cosine(radius[:, [0, 0, 1, 1]], _TAPERS) / across, 1.0))
        result: FloatArray = middle + np.array([-1.0, -1.0, 1.0, 1.0]) * half / rate - late
        return result

    def _fit(self, swarm: Swarm, origin_minute: int, minutes: int) -> None:
        """Take from SGP4, at begin, middle and end of the span, how far the guess is off, as a parabola."""
        middle = max(1, minutes // 2)
        places = np.array([0, middle, 2 * middle])
        at_s = np.tile(places * float(KNOT_S), (len(swarm), 1))
        x, y, z = swarm.at_minutes(origin_minute + places).transpose(2, 0, 1)
        toward, ahead = self._in_plane(at_s, (x, y, z))
        off = _wrap(np.arctan2(ahead, toward) - self._angle(np.arange(len(swarm))[:, None], at_s))
        step = _wrap(off[:, 1] - off[:, 0])
        both = step + _wrap(off[:, 2] - off[:, 1])
        h = middle * float(KNOT_S)
        self._bend = np.stack([off[:, 0], (4.0 * step - both) / (2.0 * h), (both - 2.0 * step) / (2.0 * h * h)])

    def _mean_at(self, rows: IndexArray, at_s: FloatArray) -> FloatArray:
        zero, one, two = self._bend[:, rows]
        result: FloatArray = self._mean[rows] + zero + at_s * (self._rate[rows] + one + at_s * two)
        return result

    def _angle(self, rows: IndexArray, at_s: FloatArray) -> FloatArray:
        """Return the argument of latitude, rad."""
        mean = self._mean_at(rows, at_s)
        result: FloatArray = mean + 2.0 * (self._ax[rows] * np.sin(mean) - self._ay[rows] * np.cos(mean))
        return result

    def _swing(self, rows: IndexArray, at_s: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return what eccentricity adds to the argument of latitude, rad, and the radius, km."""
        mean = self._mean_at(rows, at_s)
        sine, cosine = np.sin(mean), np.cos(mean)
        ax, ay = self._ax[rows], self._ay[rows]
        return 2.0 * (ax * sine - ay * cosine), self._a_km[rows] * (1.0 - ax * cosine - ay * sine)

    def _in_plane(
        self, at_s: FloatArray, way: tuple[FloatArray, FloatArray, FloatArray]
    ) -> tuple[FloatArray, FloatArray]:
        """Return the parts of vectors toward the ascending node and a quarter of an orbit ahead of it."""
        node = self._node[:, None] + self._node_rate[:, None] * at_s
        cosine, sine = np.cos(node), np.sin(node)
        x, y, z = way
        return cosine * x + sine * y, self._ci[:, None] * (cosine * y - sine * x) + self._si[:, None] * z

    def _behind(self, at_s: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the argument of latitude opposite the Sun, rad, and the cosine of the Sun's height over the plane."""
        x, y, z = (self._sun[k] + self._sun_rate[k] * at_s for k in range(3))
        toward, ahead = self._in_plane(at_s, (x, y, z))
        return np.arctan2(-ahead, -toward), np.maximum(np.hypot(toward, ahead), 1e-9)


def _sun(origin_minute: int, half_s: float) -> tuple[FloatArray, FloatArray]:
    """Return the Sun's direction at the origin and its change per second, from the two ends of the span."""
    start = origin_minute * KNOT_S
    times = np.array([start, start + max(2.0 * half_s, float(KNOT_S))]) * NS_PER_S
    early, late = (way / np.linalg.norm(way) for way in sun.positions(times.astype(np.int64)).km)
    return early, (late - early) / max(2.0 * half_s, float(KNOT_S))


def _cosine(radius_km: FloatArray, taper: FloatArray | float) -> FloatArray:
    """Return the cosine of half a night's angle at a radius, for an orbit in whose plane the Sun stands."""
    square = radius_km * radius_km
    shade = EARTH_RADIUS_KM + taper * np.sqrt(np.maximum(square - EARTH_RADIUS_KM**2, 0.0))
    result: FloatArray = np.sqrt(np.maximum(square - shade * shade, 0.0)) / radius_km
    return result


def _wrap(angle: FloatArray) -> FloatArray:
    """Return an angle between minus and plus half a turn."""
    result: FloatArray = angle - _TURN * np.round(angle / _TURN)
    return result
