"""What the ground knows of each node now: when it was heard, and its newest housekeeping."""

from ground.ports.archive import HkRow
from icd.codec import DecodeError
from icd.hk import Hk, unpack
from icd.params import Fleet
from icd.timebase import NS_PER_S, MissionTime, seconds_between
from runtime.clock import MissionClock

HEARD_S = 45.0  # mission time after a message for which a node counts as heard: one and a half housekeeping intervals
HEARD_WALL_S = 3.0  # and at least this much wall time, so that a busy host is no outage
CLOCK_AHEAD_S_MAX = 3600.0  # a sample from further in the future would hide every later one
CLOCK_BEHIND_S_MAX = 30 * 86_400.0  # before the mission's epoch


class FleetWatch:
    """When each node was heard, and the newest sample of each."""

    def __init__(self, fleet: Fleet, clock: MissionClock) -> None:
        self.fleet = fleet
        self.nodes: tuple[str, ...] = tuple(element.node for element in fleet.elements)
        self._known = frozenset(self.nodes)
        self._clock = clock
        self._heard_at: dict[str, MissionTime] = {}
        self._latest: dict[str, HkRow] = {}

    def knows(self, node: str) -> bool:
        """Return whether a node belongs to the fleet."""
        return node in self._known

    def note_heard(self, node: str) -> bool:
        """Note that a node was heard now; return whether it had been silent."""
        was_silent = not self.heard(node)
        self._heard_at[node] = self._clock.now()
        return was_silent

    def heard(self, node: str) -> bool:
        """Return whether a node counts as heard now."""
        ago_s = self.heard_s_ago(node)
        return ago_s is not None and ago_s <= max(HEARD_S, HEARD_WALL_S * self._clock.rate)

    def heard_s_ago(self, node: str) -> float | None:
        """Return the mission time since a node was heard, None when never (since the ground started)."""
        at = self._heard_at.get(node)
        return None if at is None else seconds_between(at, self._clock.now())

    def take_hk(self, packet: Hk) -> HkRow:
        """Return the checked sample of a packet, and keep it if it is the newest of its node.

        Raises:
            DecodeError: another dictionary, a value of the wrong type, or a time that cannot be.
        """
        sample = unpack(packet)
        ahead_s = (packet.at - self._clock.now()) / NS_PER_S
        if ahead_s > CLOCK_AHEAD_S_MAX or packet.at < self.fleet.epoch - CLOCK_BEHIND_S_MAX * NS_PER_S:
            raise DecodeError(f"hk: sampled {ahead_s:.0f} s from now")
        row = HkRow(packet.node, MissionTime(packet.at), sample)
        self.remember(row)
        return row

    def remember(self, row: HkRow) -> None:
        """Keep a sample if it is the newest of its node."""
        older = self._latest.get(row.node)
        if self.knows(row.node) and (older is None or older.at <= row.at):
            self._latest[row.node] = row

    def latest(self, node: str) -> HkRow | None:
        """Return the newest sample of a node."""
        return self._latest.get(node)
