"""The cooling chain die - plate - loop - radiator; the radiator takes in sunlight, albedo and Earth infrared.

Compute power enters the die, the background the loop, what the sky gives the radiator. Between two `feed`s, a piece,
the T^4 it radiates by is the tangent at a grid temperature near the radiator's plus a constant remainder, so the four
temperatures are sums of four exponentials (hwsim/models/modes.py) and thresholds are met exactly. The remainder held
is that at the start of the piece; what it really was, the mean over the path (Simpson's rule over start, middle and
end), is known when the piece ends, and the difference is given back to the radiator then, where it moves neither die
nor plate.
Pieces end before the radiator can have moved by PIECE_K. Measured against a fine integration of the nonlinear chain
over a day with 1,000 load changes: a test prints it, the requirement is 0.01 K.
Constants: hwsim/models/body.py. Heat balance of a radiator in low orbit: Gilmore, Spacecraft Thermal Control Handbook,
chapter 2.
"""

import math
from enum import Enum, unique

from hwsim import plain
from hwsim.books import HeatBook
from hwsim.models.body import ZERO_C_K
from hwsim.models.crossing import Four, first_rise_s
from hwsim.models.modes import Modes, grid_of, modes_at
from icd.vehicle import ThermalProfile

PIECE_K = 2.0  # the radiator moves no further in one piece
PIECE_S_MAX = 900.0  # nor does a piece last longer
TANGENT_K = 2.5  # further than this from the tangent's temperature a new one is taken
_NEAR_K = 1e-6  # a crossing predicted to the nanosecond lands this near its threshold

STATE = ("m0", "m1", "m2", "m3", "compute_w", "sunlight_w", "albedo_w", "infrared_w", "remainder_w")
PIECE = ("piece_start_k", "piece_s", "piece_ks")
BOOK = tuple(HeatBook.__dataclass_fields__)


@unique
class Node(Enum):
    """The nodes that have thresholds."""

    DIE = "DIE"
    PLATE = "PLATE"


