"""What every store obeys, whatever holds its rows: bounds, the order of the outbox, hooks at each durable write."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from icd.events import EventReport, Severity
from icd.jobs import JobReport
from icd.verification import VerificationReport

Report = VerificationReport | JobReport | EventReport
Moves = tuple[tuple[str, str], ...]

OUTBOX_ROWS_MAX = 20_000  # reports waiting for the ground
EVENT_ROWS_MAX = 10_000  # rows of the on-board event log
TC_ROWS_MAX = 10_000  # rows of the telecommand journal; the oldest that ended gives way
JOB_ROWS_MAX = 10_000  # job rows; the oldest that ended gives way

# The order in which reports leave: the smaller number first.
VERIFICATION_FIRST, JOBS_SECOND = 0, 1
_EVENT_PRIORITY = {Severity.HIGH: 2, Severity.MEDIUM: 3, Severity.LOW: 4, Severity.INFO: 5}
# Who gives way when the outbox is full, in this order. Verification, job reports and HIGH events never do.
GIVE_WAY = (5, 4, 3)
INFO_PRIORITY = 5


@dataclass(frozen=True, slots=True)
class StoreBounds:
    """How many rows each table holds."""

    outbox_rows: int = OUTBOX_ROWS_MAX
    event_rows: int = EVENT_ROWS_MAX
    tc_rows: int = TC_ROWS_MAX
    job_rows: int = JOB_ROWS_MAX


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """What a store is told at start.

    `new_id` names a fresh store (16 hex digits): random in flight, from the seed in virtual time. `on_commit` hears
    the kind and the bodies of the reports that each commit made durable. `before_write` and `after_write` hear the
    count of the durable write that is about to happen or has happened; one that raises before it stops it whole.
    """

    new_id: Callable[[], str]
    on_commit: Callable[[str, list[dict[str, Any]]], None] | None = None
    before_write: Callable[[int], None] | None = None
    after_write: Callable[[int], None] | None = None
    bounds: StoreBounds = StoreBounds()


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """One report, ready for its row."""

    kind: str
    priority: int
    body: dict[str, Any]


def entry_of(report: Report) -> OutboxEntry:
    """Return the row of a report."""
    body = report.model_dump(mode="python")
    if isinstance(report, VerificationReport):
        return OutboxEntry("verification", VERIFICATION_FIRST, body)
    if isinstance(report, JobReport):
        return OutboxEntry("job", JOBS_SECOND, body)
    return OutboxEntry("event", _EVENT_PRIORITY[report.severity], body)


def announce(options: StoreOptions, entries: list[OutboxEntry]) -> None:
    """Tell the listener what a commit made durable, kind by kind."""
    if options.on_commit is None or not entries:
        return
    for kind in dict.fromkeys(entry.kind for entry in entries):
        options.on_commit(kind, [entry.body for entry in entries if entry.kind == kind])
