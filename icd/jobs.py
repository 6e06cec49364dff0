"""Compute jobs: what a tenant asks for, the states a job goes through, and why it waits."""

from enum import StrEnum, unique
from typing import Annotated

from pydantic import Field

from icd.envelope import AS_LIST, AS_TEXT, Count, Instant, Int, Wire
from icd.ids import NameStr, Sha256Hex

BUNDLE_BYTES_MAX = 8 * 1024 * 1024
RESULT_BYTES_MAX = 8 * 1024 * 1024
COMMAND_ARGS_MAX = 32

# Exit codes of the job contract.
EXIT_DONE = 0
EXIT_PREEMPTED = 75  # EX_TEMPFAIL of sysexits.h: "preempted, resume me"


@unique
class JobClass(StrEnum):
    """How a job stands when energy runs short: BULK is shed in eclipse, HOT last of all."""

    HOT = "HOT"
    STANDARD = "STANDARD"
    BULK = "BULK"


@unique
class JobState(StrEnum):
    """Where a job stands on its node."""

    STAGING = "STAGING"  # row is durable, bundle not yet complete
    QUEUED = "QUEUED"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    CHECKPOINTING = "CHECKPOINTING"  # told to stop, has its grace time to save
    VERIFYING = "VERIFYING"  # exited 0, result being hashed and packed
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


TERMINAL_STATES = frozenset((JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED))
# States in which a process of the job may be alive.
LIVE_STATES = frozenset((JobState.STARTING, JobState.RUNNING, JobState.CHECKPOINTING, JobState.VERIFYING))


@unique
class HoldReason(StrEnum):
    """Why a queued job does not run now."""

    MODE_SHEDS_CLASS = "MODE_SHEDS_CLASS"
    ECLIPSE_AHEAD = "ECLIPSE_AHEAD"
    ENERGY_SHORT = "ENERGY_SHORT"
    POWER_CAP = "POWER_CAP"
    TOO_HOT = "TOO_HOT"
    SLOTS_BUSY = "SLOTS_BUSY"
    BUNDLE_MISSING = "BUNDLE_MISSING"
    BACKING_OFF = "BACKING_OFF"
    READINGS_LOST = "READINGS_LOST"


HOLD_ADVICE: dict[HoldReason, str] = {
    HoldReason.MODE_SHEDS_CLASS: "The power mode sheds this class. Wait for sunlight, or submit in a hotter class.",
    HoldReason.ECLIPSE_AHEAD: "Too little sunlight is left for a useful run. It starts after the eclipse.",
    HoldReason.ENERGY_SHORT: "The battery forecast falls under its floor. Wait, or ask for less power.",
    HoldReason.POWER_CAP: "The compute power cap is spent. Wait for a running job to end, or raise the cap.",
    HoldReason.TOO_HOT: "The compute module is near its throttle temperature. It starts when the module has cooled.",
    HoldReason.SLOTS_BUSY: "All compute slots are taken. It starts in turn.",
    HoldReason.BUNDLE_MISSING: "The bundle is still on its way up. It starts when the bundle is whole.",
    HoldReason.BACKING_OFF: "The last attempt failed. It is tried again after its back-off.",
    HoldReason.READINGS_LOST: "Hardware readings are lost, so the budget is unknown. See the node's events.",
}


@unique
class EndReason(StrEnum):
    """Why an attempt, or a job, ended."""

    DONE = "DONE"
    PREEMPTED_MODE = "PREEMPTED_MODE"
    PREEMPTED_ENERGY = "PREEMPTED_ENERGY"
    PREEMPTED_HEAT = "PREEMPTED_HEAT"
    PREEMPTED_PRIORITY = "PREEMPTED_PRIORITY"
    SHUTDOWN = "SHUTDOWN"
    RESET = "RESET"  # the processor was reset under it
    MODULE_FAULT = "MODULE_FAULT"  # the compute module failed under it
    EXIT_CODE = "EXIT_CODE"
    START_FAILED = "START_FAILED"
    TIME_LIMIT = "TIME_LIMIT"
    MEMORY_LIMIT = "MEMORY_LIMIT"
    DISK_LIMIT = "DISK_LIMIT"
    PROCESS_LIMIT = "PROCESS_LIMIT"
    GRACE_EXCEEDED = "GRACE_EXCEEDED"  # ignored SIGTERM, was killed
    BUNDLE_BAD = "BUNDLE_BAD"
    RESULT_TOO_LARGE = "RESULT_TOO_LARGE"
    STORAGE_FULL = "STORAGE_FULL"
    DEADLINE = "DEADLINE"
    CANCELLED = "CANCELLED"
    RESTARTS_SPENT = "RESTARTS_SPENT"


# Ends of an attempt after which the job goes back to the queue without spending a retry.
PREEMPTIONS = frozenset(
    (
        EndReason.PREEMPTED_MODE,
        EndReason.PREEMPTED_ENERGY,
        EndReason.PREEMPTED_HEAT,
        EndReason.PREEMPTED_PRIORITY,
        EndReason.SHUTDOWN,
        EndReason.RESET,
        EndReason.MODULE_FAULT,
    )
)


class JobSpec(Wire):
    """What a tenant asks for. The command runs in the unpacked bundle; see docs/jobs.md for the contract."""

    job_id: NameStr
    tenant: NameStr
    job_class: Annotated[JobClass, AS_TEXT]
    priority: int = Field(ge=0, le=100)  # higher first, within a class
    command: Annotated[tuple[str, ...], AS_LIST] = Field(min_length=1, max_length=COMMAND_ARGS_MAX)
    bundle_sha256: Sha256Hex
    bundle_bytes: int = Field(ge=1, le=BUNDLE_BYTES_MAX)
    power_w: float = Field(gt=0.0, le=200_000.0)  # drawn from the compute module while it runs
    slots: int = Field(ge=1, le=64)
    memory_mb: int = Field(ge=16, le=1_048_576)
    disk_mb: int = Field(ge=1, le=1_048_576)
    time_limit_s: float = Field(gt=0.0, le=604_800.0)  # wall time of one attempt
    grace_s: float = Field(ge=0.0, le=60.0)  # wall time from SIGTERM to SIGKILL
    work_s: float = Field(gt=0.0, le=2_592_000.0)  # declared mission time of the whole job; planning, virtual runner
    checkpoint_every_s: float = Field(gt=0.0, le=2_592_000.0)  # declared mission time between checkpoints
    retries_max: int = Field(ge=0, le=10)
    deadline: Instant | None  # mission time after which the result is worth nothing


class JobReport(Wire):
    """One step of a job's life, as the node committed it."""

    job_id: NameStr
    state: Annotated[JobState, AS_TEXT]
    attempt: Count
    at: Instant
    reason: Annotated[EndReason, AS_TEXT] | None
    detail: str = Field(max_length=400)
    progress_frac: float | None = Field(ge=0.0, le=1.0)
    checkpoint: str | None = Field(max_length=200)
    exit_code: Int | None
    result_sha256: Sha256Hex | None
    result_bytes: Count | None
    energy_wh: float = Field(ge=0.0)
