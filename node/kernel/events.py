"""Operator events: severity from the dictionary, a token bucket per app, HIGH never dropped."""

from collections.abc import Callable

from icd.dictionary import EVENTS
from icd.events import EventReport, FieldValue, Severity
from icd.timebase import MissionTime, seconds_between
from node.kernel.errors import InvariantError

BURST_EVENTS = 32  # per app
REFILL_PER_S = 0.1  # events a mission second, per app


class Events:
    """Turns ids and fields into reports and gives them to the durable log."""

    def __init__(self, append: Callable[[EventReport], None]) -> None:
        self._append = append
        self._tokens: dict[str, tuple[float, MissionTime]] = {}
        self.squelched = 0

    def report(self, now: MissionTime, app: str, event_id: str, fields: dict[str, FieldValue]) -> None:
        """Append an event, unless its app has spent its tokens and the event is below HIGH."""
        definition = EVENTS.get(event_id)
        if definition is None:
            raise InvariantError(f"event {event_id} of {app} is not in the dictionary")
        if definition.severity is not Severity.HIGH and not self._spend(now, app):
            self.squelched += 1
            return
        self._append(EventReport(event_id=event_id, severity=definition.severity, at=now, app=app, fields=fields))

    def _spend(self, now: MissionTime, app: str) -> bool:
        tokens, since = self._tokens.get(app, (float(BURST_EVENTS), now))
        tokens = min(BURST_EVENTS, tokens + REFILL_PER_S * max(0.0, seconds_between(since, now)))
        granted = tokens >= 1.0
        self._tokens[app] = (tokens - 1.0 if granted else tokens, now)
        return granted
