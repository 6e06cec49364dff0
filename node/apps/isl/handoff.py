"""Who links with whom, by which terminals and when: one schedule for the whole fleet, the same at every end.

The schedule is a pure function of the sights, so all nodes that share element sets share it without a word. A node
keeps all terminals but one for standing links (and at least one); the last is the reserve with which the next
neighbour is acquired before the present one is lost. Neighbours are ranked by remaining contact, longest first:
against the nearest first, this about halves the number of handoffs.
"""

import hashlib
import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from astro.contacts import Interval
from icd.timebase import NS_PER_S, MissionTime

Pair = tuple[str, str]  # two nodes, the lesser name first
Sights = Mapping[Pair, Sequence[Interval]]


@dataclass(frozen=True, slots=True)
class Rules:
    """What the schedule obeys. Durations are mission time."""

    terminals: int  # of each node
    lead_s: float  # from the order to point until a link can be counted on: slew and acquisition
    margin_s: float  # a link ends this long before the sight does
    hold_min_s: float  # a link that would hold for less is not begun
    acquire_limit_s: float  # an acquisition that takes longer has failed


@dataclass(frozen=True, slots=True)
class Link:
    """One link of the schedule, from the order to point until its planned end."""

    a: str
    b: str
    terminal_a: int
    terminal_b: int
    acquire_at: MissionTime
    hold_from: MissionTime
    until: MissionTime


@dataclass(frozen=True, slots=True)
class Schedule:
    """The links of a span, those carried into it first, and the hash that stands for all of it."""

    start: MissionTime
    end: MissionTime
    links: tuple[Link, ...]
    plan_hash: str

    def carried(self) -> tuple[Link, ...]:
        """Return the links that hold beyond the span: where the next span begins."""
        return tuple(link for link in self.links if link.until > self.end)


@dataclass(frozen=True, slots=True)
class Assignment:
    """What one terminal of one node does."""

    terminal: int
    peer: str
    peer_terminal: int
    acquire_at: MissionTime
    hold_from: MissionTime
    until: MissionTime


def plan(sights: Sights, start: MissionTime, end: MissionTime, rules: Rules, carried: Sequence[Link] = ()) -> Schedule:
    """Return the schedule of a span.

    Args:
        sights: when each pair sees each other; known beyond `end` as far as links are to be judged.
        start: the first instant at which links are made.
        end: the instant before which links are made; they may hold beyond it.
        rules: of the fleet.
        carried: the links of the span before that hold beyond `start`.
    """
    planner = _Planner(sights, start, end, rules)
    for link in carried:
        planner.carry(link)
    planner.run()
    return Schedule(start, end, tuple(planner.links), _hash(start, end, planner.links))


def assignments(schedule: Schedule, node: str) -> tuple[Assignment, ...]:
    """Return what a node's terminals do, in order of time."""
    found = []
    for link in schedule.links:
        if link.a == node:
            mine, peer, theirs = link.terminal_a, link.b, link.terminal_b
        elif link.b == node:
            mine, peer, theirs = link.terminal_b, link.a, link.terminal_a
        else:
            continue
        found.append(Assignment(mine, peer, theirs, link.acquire_at, link.hold_from, link.until))
    return tuple(sorted(found, key=lambda one: (one.acquire_at, one.terminal)))


class _Planner:
    """Walks through the instants at which a link can be made: sights begin, links near their end, links end."""

    def __init__(self, sights: Sights, start: MissionTime, end: MissionTime, rules: Rules) -> None:
        self.links: list[Link] = []
        self._start, self._end = start, end
        self._terminals = rules.terminals
        self._standing = max(1, rules.terminals - 1)
        self._lead = round(rules.lead_s * NS_PER_S)
        self._margin = round(rules.margin_s * NS_PER_S)
        self._hold_min = round(rules.hold_min_s * NS_PER_S)
        self._sights = sights
        self._coming = sorted(
            (max(span.start, start), span.end, pair) for pair, spans in sights.items() for span in spans
        )
        self._open: dict[Pair, MissionTime] = {}
        self._active: list[Link] = []
        self._instants = [start, *(begin for begin, _, _ in self._coming if begin < end)]
        heapq.heapify(self._instants)

    def carry(self, link: Link) -> None:
        """Take over a link, with the end that today's longer view of its sight gives."""
        ends = [span.end for span in self._sights.get((link.a, link.b), ()) if span.start <= self._start < span.end]
        until = max([link.until, *(MissionTime(end - self._margin) for end in ends)])
        self._add(replace(link, until=until))

    def run(self) -> None:
        """Make every link of the span."""
        last = -1
        taken = 0
        while self._instants:
            now = heapq.heappop(self._instants)
            if now == last or now >= self._end:
                continue
            last = now
            while taken < len(self._coming) and self._coming[taken][0] <= now:
                _, close, pair = self._coming[taken]
                self._open[pair] = close
                taken += 1
            self._active = [link for link in self._active if link.until > now]
            self._decide(now)

    def _decide(self, now: MissionTime) -> None:
        linked = {(link.a, link.b) for link in self._active}
        useful = now + self._lead + self._hold_min + self._margin
        candidates = [(-close, pair) for pair, close in self._open.items() if close >= useful and pair not in linked]
        for close, (a, b) in sorted(candidates):
            if self._counted(a, now) >= self._standing or self._counted(b, now) >= self._standing:
                continue
            terminal_a, terminal_b = self._free(a), self._free(b)
            if terminal_a is None or terminal_b is None:
                continue
            until = MissionTime(-close - self._margin)
            hold_from = MissionTime(now + self._lead)
            self._add(Link(a, b, terminal_a, terminal_b, now, hold_from, until))

    def _add(self, link: Link) -> None:
        self.links.append(link)
        self._active.append(link)
        for instant in (MissionTime(link.until - self._lead), link.until):
            if self._start <= instant < self._end:
                heapq.heappush(self._instants, instant)

    def _counted(self, node: str, now: MissionTime) -> int:
        """Return how many standing links a node has; with a reserve, one near its end no longer counts."""
        leaving = self._lead if self._terminals > 1 else 0
        return sum(1 for link in self._active if node in (link.a, link.b) and link.until - now > leaving)

    def _free(self, node: str) -> int | None:
        used = {link.terminal_a for link in self._active if link.a == node}
        used |= {link.terminal_b for link in self._active if link.b == node}
        return next((terminal for terminal in range(self._terminals) if terminal not in used), None)


def _hash(start: MissionTime, end: MissionTime, links: Sequence[Link]) -> str:
    digest = hashlib.sha256(f"{start} {end}\n".encode())
    for link in links:
        row = (link.a, link.terminal_a, link.b, link.terminal_b, link.acquire_at, link.until)
        digest.update((" ".join(map(str, row)) + "\n").encode())
    return digest.hexdigest()[:16]
