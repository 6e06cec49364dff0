"""The fleet's schedule, day after day from the mission's epoch, so that a node that reboots finds the same one.

Each day's schedule begins with the links that the day before left standing; days are chained from the last multiple of
CHAIN_DAYS since the epoch. A day for four nodes costs about 50 ms, which a node pays once a day, and for the days since
the last multiple after a reboot.
"""

import itertools
import math
from collections.abc import Callable

from astro import contacts, sight
from astro.contacts import Interval
from astro.orbit import Ephemeris, PropagationError
from icd.params import Fleet
from icd.timebase import NS_PER_S, MissionTime
from node.apps.isl.handoff import Pair, Rules, Schedule, Sights, plan

DAY_NS = 86_400 * NS_PER_S
CHAIN_DAYS = 14  # about as long as an element set is good for
HORIZON_S = 3 * 3600  # how far beyond its day a schedule sees: two orbits
MARGIN_S = 10.0  # a link ends this long before the sight does
HOLD_MIN_S = 60.0  # a link that would hold for less is not begun

FindSights = Callable[[MissionTime, MissionTime], Sights]


class Almanac:
    """Gives the schedule in force at an instant; computes each day once."""

    def __init__(self, epoch: MissionTime, rules: Rules, find_sights: FindSights) -> None:
        self.rules = rules
        self._epoch = epoch
        self._find = find_sights
        self._day = -1
        self._schedule: Schedule | None = None

    def schedule(self, at: MissionTime) -> Schedule:
        """Return the schedule of the day that holds an instant; instants before the epoch have the first day's."""
        day = max(0, (at - self._epoch) // DAY_NS)
        if self._schedule is not None and day == self._day:
            return self._schedule
        first = day - day % CHAIN_DAYS
        known = self._schedule is not None and first <= self._day < day
        schedule = self._schedule if known else None
        for number in range(self._day + 1 if known else first, day + 1):
            schedule = self._plan_day(number, schedule)
        assert schedule is not None
        self._day, self._schedule = day, schedule
        return schedule

    def _plan_day(self, number: int, before: Schedule | None) -> Schedule:
        start = MissionTime(self._epoch + number * DAY_NS)
        end = MissionTime(start + DAY_NS)
        sights = self._find(start, MissionTime(end + HORIZON_S * NS_PER_S))
        return plan(sights, start, end, self.rules, before.carried() if before else ())


def rules_of(fleet: Fleet, terminals: int) -> Rules:
    """Return the rules for a fleet: the lead is a quarter turn, from rest to rest, and the longest acquisition."""
    lasers = fleet.profile.lasers
    turn_s = math.pi / 2.0 / lasers.slew_rate_rad_s + lasers.slew_rate_rad_s / lasers.slew_accel_rad_s2
    return Rules(terminals, turn_s + lasers.acquire_limit_s, MARGIN_S, HOLD_MIN_S, lasers.acquire_limit_s)


def almanac_of(fleet: Fleet, terminals: int) -> Almanac:
    """Return the almanac of a fleet from its element sets. A satellite that cannot be propagated has no sights."""
    ephemerides = {element.node: Ephemeris(element.line1, element.line2) for element in fleet.elements}
    limits = sight.limits(fleet.profile.lasers)

    def find(start: MissionTime, end: MissionTime) -> dict[Pair, tuple[Interval, ...]]:
        found: dict[Pair, tuple[Interval, ...]] = {}
        for a, b in itertools.combinations(sorted(ephemerides), 2):
            try:
                found[a, b] = contacts.sights(ephemerides[a], ephemerides[b], start, end, limits)
            except PropagationError:
                continue
        return found

    return Almanac(MissionTime(fleet.epoch), rules_of(fleet, terminals), find)
