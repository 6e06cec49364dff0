"""Where many satellites are: SGP4 for all of them at knots 60 s apart, cubic Hermite between, in arrays.

The knots and the interpolation are those of `astro.orbit.Ephemeris`, so that one satellite asked for there and a
thousand asked for here stand at the same place. A row of positions every second is one product of two matrices: the
Hermite basis, and the knots as SGP4 gives them. What needs few instants of each satellite takes few knots.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sgp4.api import Satrec, SatrecArray

from astro.elements import Satellite
from astro.frames import FloatArray, IndexArray, Teme, TemeTrack, TimeArray
from astro.orbit import KNOT_S, PropagationError
from icd.timebase import NS_PER_S, TAI_MINUS_UTC_S, MissionTime

KNOTS_AT_ONCE = 16  # knots of all satellites computed in one call

_KNOT_NS = KNOT_S * NS_PER_S
_DAY_NS = 86_400 * NS_PER_S
_UTC_OFFSET_NS = TAI_MINUS_UTC_S * NS_PER_S
_UNIX_EPOCH_JD = 2440587.5


@dataclass(frozen=True, slots=True)
class Dense:
    """Positions of all satellites at rising instants.

    Attributes:
        times: mission times, shape (k,), ns.
        teme_km: shape (k, n, 3), km, TEME.
    """

    times: TimeArray
    teme_km: FloatArray

    def track(self, place: int) -> TemeTrack:
        """Return the positions of all satellites at one of the instants, shape (n, 3)."""
        return TemeTrack(self.teme_km[place])


@dataclass(frozen=True, slots=True)
class Knots:
    """Rows of knots a minute apart, between which positions are interpolated.

    Attributes:
        table: position (km) and velocity (km/s), TEME, shape (rows, count, 6).
        first_s: seconds from some origin to each row's first knot, shape (rows,).
    """

    table: FloatArray
    first_s: FloatArray

    def positions(self, rows: IndexArray, seconds: FloatArray) -> TemeTrack:
        """Return where rows are at instants given in seconds since the origin, both of shape (m,)."""
        share = (seconds - self.first_s[rows]) / KNOT_S
        place = np.clip(share.astype(np.int64), 0, self.table.shape[1] - 2)
        return TemeTrack(hermite(self.table[rows, place], self.table[rows, place + 1], share - place))


class Swarm:
    """Many satellites, in a fixed order; index i of every array is the i-th of them."""

    def __init__(self, records: Sequence[Satrec]) -> None:
        self.records = tuple(records)
        self._array = SatrecArray(list(self.records))

    @classmethod
    def of(cls, satellites: Iterable[Satellite]) -> "Swarm":
        """Return the swarm of some element sets."""
        return cls([Satrec.twoline2rv(satellite.line1, satellite.line2) for satellite in satellites])

    def __len__(self) -> int:
        return len(self.records)

    def part(self, low: int, high: int) -> "Swarm":
        """Return the satellites from one index up to another."""
        return Swarm(self.records[low:high])

    def positions(self, at: MissionTime) -> TemeTrack:
        """Return where all satellites are at one instant, shape (n, 3).

        Raises:
            PropagationError: some elements give no position there.
        """
        minute, into_ns = divmod(at, _KNOT_NS)
        knots = self._all_knots(minute, 2).reshape(4, -1)
        return TemeTrack((_basis(np.array([into_ns / _KNOT_NS])) @ knots).reshape(-1, 3))

    def position(self, satellite: int, at: MissionTime) -> Teme:
        """Return where one satellite is at one instant.

        Raises:
            PropagationError: its elements give no position there.
        """
        minute, into_ns = divmod(at, _KNOT_NS)
        knots = self.minute_knots(np.array([satellite]), minute, 2)[0]
        return Teme(*hermite(knots[:1], knots[1:], np.array([into_ns / _KNOT_NS]))[0].tolist())

    def dense(self, start: MissionTime, end: MissionTime, step_s: int) -> Iterator[Dense]:
        """Yield the positions of all satellites every `step_s` seconds, a minute at a time.

        The next minute is written over the one before (fresh memory would cost four times the sum): copy what is to
        be kept.

        Args:
            start: first instant.
            end: the instants end before it.
            step_s: a divisor of 60. The instants lie at whole multiples of it.

        Raises:
            ValueError: `step_s` does not divide 60.
            PropagationError: some elements give no position in the span.
        """
        if step_s < 1 or KNOT_S % step_s:
            raise ValueError(f"a step of {step_s} s does not divide {KNOT_S} s")
        offsets = np.arange(0, KNOT_S, step_s, dtype=np.int64) * NS_PER_S
        basis = _basis(offsets / _KNOT_NS)
        first, last = start // _KNOT_NS, -(-end // _KNOT_NS)
        room = np.empty((len(offsets), 3 * len(self)))
        for minute in range(first, last, KNOTS_AT_ONCE):
            count = min(KNOTS_AT_ONCE, last - minute)
            knots = self._all_knots(minute, count + 1)
            for k in range(count):
                times = (minute + k) * _KNOT_NS + offsets
                rows = np.matmul(basis, knots[k : k + 2].reshape(4, -1), out=room).reshape(len(offsets), -1, 3)
                if minute + k == first or minute + k == last - 1:
                    inside = (times >= start) & (times < end)
                    times, rows = times[inside], rows[inside]
                if times.size:
                    yield Dense(times, rows)

    def knots(self, satellites: IndexArray, minutes: TimeArray) -> FloatArray:
        """Return position (km) and velocity (km/s), TEME, of chosen satellites at chosen whole minutes.

        Args:
            satellites: indices in rising order, shape (m,).
            minutes: minutes of mission time, shape (m,).

        Returns:
            Shape (m, 6).

        Raises:
            PropagationError: some elements give no position at their minute.
        """
        days, fractions = _julian(minutes)
        bounds = np.searchsorted(satellites, np.arange(len(self) + 1)).tolist()
        found, errors = np.empty((len(satellites), 6)), np.zeros(len(satellites), dtype=np.uint8)
        for index, record in enumerate(self.records):
            low, high = bounds[index], bounds[index + 1]
            if low == high:
                continue
            answer = record.sgp4_array(days[low:high], fractions[low:high])
            errors[low:high], found[low:high, :3], found[low:high, 3:] = answer
        if errors.any():
            worst = int(np.flatnonzero(errors)[0])
            raise _no_position(self.records[int(satellites[worst])], int(errors[worst]))
        return found

    def minute_knots(self, satellites: IndexArray, first_minute: int, count: int) -> FloatArray:
        """Return position (km) and velocity (km/s), TEME, of some satellites at `count` minutes in a row.

        Returns:
            Shape (len(satellites), count, 6).

        Raises:
            PropagationError: some elements give no position there.
        """
        chosen = [self.records[index] for index in satellites.tolist()]
        days, fractions = _julian(np.arange(first_minute, first_minute + count, dtype=np.int64))
        errors, positions, velocities = SatrecArray(chosen).sgp4(days, fractions)
        _hold(chosen, errors)
        return np.concatenate([positions, velocities], axis=2)

    def at_minutes(self, minutes: TimeArray) -> FloatArray:
        """Return where all satellites are at whole minutes of mission time, km, TEME, shape (n, k, 3).

        Raises:
            PropagationError: some elements give no position there.
        """
        errors, positions, _ = self._array.sgp4(*_julian(minutes))
        _hold(self.records, errors)
        result: FloatArray = positions
        return result

    def _all_knots(self, minute: int, count: int) -> FloatArray:
        """Return shape (count, 2, 3 n): positions, km, and velocities, km per knot span."""
        days, fractions = _julian(np.arange(minute, minute + count, dtype=np.int64))
        errors, positions, velocities = self._array.sgp4(days, fractions)
        _hold(self.records, errors)
        knots = np.empty((count, 2, len(self), 3))
        knots[:, 0] = positions.transpose(1, 0, 2)
        np.multiply(velocities.transpose(1, 0, 2), KNOT_S, out=knots[:, 1])
        return knots.reshape(count, 2, -1)


def hermite(left: FloatArray, right: FloatArray, share: FloatArray) -> FloatArray:
    """Return positions between two knots, shape (m, 3).

    Args:
        left: position and velocity at the knot before, shape (m, 6), km and km/s.
        right: the same at the knot after.
        share: how far between them, 0 to 1, shape (m,).
    """
    s = share[:, None]
    r = 1.0 - s
    h00 = (1.0 + 2.0 * s) * r * r
    slope = (s * r * KNOT_S) * (r * left[:, 3:] - s * right[:, 3:])
    result: FloatArray = h00 * left[:, :3] + (1.0 - h00) * right[:, :3] + slope
    return result


def _basis(share: FloatArray) -> FloatArray:
    """Return the cubic Hermite basis in the order of the knots' rows: position, velocity, position, velocity."""
    s, r = share, 1.0 - share
    h00 = (1.0 + 2.0 * s) * r * r
    return np.stack([h00, s * r * r, 1.0 - h00, -s * s * r], axis=1)


def _julian(minutes: TimeArray) -> tuple[FloatArray, FloatArray]:
    """Return Julian day and fraction, UTC, of whole minutes of mission time."""
    days, rest = np.divmod(minutes * _KNOT_NS - _UTC_OFFSET_NS, _DAY_NS)
    return _UNIX_EPOCH_JD + days, rest / _DAY_NS


def _hold(records: Sequence[Satrec], errors: NDArray[np.uint8]) -> None:
    if errors.any():
        worst = int(np.flatnonzero(errors.any(axis=1))[0])
        raise _no_position(records[worst], int(errors[worst].max()))


def _no_position(record: Satrec, error: int) -> PropagationError:
    return PropagationError(f"SGP4 error {error} for satellite {record.satnum}")
