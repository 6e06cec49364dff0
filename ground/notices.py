"""The ground's own events and counters: what it refused and what failed, bounded so that noise fills no disk."""

from collections import Counter

from ground.errors import ArchiveError
from ground.feed import Feed
from ground.ports.archive import Archive
from icd.dictionary import EVENTS, render
from icd.events import EventReport, FieldValue
from icd.timebase import MissionTime, seconds_between
from runtime.clock import MissionClock

GROUND = "ground"  # the node name under which the ground's own events stand
EVENTS_PER_WINDOW_MAX = 20  # events of one kind; what comes on top is counted only
WINDOW_S = 600.0  # mission time
TEXT_CHARS_MAX = 160


class Notices:
    """Counts what goes wrong and says so, a bounded number of times."""

    def __init__(self, archive: Archive, clock: MissionClock, feed: Feed) -> None:
        self.counts: Counter[str] = Counter()
        self._archive = archive
        self._clock = clock
        self._feed = feed
        self._windows: dict[str, tuple[MissionTime, int]] = {}

    def reject(self, topic: str, detail: str) -> None:
        """Count a message that was not taken, and say so."""
        self.counts["messages_rejected"] += 1
        self.say("MESSAGE_REJECTED", topic=_clean(topic), detail=_clean(detail))

    def storage_failed(self, error: ArchiveError) -> None:
        """Count a write that failed, and try to say so: the next write may work."""
        self.counts["storage_failures"] += 1
        try:
            self.say("STORAGE_FAILED", detail=_clean(str(error)))
        except ArchiveError:
            self.counts["events_lost"] += 1

    def say(self, event_id: str, **fields: FieldValue) -> None:
        """Archive an event of the ground, unless its kind has been said too often lately.

        Raises:
            ArchiveError: it could not be archived.
        """
        now = self._clock.now()
        start, said = self._windows.get(event_id, (now, 0))
        if seconds_between(start, now) >= WINDOW_S:
            start, said = now, 0
        if said >= EVENTS_PER_WINDOW_MAX:
            self.counts["events_held_back"] += 1
            return
        severity = EVENTS[event_id].severity
        report = EventReport(event_id=event_id, severity=severity, at=now, app=GROUND, fields=fields)
        with self._archive.transaction():
            self._archive.telemetry.add_event(GROUND, report, render(report))
        self._windows[event_id] = (start, said + 1)
        self._feed.touch()


def _clean(text: str) -> str:
    return text[:TEXT_CHARS_MAX].encode("utf-8", "replace").decode("utf-8")
