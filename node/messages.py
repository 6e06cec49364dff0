"""On-board messages between apps, and between edges and apps. What crosses a process is in icd/."""

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import ClassVar

from icd.hw import ComputeReading, EpsReading, GnssReading, TerminalReading, ThermalReading, WatchdogReading
from icd.jobs import EndReason, JobClass, JobState
from icd.tc import (
    CancelJob,
    EnterSafe,
    LeaveSafe,
    Ping,
    PowerMode,
    ResetUnit,
    SetComputeCap,
    SetHkInterval,
    SetIslEnabled,
    SubmitJob,
)
from icd.timebase import MissionTime
from icd.verification import Refusal, Stage
from node.kernel.bus import BusMessage, Overflow

# --- from the edges ---


@dataclass(frozen=True, slots=True)
class UplinkReceived(BusMessage):
    """Bytes from the ground, not yet looked at; `channel` is tc, ack or xfer."""

    OVERFLOW: ClassVar[Overflow] = Overflow.REFUSE
    channel: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class LinkChanged(BusMessage):
    """The space link came up or went down."""

    up: bool


@dataclass(frozen=True, slots=True)
class EpsUpdated(BusMessage):
    """A new reading of the power system."""

    OVERFLOW: ClassVar[Overflow] = Overflow.KEEP_LATEST
    at: MissionTime
    reading: EpsReading


@dataclass(frozen=True, slots=True)
class ThermalUpdated(BusMessage):
    """A new temperature."""

    OVERFLOW: ClassVar[Overflow] = Overflow.KEEP_LATEST
    at: MissionTime
    reading: ThermalReading


@dataclass(frozen=True, slots=True)
class ComputeUpdated(BusMessage):
    """A new reading of the compute module."""

    OVERFLOW: ClassVar[Overflow] = Overflow.KEEP_LATEST
    at: MissionTime
    reading: ComputeReading


@dataclass(frozen=True, slots=True)
class TerminalUpdated(BusMessage):
    """A new state of one laser terminal; every change counts, so none is dropped."""

    at: MissionTime
    reading: TerminalReading


@dataclass(frozen=True, slots=True)
class GnssUpdated(BusMessage):
    """A new navigation fix."""

    OVERFLOW: ClassVar[Overflow] = Overflow.KEEP_LATEST
    at: MissionTime
    reading: GnssReading


@dataclass(frozen=True, slots=True)
class WatchdogUpdated(BusMessage):
    """A new reading of the watchdog."""

    OVERFLOW: ClassVar[Overflow] = Overflow.KEEP_LATEST
    at: MissionTime
    reading: WatchdogReading


@dataclass(frozen=True, slots=True)
class AvionicsChanged(BusMessage):
    """Device frames stopped coming (every reading is LOST from now) or came back."""

    alive: bool


@dataclass(frozen=True, slots=True)
class IslFrameReceived(BusMessage):
    """Bytes from the laser data port of a terminal, not yet looked at."""

    OVERFLOW: ClassVar[Overflow] = Overflow.REFUSE
    terminal: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class IslPortChanged(BusMessage):
    """The data port of a terminal found its peer's, or lost it."""

    terminal: int
    up: bool


@dataclass(frozen=True, slots=True)
class RunnerStarted(BusMessage):
    """The process of an attempt runs."""

    job_id: str
    attempt: int


@dataclass(frozen=True, slots=True)
class RunnerProgress(BusMessage):
    """A job said how far it is."""

    OVERFLOW: ClassVar[Overflow] = Overflow.KEEP_LATEST
    job_id: str
    attempt: int
    progress_frac: float

    def key(self) -> object:
        """Return the job: the newest progress of each counts."""
        return self.job_id


@dataclass(frozen=True, slots=True)
class RunnerCheckpoint(BusMessage):
    """A checkpoint is complete and has been promoted on disk: from now on it is where the job resumes."""

    job_id: str
    attempt: int
    checkpoint: str  # name under which the runner kept it


@dataclass(frozen=True, slots=True)
class RunnerExited(BusMessage):
    """The attempt's processes are gone, all of them. `limit` says that the runner ended them, and at which limit."""

    job_id: str
    attempt: int
    exit_code: int | None  # None when it never started or was killed
    limit: EndReason | None
    detail: str


@dataclass(frozen=True, slots=True)
class RunnerCollected(BusMessage):
    """The output of a finished attempt is packed and hashed, or `error` says why it cannot be."""

    job_id: str
    attempt: int
    result_sha256: str
    result_bytes: int
    error: EndReason | None
    detail: str


@dataclass(frozen=True, slots=True)
class ModuleFailed(BusMessage):
    """The compute module has failed under the jobs: what runs on it is not to be believed."""


# --- telecommands: from commanding to the app that carries them out, and its answers ---


@dataclass(frozen=True, slots=True)
class PowerTc(BusMessage):
    """A telecommand for the power app."""

    OVERFLOW: ClassVar[Overflow] = Overflow.REFUSE
    request_id: str
    command: EnterSafe | LeaveSafe | SetComputeCap


