"""Where a satellite is: SGP4 at knots 60 s apart, cubic Hermite between them.

The interpolation differs from SGP4 by at most 0.4 m in low orbit and costs a thirtieth. Knots lie at whole minutes of
mission time, so that every program that asks about the same satellite gets the same numbers to the last bit.
"""

from collections import OrderedDict

import numpy as np
from sgp4.api import Satrec

from astro.frames import FloatArray, Teme, TemeRate, TemeTrack, TimeArray
from icd.timebase import NS_PER_S, TAI_MINUS_UTC_S, MissionTime

KNOT_S = 60
BLOCK_KNOTS = 64  # knots computed at once, a little over an hour
BLOCKS_MAX = 48  # blocks kept, about two days; the one used longest ago goes first

_KNOT_NS = KNOT_S * NS_PER_S
_DAY_NS = 86_400 * NS_PER_S
_UTC_OFFSET_NS = TAI_MINUS_UTC_S * NS_PER_S
_UNIX_EPOCH_JD = 2440587.5

_Knot = list[float]  # position and velocity, km and km/s
_Block = tuple[FloatArray, list[_Knot]]  # knots as columns for sums of many instants, as rows for one


class PropagationError(ValueError):
    """SGP4 gives no position: the elements are decayed or far from their epoch."""


class Ephemeris:
    """One satellite's position and velocity at any mission time."""

    def __init__(self, line1: str, line2: str) -> None:
        self._record = Satrec.twoline2rv(line1, line2)
        self._blocks: OrderedDict[int, _Block] = OrderedDict()
        self._last: tuple[int, list[_Knot]] = (-1, [])

    def position(self, at: MissionTime) -> Teme:
        """Return the position at one instant.

        Raises:
            PropagationError: the elements give no position there.
        """
        index, into_ns = divmod(at, _KNOT_NS)
        (ax, ay, az, avx, avy, avz), (bx, by, bz, bvx, bvy, bvz) = self._pair(index)
        s = into_ns / _KNOT_NS
        r = 1.0 - s
        h00 = (1.0 + 2.0 * s) * r * r
        h01 = 1.0 - h00
        h10 = s * r * r * KNOT_S
        h11 = -s * s * r * KNOT_S
        return tuple.__new__(  # three times as fast as Teme(...), and this runs at every step of every search
            Teme,
            (
                h00 * ax + h10 * avx + h01 * bx + h11 * bvx,
                h00 * ay + h10 * avy + h01 * by + h11 * bvy,
                h00 * az + h10 * avz + h01 * bz + h11 * bvz,
            ),
        )

    def velocity(self, at: MissionTime) -> TemeRate:
        """Return the velocity at one instant.

        Raises:
            PropagationError: the elements give no position there.
        """
        index, into_ns = divmod(at, _KNOT_NS)
        (ax, ay, az, avx, avy, avz), (bx, by, bz, bvx, bvy, bvz) = self._pair(index)
        s = into_ns / _KNOT_NS
        d00 = 6.0 * s * (s - 1.0) / KNOT_S
        d10 = (3.0 * s - 1.0) * (s - 1.0)
        d11 = s * (3.0 * s - 2.0)
        return TemeRate(
            d00 * (ax - bx) + d10 * avx + d11 * bvx,
            d00 * (ay - by) + d10 * avy + d11 * bvy,
            d00 * (az - bz) + d10 * avz + d11 * bvz,
        )

    def positions(self, times: TimeArray) -> TemeTrack:
        """Return the positions at mission times in rising order.

        Raises:
            PropagationError: the elements give no position somewhere among them.
        """
        if times.size == 0:
            return TemeTrack(np.empty((0, 3)))
        index, into_ns = np.divmod(times, _KNOT_NS)
        first_block = int(index[0]) // BLOCK_KNOTS
        last_block = (int(index[-1]) + 1) // BLOCK_KNOTS
        knots = np.concatenate([self._block(number)[0] for number in range(first_block, last_block + 1)], axis=1)
        a = index - first_block * BLOCK_KNOTS
        left, right = knots.take(a, axis=1), knots.take(a + 1, axis=1)
        s = into_ns / _KNOT_NS
        r = 1.0 - s
        h00 = (1.0 + 2.0 * s) * r * r
        slope = (s * r * KNOT_S) * (r * left[3:] - s * right[3:])
        return TemeTrack(np.ascontiguousarray((h00 * left[:3] + (1.0 - h00) * right[:3] + slope).T))

    def _pair(self, index: int) -> tuple[_Knot, _Knot]:
        """Return a knot and the one after it."""
        number, place = divmod(index, BLOCK_KNOTS)
        if self._last[0] != number:
            self._last = (number, self._block(number)[1])
        knots = self._last[1]
        if place < BLOCK_KNOTS - 1:
            return knots[place], knots[place + 1]
        return knots[place], self._block(number + 1)[1][0]

    def _block(self, number: int) -> _Block:
        block = self._blocks.get(number)
        if block is not None:
            self._blocks.move_to_end(number)
            return block
        instants = (np.arange(BLOCK_KNOTS, dtype=np.int64) + number * BLOCK_KNOTS) * _KNOT_NS - _UTC_OFFSET_NS
        days, rest = np.divmod(instants, _DAY_NS)
        error, position, velocity = self._record.sgp4_array(_UNIX_EPOCH_JD + days, rest / _DAY_NS)
        if error.any():
            raise PropagationError(f"SGP4 error {int(error.max())} for satellite {self._record.satnum}")
        table = np.concatenate([position, velocity], axis=1)
        block = (np.ascontiguousarray(table.T), table.tolist())
        self._blocks[number] = block
        if len(self._blocks) > BLOCKS_MAX:
            self._blocks.popitem(last=False)
        return block