class Chain:
    """Four temperatures as four modes. `feed` holds heats, `advance` lets time pass, `crossing_s` looks ahead."""

    __slots__ = (
        *STATE,
        *PIECE,
        "_a0",
        "_a1",
        "_a2",
        "_a3",
        "_background_w",
        "_modes",
        "_profile",
        "book",
    )

    def __init__(self, profile: ThermalProfile, temp_k: float) -> None:
        self._profile = profile
        self._background_w = profile.background_w
        self._modes = modes_at(profile, grid_of(temp_k))
        self.m0, self.m1, self.m2, self.m3 = self._modes.place((temp_k, temp_k, temp_k, temp_k))
        self.compute_w = self.sunlight_w = self.albedo_w = self.infrared_w = self.remainder_w = 0.0
        self.piece_start_k, self.piece_s, self.piece_ks = temp_k, 0.0, 0.0
        self.book = HeatBook(self.stored_j)
        self.feed(0.0, 0.0, 0.0, 0.0)

    @property
    def die_c(self) -> float:
        """Temperature of the die, degrees Celsius."""
        return self._of(self._modes.die) - ZERO_C_K

    @property
    def plate_c(self) -> float:
        """Temperature of the cold plate, degrees Celsius."""
        return self._of(self._modes.plate) - ZERO_C_K

    @property
    def loop_c(self) -> float:
        """Temperature of the coolant, degrees Celsius."""
        return self._of(self._modes.loop) - ZERO_C_K

    @property
    def radiator_c(self) -> float:
        """Temperature of the radiator, degrees Celsius."""
        return self._of(self._modes.radiator) - ZERO_C_K

    @property
    def stored_j(self) -> float:
        """Heat stored in the chain, from absolute zero, J."""
        return self._of(self._modes.stored)

    def feed(self, compute_w: float, sunlight_w: float, albedo_w: float, infrared_w: float) -> None:
        """End the piece, and hold these heats from now on."""
        modes = self._modes
        r0, r1, r2, r3 = modes.radiator
        radiator_k = r0 * self.m0 + r1 * self.m1 + r2 * self.m2 + r3 * self.m3
        if self.piece_s > 0.0:
            radiator_k = self._true_up(modes, radiator_k)
        above_k = radiator_k - modes.grid_k
        if above_k > TANGENT_K or above_k < -TANGENT_K:
            modes = self._change_tangent(radiator_k)
            above_k = radiator_k - modes.grid_k
        self.piece_start_k, self.piece_s, self.piece_ks = radiator_k, 0.0, 0.0
        square, cube, fourth = modes.remainder
        self.remainder_w = remainder_w = above_k * above_k * (square + above_k * (cube + above_k * fourth))
        self.compute_w, self.sunlight_w, self.albedo_w, self.infrared_w = compute_w, sunlight_w, albedo_w, infrared_w
        self._aim(modes, sunlight_w + albedo_w + infrared_w - modes.offset_w - remainder_w)

    def advance(self, span_s: float) -> None:
        """Let a span pass under what is fed; no further than `piece_left_s`.

        Raises:
            HeatBookError: the sums do not close.
        """
        modes = self._modes
        l0, l1, l2, l3 = modes.rates
        d0 = (self.m0 - self._a0) * math.expm1(-l0 * span_s)
        d1 = (self.m1 - self._a1) * math.expm1(-l1 * span_s)
        d2 = (self.m2 - self._a2) * math.expm1(-l2 * span_s)
        d3 = (self.m3 - self._a3) * math.expm1(-l3 * span_s)
        self.m0 = m0 = self.m0 + d0
        self.m1 = m1 = self.m1 + d1
        self.m2 = m2 = self.m2 + d2
        self.m3 = m3 = self.m3 + d3
        # The integral of a mode is its aim times the span less what it moved over its rate.
        r0, r1, r2, r3 = modes.radiator
        i0, i1, i2, i3 = modes.to_radiator
        aim_k = r0 * self._a0 + r1 * self._a1 + r2 * self._a2 + r3 * self._a3
        radiator_ks = aim_k * span_s - (i0 * d0 + i1 * d1 + i2 * d2 + i3 * d3)
        self.piece_s += span_s
        self.piece_ks += radiator_ks
        book = self.book
        book.compute_j += self.compute_w * span_s
        book.background_j += self._background_w * span_s
        book.sunlight_j += self.sunlight_w * span_s
        book.albedo_j += self.albedo_w * span_s
        book.infrared_j += self.infrared_w * span_s
        book.radiated_j += (modes.offset_w + self.remainder_w) * span_s + modes.slope_w_k * radiator_ks
        s0, s1, s2, s3 = modes.stored
        book.check(s0 * m0 + s1 * m1 + s2 * m2 + s3 * m3)

    def piece_left_s(self) -> float:
        """Return how long the piece may still last: until the radiator could have moved by PIECE_K."""
        v0, v1, v2, v3 = self._modes.radiator_speed
        fastest_k_s = (
            v0 * abs(self.m0 - self._a0)
            + v1 * abs(self.m1 - self._a1)
            + v2 * abs(self.m2 - self._a2)
            + v3 * abs(self.m3 - self._a3)
        )
        return PIECE_K / fastest_k_s if fastest_k_s * PIECE_S_MAX > PIECE_K else PIECE_S_MAX

    def ceilings_c(self, span_s: float) -> tuple[float, float]:
        """Return temperatures that die and plate do not pass within a span, degrees Celsius.

        Each mode lies between where it is and where it goes; the slowest moves by no more than its rate allows.
        """
        modes = self._modes
        m0, m1, m2, m3 = self.m0, self.m1, self.m2, self.m3
        a1, a2, a3 = self._a1, self._a2, self._a3
        moved = modes.rates[0] * span_s
        slow = (self._a0 - m0) * (moved if moved < 1.0 else 1.0)
        n0, n1, n2, n3 = modes.die
        die_c = n0 * m0 + n1 * m1 + n2 * m2 + n3 * m3 - ZERO_C_K
        s0, s1, s2, s3 = n0 * slow, n1 * (a1 - m1), n2 * (a2 - m2), n3 * (a3 - m3)
        die_c += (s0 if s0 > 0.0 else 0.0) + (s1 if s1 > 0.0 else 0.0)
        die_c += (s2 if s2 > 0.0 else 0.0) + (s3 if s3 > 0.0 else 0.0)
        n0, n1, n2, n3 = modes.plate
        plate_c = n0 * m0 + n1 * m1 + n2 * m2 + n3 * m3 - ZERO_C_K
        s0, s1, s2, s3 = n0 * slow, n1 * (a1 - m1), n2 * (a2 - m2), n3 * (a3 - m3)
        plate_c += (s0 if s0 > 0.0 else 0.0) + (s1 if s1 > 0.0 else 0.0)
        return die_c, plate_c + (s2 if s2 > 0.0 else 0.0) + (s3 if s3 > 0.0 else 0.0)

    def crossing_s(self, node: Node, goal_c: float, span_s: float, *, rising: bool) -> float | None:
        """Return when a node first reaches a temperature from below (or above), s, at once if it is past it; or None.

        Args:
            node: which.
            goal_c: the temperature, degrees Celsius.
            span_s: how far to look; no further than `piece_left_s`.
            rising: from below; else from above.
        """
        row = self._modes.die if node is Node.DIE else self._modes.plate
        sign = 1.0 if rising else -1.0
        aims, modes = (self._a0, self._a1, self._a2, self._a3), (self.m0, self.m1, self.m2, self.m3)
        aim_k = sum(part * aim for part, aim in zip(row, aims, strict=True))
        t0, t1, t2, t3 = (sign * part * (mode - aim) for part, mode, aim in zip(row, modes, aims, strict=True))
        offset_k = sign * (aim_k - goal_c - ZERO_C_K)
        return first_rise_s(offset_k, (t0, t1, t2, t3), self._modes.rates, span_s)

    def dump(self) -> dict[str, object]:
        """Return the state as plain values."""
        return {
            **plain.take(self, STATE),
            **plain.take(self, PIECE),
            "grid": grid_of(self._modes.grid_k),
            "book": plain.take(self.book, BOOK),
        }

    def restore(self, state: object) -> None:
        """Take a dumped state.

        Raises:
            KeyError, TypeError: it is not one.
        """
        values = plain.table(state)
        plain.give(self, STATE, values)
        plain.give(self, PIECE, values)
        plain.give(self.book, BOOK, values["book"])
        self._modes = modes_at(self._profile, max(1, plain.whole(values["grid"])))
        heat_w = self.sunlight_w + self.albedo_w + self.infrared_w - self._modes.offset_w - self.remainder_w
        self._aim(self._modes, heat_w)

    def _aim(self, modes: Modes, radiator_w: float) -> None:
        """Set what the modes tend to; `radiator_w` is the radiator's heat less the tangent's offset and remainder."""
        compute_w, background_w = self.compute_w, self._background_w
        c0, c1, c2, c3 = modes.to_die
        b0, b1, b2, b3 = modes.to_loop
        q0, q1, q2, q3 = modes.to_radiator
        self._a0 = c0 * compute_w + b0 * background_w + q0 * radiator_w
        self._a1 = c1 * compute_w + b1 * background_w + q1 * radiator_w
        self._a2 = c2 * compute_w + b2 * background_w + q2 * radiator_w
        self._a3 = c3 * compute_w + b3 * background_w + q3 * radiator_w

    def _of(self, row: Four) -> float:
        return row[0] * self.m0 + row[1] * self.m1 + row[2] * self.m2 + row[3] * self.m3

    def _true_up(self, modes: Modes, end_k: float) -> float:
        """Give the radiator what the remainder held took too much; return the radiator's temperature then."""
        start_k = self.piece_start_k
        # The middle of a parabola through start and end with the mean that the path had.
        middle_k = 1.5 * self.piece_ks / self.piece_s - 0.25 * (start_k + end_k)
        grid_k = modes.grid_k
        a, b, c = start_k - grid_k, middle_k - grid_k, end_k - grid_k
        square, cube, fourth = modes.remainder
        mean_w = (
            a * a * (square + a * (cube + a * fourth))
            + 4.0 * (b * b * (square + b * (cube + b * fourth)))
            + c * c * (square + c * (cube + c * fourth))
        ) / 6.0
        back_j = (self.remainder_w - mean_w) * self.piece_s
        self.book.radiated_j -= back_j
        q0, q1, q2, q3 = modes.radiator  # by symmetry also what a joule in the radiator moves each mode by
        self.m0 += q0 * back_j
        self.m1 += q1 * back_j
        self.m2 += q2 * back_j
        self.m3 += q3 * back_j
        return end_k + back_j / self._profile.radiator_j_k

    def _change_tangent(self, radiator_k: float) -> Modes:
        temps = self._modes.temps((self.m0, self.m1, self.m2, self.m3))
        self._modes = modes = modes_at(self._profile, grid_of(radiator_k))
        self.m0, self.m1, self.m2, self.m3 = modes.place(temps)
        return modes