@dataclass(frozen=True, slots=True)
class JobsTc(BusMessage):
    """A telecommand for the jobs app."""

    OVERFLOW: ClassVar[Overflow] = Overflow.REFUSE
    request_id: str
    command: SubmitJob | CancelJob


@dataclass(frozen=True, slots=True)
class IslTc(BusMessage):
    """A telecommand for the isl app."""

    OVERFLOW: ClassVar[Overflow] = Overflow.REFUSE
    request_id: str
    command: SetIslEnabled


@dataclass(frozen=True, slots=True)
class TelemetryTc(BusMessage):
    """A telecommand for the telemetry app."""

    OVERFLOW: ClassVar[Overflow] = Overflow.REFUSE
    request_id: str
    command: SetHkInterval | Ping


@dataclass(frozen=True, slots=True)
class FdirTc(BusMessage):
    """A telecommand for the fdir app."""

    OVERFLOW: ClassVar[Overflow] = Overflow.REFUSE
    request_id: str
    command: ResetUnit


@dataclass(frozen=True, slots=True)
class TcAnswered(BusMessage):
    """The target app's word on a telecommand: STARTED, PROGRESS, COMPLETED, or FAILED with a reason."""

    request_id: str
    stage: Stage
    reason: Refusal | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class TcCounted(BusMessage):
    """How many telecommands were accepted and rejected since the store was new."""

    OVERFLOW: ClassVar[Overflow] = Overflow.KEEP_LATEST
    accepted: int
    rejected: int


# --- power and heat ---


@unique
class ModeReason(StrEnum):
    """Why the power mode changed."""

    BOOT = "BOOT"
    RECOVERED = "RECOVERED"
    SUN = "SUN"
    ECLIPSE = "ECLIPSE"
    SURPLUS = "SURPLUS"
    SURPLUS_SPENT = "SURPLUS_SPENT"
    LOW_BATTERY = "LOW_BATTERY"
    BATTERY_RESTORED = "BATTERY_RESTORED"
    COMMANDED = "COMMANDED"
    READINGS_LOST = "READINGS_LOST"
    APP_FAILED = "APP_FAILED"


@dataclass(frozen=True, slots=True)
class PowerModeChanged(BusMessage):
    """The power mode and why. The power app owns it; none other may set it."""

    source: PowerMode
    target: PowerMode
    reason: ModeReason


@dataclass(frozen=True, slots=True)
class SafeModeRequested(BusMessage):
    """An app, or the kernel, wants SAFE mode."""

    reason: ModeReason
    detail: str


@dataclass(frozen=True, slots=True)
class PowerBudgetChanged(BusMessage):
    """What jobs may use now, and what the power app foresees."""

    OVERFLOW: ClassVar[Overflow] = Overflow.KEEP_LATEST
    mode: PowerMode
    mode_reason: ModeReason
    soc_frac: float | None  # None: readings lost
    compute_w_max: float  # for all jobs together, idle power not counted
    classes: tuple[JobClass, ...]  # allowed to run
    soc_floor_frac: float  # where the planner must not let the battery go
    sunlit: bool
    sun_changes_at: MissionTime | None  # next eclipse entry when sunlit, next exit in eclipse; None: none foreseen
    sun_changes_back_at: MissionTime | None  # the change after that


@dataclass(frozen=True, slots=True)
class ThermalCapChanged(BusMessage):
    """What heat allows the compute module to draw; None: no limit now."""

    OVERFLOW: ClassVar[Overflow] = Overflow.KEEP_LATEST
    cap_w: float | None
    module_temp_c: float | None


# --- jobs, links, transfers ---


@dataclass(frozen=True, slots=True)
class QueueChanged(BusMessage):
    """The queue in short, for housekeeping."""

    OVERFLOW: ClassVar[Overflow] = Overflow.KEEP_LATEST
    queued: int
    running: tuple[str, ...]
    progress_frac: float | None
    hold_reason: str


@dataclass(frozen=True, slots=True)
class BundleWanted(BusMessage):
    """A job's row is durable; its bundle may come now."""

    job_id: str
    sha256: str
    total_bytes: int


@dataclass(frozen=True, slots=True)
class BundleReady(BusMessage):
    """A job's bundle is whole, matches its SHA-256, and is on disk."""

    job_id: str


@dataclass(frozen=True, slots=True)
class JobEnded(BusMessage):
    """A job reached a terminal state; its result and log, if any, may go down."""

    job_id: str
    state: JobState
    result_sha256: str | None
    result_bytes: int | None


@dataclass(frozen=True, slots=True)
class IslStatusChanged(BusMessage):
    """The laser links in short. `lasers` is in the format of icd.hk.HkSample."""

    OVERFLOW: ClassVar[Overflow] = Overflow.KEEP_LATEST
    lasers: str
    handoffs: int


@dataclass(frozen=True, slots=True)
class IslLinkChanged(BusMessage):
    """A laser link to a neighbour is up with a lease, or down."""

    terminal: int
    peer: str
    up: bool
    until: MissionTime | None
