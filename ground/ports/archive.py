"""What the ground asks of its archive, in domain verbs. The archive is the truth; the core keeps no second copy.

Verbs may be gathered in one transaction. Every verb may raise ground.errors.ArchiveError, after which nothing of the
transaction has happened.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Protocol

from icd.events import EventReport
from icd.hk import HkSample
from icd.jobs import JobReport, JobSpec
from icd.timebase import MissionTime
from icd.verification import VerificationReport


@unique
class TcStage(StrEnum):
    """How far a telecommand has come, seen from the ground: the node's stages and two of the ground's own."""

    ISSUED = "ISSUED"  # signed and durable; sent whenever its node is heard, until the node answers
    EXPIRED = "EXPIRED"  # its life time is over and the node has not said that it took it
    RECEIVED = "RECEIVED"
    ACCEPTED = "ACCEPTED"
    STARTED = "STARTED"
    PROGRESS = "PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


@unique
class GroundJobState(StrEnum):
    """Where a job stands: three steps on the ground, then the node's states."""

    SUBMITTED = "SUBMITTED"  # durable, no node chosen
    PLACED = "PLACED"  # a node is chosen and not yet heard; may change
    UPLINKING = "UPLINKING"  # its telecommand is issued
    STAGING = "STAGING"
    QUEUED = "QUEUED"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    CHECKPOINTING = "CHECKPOINTING"
    VERIFYING = "VERIFYING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


JOB_ENDED = frozenset((GroundJobState.SUCCEEDED, GroundJobState.FAILED, GroundJobState.CANCELLED))


@unique
class ResultState(StrEnum):
    """Where a job's result is."""

    NONE = "NONE"
    DOWNLINKING = "DOWNLINKING"
    READY = "READY"


@dataclass(frozen=True, slots=True)
class TcRow:
    """A telecommand as the ground sent it, and how far it has come."""

    request_id: str
    node: str
    key_id: str
    sequence: int
    user: str
    command: str  # JSON text
    job_id: str | None  # the job that it carries or cancels
    issued_at: MissionTime
    expires_at: MissionTime
    signed: bytes  # exactly what goes up, each time
    sent: bool  # it may have left the ground
    stage: TcStage
    reason: str | None
    detail: str
    updated_at: MissionTime


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job as the ground knows it."""

    job_id: str
    spec: JobSpec
    digest: str  # SHA-256 of everything the tenant asked for
    state: GroundJobState
    node: str | None
    wanted_node: str | None
    request_id: str | None  # the telecommand that carries it
    cancel_id: str | None  # the telecommand that cancels it
    cancel_wanted: bool
    placements: int  # telecommands spent on placing it
    not_before: MissionTime | None  # back-off after a node's refusal
    reason: str | None
    detail: str
    attempt: int
    progress_frac: float | None
    energy_wh: float
    result_state: ResultState
    result_sha256: str | None
    result_bytes: int | None
    submitted_at: MissionTime
    updated_at: MissionTime
    report_at: MissionTime  # the newest job report's own time and number: 0, 0 before the first
    report_seq: int


@dataclass(frozen=True, slots=True)
class HkRow:
    """A housekeeping sample with its place."""

    node: str
    at: MissionTime
    sample: HkSample


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event in the archive; `number` only grows."""

    number: int
    node: str
    at: MissionTime
    severity: str
    event_id: str
    app: str
    text: str


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """One job report in the archive."""

    node: str
    report: JobReport


@dataclass(frozen=True, slots=True)
class FileRow:
    """A file that came down whole."""

    node: str
    transfer_id: str
    kind: str  # of icd.transfer.TransferKind
    job_id: str
    sha256: str
    total_bytes: int


class TcStore(Protocol):
    """Telecommands."""

    def next_number(self) -> int:
        """Count and return the number of the next telecommand; never the same twice."""
        ...

    def next_sequence(self, key_id: str, node: str) -> int:
        """Count and return the next place in a key's sequence towards a node; never the same twice."""
        ...

    def add(self, row: TcRow) -> None:
        """Keep a new telecommand."""
        ...

    def find(self, request_id: str) -> TcRow | None:
        """Return a telecommand."""
        ...

    def mark_sent(self, request_id: str) -> None:
        """Note that the telecommand may have left the ground."""
        ...

    def move(self, request_id: str, stage: TcStage, reason: str | None, detail: str, at: MissionTime) -> None:
        """Set how far a telecommand has come."""
        ...

    def add_stage(self, report: VerificationReport) -> bool:
        """Keep a stage report; False when that stage and step are already there."""
        ...

    def stages(self, request_id: str) -> list[VerificationReport]:
        """Return the stage reports of a telecommand in order of time."""
        ...

    def unanswered(self) -> list[TcRow]:
        """Return telecommands that are ISSUED or RECEIVED, oldest first."""
        ...

    def in_doubt(self, expired_after: MissionTime) -> list[TcRow]:
        """Return telecommands that were sent, EXPIRED after an instant, and have no answer, oldest first."""
        ...

    def open_count(self, node: str) -> int:
        """Return how many telecommands towards a node are ISSUED or RECEIVED."""
        ...

    def newest(self, limit: int, node: str | None) -> list[TcRow]:
        """Return telecommands, newest first."""
        ...


