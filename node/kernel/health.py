"""Health: a ping through every app's own pipe, answered with the work done."""

from dataclasses import dataclass
from typing import ClassVar

from node.kernel.bus import BusMessage, Overflow


@dataclass(frozen=True, slots=True)
class HealthPing(BusMessage):
    """A ping in an app's pipe. Reaching the app through its pipe is what it proves."""

    OVERFLOW: ClassVar[Overflow] = Overflow.KEEP_LATEST
    round: int


@dataclass(frozen=True, slots=True)
class HealthReported(BusMessage):
    """The result of one round of pings: which apps did not answer."""

    OVERFLOW: ClassVar[Overflow] = Overflow.KEEP_LATEST
    round: int
    silent: tuple[str, ...]
    silent_critical: tuple[str, ...]


class Health:
    """Counts work and judges one round of pings when the next begins."""

    def __init__(self, apps: dict[str, bool]) -> None:
        self._critical = apps
        self._answered: dict[str, int] = dict.fromkeys(apps, 0)
        self._work: dict[str, int] = dict.fromkeys(apps, 0)
        self._round = 0

    def worked(self, app: str) -> None:
        """Count one message handled by an app."""
        self._work[app] = self._work.get(app, 0) + 1

    def answer(self, app: str, ping: HealthPing) -> None:
        """Note that an app has handled its ping."""
        self._answered[app] = ping.round

    def next_round(self) -> tuple[HealthPing, HealthReported | None]:
        """Begin a round; return its ping, and the report on the round before (None at the first)."""
        report = None
        if self._round > 0:
            silent = tuple(app for app in self._critical if self._answered[app] < self._round)
            report = HealthReported(self._round, silent, tuple(app for app in silent if self._critical[app]))
        self._round += 1
        return HealthPing(self._round), report

    def work_done(self) -> dict[str, int]:
        """Return how many messages each app has handled since boot."""
        return dict(self._work)
