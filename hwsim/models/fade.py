"""How a battery ages: rainflow counting of its state of charge, damage by a power law of the depth of each cycle.

Four-point rainflow, streaming: of four turning points in a row, the inner pair is a full cycle when its range is within
both outer ranges; it is counted and taken out (ASTM E1049-85, section 5.4.4, in the equivalent four-point form of
McInnes and Meehan, Int. J. Fatigue 30, 547). A cycle of depth D does 1/N(D) of the damage that ends the battery's
life, N(D) = N_ref (D_ref / D)^k; the constants come with the vehicle profile.
"""

import itertools

from icd.vehicle import BatteryProfile

TURNS_MAX = 64  # turning points kept; a residue this long only holds ripples, and its smallest is counted


class Rainflow:
    """Turning points that are not yet part of a closed cycle, and the damage of those that were."""

    __slots__ = ("_depth_frac", "_exponent", "_life", "damage_frac", "turns")

    def __init__(self, profile: BatteryProfile) -> None:
        self._life = profile.cycle_life
        self._depth_frac = profile.cycle_life_dod_frac
        self._exponent = profile.cycle_life_exponent
        self.turns: list[float] = []
        self.damage_frac = 0.0

    def turn(self, soc_frac: float) -> bool:
        """Take a turning point of the state of charge; return whether it closed a cycle."""
        turns, before = self.turns, self.damage_frac
        turns.append(soc_frac)
        while len(turns) >= 4:
            inner = abs(turns[-2] - turns[-3])
            if inner > abs(turns[-3] - turns[-4]) or inner > abs(turns[-1] - turns[-2]):
                break
            self._count(inner)
            del turns[-3:-1]
        if len(turns) > TURNS_MAX:
            ranges = [abs(b - a) for a, b in itertools.pairwise(turns)]
            place = ranges.index(min(ranges))
            self._count(ranges[place])
            del turns[place : place + 2]
        return self.damage_frac > before

    def _count(self, depth_frac: float) -> None:
        self.damage_frac += (depth_frac / self._depth_frac) ** self._exponent / self._life
