"""The fault points that every unit's reading passes: lost, and stuck at the last one."""

from dataclasses import dataclass
from typing import Protocol

from icd.hw import Reading
from icd.timebase import MissionTime


class Unit(Protocol):
    """A simulated unit, as the frame that tells of it sees it."""

    def truth(self, at: MissionTime) -> Reading:
        """Return what a healthy unit reads now."""
        ...

    def silence(self) -> Reading:
        """Return the reading of quality LOST."""
        ...


@dataclass(slots=True)
class Sensor:
    """A unit behind its fault points."""

    unit: Unit
    lost: bool = False
    stuck: bool = False
    last: Reading | None = None

    def report(self, at: MissionTime) -> Reading:
        """Return what the unit reports: the truth, its last reading again, or silence."""
        if self.lost:
            return self.unit.silence()
        if self.stuck and self.last is not None:
            return self.last
        self.last = self.unit.truth(at)
        return self.last