class JobStore(Protocol):
    """Jobs."""

    def add(self, row: JobRow) -> None:
        """Keep a new job."""
        ...

    def find(self, job_id: str) -> JobRow | None:
        """Return a job."""
        ...

    def put(self, row: JobRow) -> None:
        """Replace a job's row by its changed self."""
        ...

    def in_states(self, states: Sequence[GroundJobState], node: str | None = None) -> list[JobRow]:
        """Return jobs in any of these states, in order of submission."""
        ...

    def to_cancel(self) -> list[JobRow]:
        """Return jobs that have not ended, shall be cancelled, and have no telecommand for it, oldest first."""
        ...

    def backlog(self) -> dict[str, tuple[int, float]]:
        """Return, by node, how many placed jobs have not ended and their declared work still to do, s."""
        ...

    def counts(self) -> dict[str, int]:
        """Return how many jobs are in each state that has any."""
        ...

    def add_report(self, node: str, seq: int, report: JobReport) -> None:
        """Keep a job report in the job's timeline."""
        ...

    def timeline(self, job_id: str) -> list[TimelineRow]:
        """Return a job's reports in order of their time."""
        ...

    def reports_between(self, node: str, start: MissionTime, end: MissionTime) -> list[TimelineRow]:
        """Return a node's job reports in a span, and before it the last one of each job that then ran, by time."""
        ...

    def newest(self, limit: int, state: str | None, node: str | None) -> list[JobRow]:
        """Return jobs, newest first."""
        ...

    def add_file(self, row: FileRow) -> None:
        """Keep that a file came down whole."""
        ...

    def find_file(self, node: str, transfer_id: str) -> FileRow | None:
        """Return a file that came down whole."""
        ...

    def newest_file(self, job_id: str, kind: str) -> FileRow | None:
        """Return the file of a job and kind that came last."""
        ...


class TelemetryStore(Protocol):
    """Housekeeping, events, and which reports were taken."""

    def add_hk(self, rows: Sequence[HkRow]) -> None:
        """Keep samples; one that is already there stays as it was."""
        ...

    def latest_hk(self) -> list[HkRow]:
        """Return the newest sample of each node."""
        ...

    def take_report(self, node: str, outbox_id: str, seq: int) -> bool:
        """Note that a report was taken; False when it was taken before."""
        ...

    def add_event(self, node: str, report: EventReport, text: str) -> int:
        """Keep an event and return its number."""
        ...

    def events(self, after: int, limit: int, node: str | None, severity: str | None) -> list[EventRow]:
        """Return the newest `limit` events above a number, oldest first."""
        ...

    def event_counts(self) -> dict[str, int]:
        """Return how many events of each severity are kept."""
        ...

    def events_of(self, node: str, event_ids: Sequence[str], start: MissionTime, end: MissionTime) -> list[EventReport]:
        """Return a node's events of some kinds up to a span's end, from LOOK_BACK_S before its start, by time."""
        ...

    def hk_columns(self, node: str, start: MissionTime, end: MissionTime, points: int) -> list[list[float | None]]:
        """Return mean values in at most `points` equal buckets: time in s from `start`, then HISTORY_COLUMNS."""
        ...

    def modes(self, node: str, start: MissionTime, end: MissionTime) -> list[tuple[MissionTime, str, str]]:
        """Return (time, mode, reason) at each sample of a span where the mode is another than before."""
        ...


# How far back an event that opens a bar of the history is looked for.
LOOK_BACK_S = 86_400
HISTORY_COLUMNS = ("soc_frac", "solar_w", "load_w", "compute_w", "module_temp_c", "sunlit_frac")


class Archive(Protocol):
    """The whole archive."""

    @property
    def tcs(self) -> TcStore:
        """Telecommands."""
        ...

    @property
    def jobs(self) -> JobStore:
        """Jobs."""
        ...

    @property
    def telemetry(self) -> TelemetryStore:
        """Housekeeping, events, reports."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """Gather verbs: all of them happen, durably, when the block ends, or none."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...
