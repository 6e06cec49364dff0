"""What the apps ask of durable storage, in domain verbs: one small Protocol per app.

Every verb is one transaction. A verb that changes state takes the reports of that fact and commits them with it.
Every verb may raise node.kernel.errors.StorageError, after which nothing of it has happened.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from icd.events import EventReport, OutboxItem
from icd.jobs import EndReason, JobReport, JobSpec, JobState
from icd.timebase import MissionTime
from icd.verification import Stage, VerificationReport


@dataclass(frozen=True, slots=True)
class TcRow:
    """A telecommand in the journal."""

    request_id: str
    digest: str  # SHA-256 of the signed body bytes
    key_id: str
    sequence: int
    body: bytes  # the encoded icd.tc.Telecommand
    accepted_at: MissionTime
    stage: Stage
    step: int


@dataclass(frozen=True, slots=True)
class ReplayWindow:
    """Which sequence numbers of a key were used: the highest, and a bit for each of the 63 below it (bit 0: itself)."""

    highest: int
    mask: int


class TcStore(Protocol):
    """The commanding app's storage."""

    def find_tc(self, request_id: str) -> TcRow | None:
        """Return the journal's row of a telecommand."""
        ...

    def tc_reports(self, request_id: str) -> list[VerificationReport]:
        """Return every report of a telecommand in order: the answer to a repeated request."""
        ...

    def replay_window(self, key_id: str) -> ReplayWindow:
        """Return the anti-replay window of a key; (0, 0) for one never used."""
        ...

    def accept_tc(self, row: TcRow, window: ReplayWindow, reports: Sequence[VerificationReport]) -> bool:
        """Commit the row, the new window and the reports at once; False when the id is already there."""
        ...

    def reject_tc(self, report: VerificationReport, window: tuple[str, ReplayWindow] | None) -> None:
        """Commit the report of a refusal, and the key's window when the number was authentic and so is spent."""
        ...

    def advance_tc(self, request_id: str, stage: Stage, report: VerificationReport) -> bool:
        """Move a telecommand on and commit the report with it; False when it has already reached a final stage."""
        ...

    def resend_tc_reports(self, request_id: str) -> int:
        """Put every report of a telecommand into the outbox once more (a repeated request); return how many."""
        ...

    def open_tcs(self) -> list[TcRow]:
        """Return telecommands that were accepted and have not ended, oldest first."""
        ...

    def tc_counts(self) -> tuple[int, int]:
        """Return how many telecommands were accepted and how many rejected."""
        ...


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job as the store has it."""

    spec: JobSpec
    request_id: str
    state: JobState
    submitted_at: MissionTime
    attempt: int  # started so far
    failures: int  # attempts that ended in failure: these spend retries
    restarts: int  # attempts that a reset of the processor ended
    not_before: MissionTime | None  # back-off
    checkpoint: str | None  # the last promoted one
    progress_frac: float | None
    reason: EndReason | None
    result_sha256: str | None
    result_bytes: int | None
    energy_wh: float


@dataclass(frozen=True, slots=True)
class JobMove:
    """What changes with a job's state; None leaves a column as it is."""

    attempt: int | None = None
    failures: int | None = None
    restarts: int | None = None
    not_before: MissionTime | None = None
    checkpoint: str | None = None
    progress_frac: float | None = None
    reason: EndReason | None = None
    result_sha256: str | None = None
    result_bytes: int | None = None
    energy_wh: float | None = None


class JobStore(Protocol):
    """The jobs app's storage."""

    def add_job(self, row: JobRow, reports: Sequence[JobReport]) -> bool:
        """Commit a new job with its reports; False when a job of that id is already there."""
        ...

    def find_job(self, job_id: str) -> JobRow | None:
        """Return a job, ended or not."""
        ...

    def live_jobs(self) -> list[JobRow]:
        """Return every job that has not ended, in order of submission."""
        ...

    def move_job(self, job_id: str, source: JobState, target: JobState, change: JobMove, report: JobReport) -> bool:
        """Move a job along an edge of the table and commit the report with it; False when it is not in `source`.

        The database refuses, as an InvariantError, a move that is no edge of the job table.
        """
        ...

    def note_job(self, job_id: str, state: JobState, change: JobMove, report: JobReport | None) -> bool:
        """Change columns of a job that stays in its state (progress, a checkpoint); False when it is not in `state`."""
        ...


class OutboxStore(Protocol):
    """The telemetry app's storage."""

    def outbox_id(self) -> str:
        """Return the 16 hex digits that name this store's numbering."""
        ...

    def take_outbox(self, limit: int, after_seq: int) -> list[OutboxItem]:
        """Return up to `limit` reports above a number, verification first, then jobs, then events by severity."""
        ...

    def ack_outbox(self, seqs: Sequence[int]) -> int:
        """Forget reports that the ground has committed; return how many were there."""
        ...

    def outbox_rows(self) -> int:
        """Return how many reports wait."""
        ...


class EventStore(Protocol):
    """The kernel's event log."""

    def append_event(self, report: EventReport) -> None:
        """Commit an event and its copy for the ground. Past the bound, the oldest INFO event gives way."""
        ...


class SettingStore(Protocol):
    """Small settings that survive a reset: the housekeeping interval, the commanded cap, the SAFE latch."""

    def setting(self, name: str) -> str | None:
        """Return a setting, or None when it was never set."""
        ...

    def set_setting(self, name: str, value: str) -> None:
        """Commit a setting."""
        ...


@dataclass(frozen=True, slots=True)
class OutgoingRow:
    """A file that waits to go down."""

    transfer_id: str
    kind: str  # of icd.transfer.TransferKind
    job_id: str
    file: str  # name in the file port
    total_bytes: int
    sha256: str


class TransferStore(Protocol):
    """The transfer app's storage: which files still have to go down. A row leaves when the ground has the whole."""

    def add_outgoing(self, row: OutgoingRow) -> bool:
        """Commit a file to send; False when it is already there."""
        ...

    def outgoing(self) -> list[OutgoingRow]:
        """Return the files to send, oldest first."""
        ...

    def end_outgoing(self, transfer_id: str) -> bool:
        """Forget a file that the ground has, or has refused."""
        ...

    def ended_jobs(self, limit: int) -> list[str]:
        """Return the ids of up to `limit` jobs that have ended, the last submitted first: their files may wait."""
        ...
