"""What becomes of a job when an attempt has ended. Pure."""

from dataclasses import dataclass

from icd.jobs import EXIT_DONE, EXIT_PREEMPTED, PREEMPTIONS, EndReason, JobState
from icd.timebase import MissionTime, after
from node.apps.jobs.lifecycle import JobTrigger
from node.messages import RunnerCollected, RunnerExited
from node.ports.store import JobRow

BACK_OFF_S = 30.0  # mission time after the first failure; doubles with each
RESTARTS_MAX = 50  # attempts of one job that a reset of the processor may end
EXITS_OF_SIGTERM = (None, -15, 143)  # of a job that does not catch it: the runner's word, Python's, a shell's

# Failures that another attempt cannot mend.
HOPELESS = frozenset((EndReason.BUNDLE_BAD, EndReason.RESULT_TOO_LARGE))
# Ends that the runner brought about at a limit of the spec.
LIMITS = frozenset(
    (
        EndReason.TIME_LIMIT,
        EndReason.MEMORY_LIMIT,
        EndReason.DISK_LIMIT,
        EndReason.PROCESS_LIMIT,
        EndReason.GRACE_EXCEEDED,
        EndReason.RESULT_TOO_LARGE,
    )
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How the job moves on: the trigger, the reason, and what changes for its next attempt."""

    trigger: JobTrigger
    reason: EndReason
    failures: int | None = None
    restarts: int | None = None
    not_before: MissionTime | None = None
    detail: str = ""


def judge_exit(row: JobRow, exited: RunnerExited, stop: EndReason | None, now: MissionTime) -> Verdict:
    """Return what an exit means.

    Args:
        row: the job as it stands: STARTING, RUNNING or CHECKPOINTING.
        exited: the runner's word.
        stop: why we told the attempt to end, None when we did not.
        now: mission time, from which a back-off counts.
    """
    if stop is EndReason.CANCELLED:
        return Verdict(JobTrigger.CANCEL, stop)
    if stop is EndReason.DEADLINE:
        return Verdict(JobTrigger.FAIL, stop, detail="the deadline passed while it ran")
    if stop is EndReason.MODULE_FAULT:  # whatever it said at its end: the module may have lied to it
        return _judge_loss(row, JobTrigger.RETRY, stop, "failures of the compute module")
    if exited.exit_code == EXIT_DONE and exited.limit is None:
        return Verdict(JobTrigger.EXITED, EndReason.DONE)
    if stop in PREEMPTIONS and exited.limit is None and exited.exit_code in (EXIT_PREEMPTED, *EXITS_OF_SIGTERM):
        assert stop is not None
        saved = row.state is JobState.CHECKPOINTING
        return Verdict(JobTrigger.SAVED if saved else JobTrigger.RETRY, stop, detail=exited.detail)
    reason = exited.limit
    if reason is None:
        never_ran = row.state is JobState.STARTING and exited.exit_code is None
        reason = EndReason.START_FAILED if never_ran else EndReason.EXIT_CODE
    detail = exited.detail
    if stop is None and exited.exit_code == EXIT_PREEMPTED:
        detail = "exit 75 without being asked to stop"
    return _failure(row, reason, detail, now)


def judge_collected(row: JobRow, collected: RunnerCollected, now: MissionTime) -> Verdict:
    """Return what the packing of a result means."""
    if collected.error is None:
        return Verdict(JobTrigger.COLLECTED, EndReason.DONE)
    return _failure(row, collected.error, collected.detail, now)


def judge_reset(row: JobRow) -> Verdict:
    """Return what a reset of the processor means for a job that had a process: the queue, a bounded number of times."""
    return _judge_loss(row, JobTrigger.RECOVER, EndReason.RESET, "resets")


def _judge_loss(row: JobRow, back: JobTrigger, reason: EndReason, losses: str) -> Verdict:
    """Return what an attempt that was lost through no doing of its own means."""
    restarts = row.restarts + 1
    if restarts > RESTARTS_MAX:
        detail = f"{RESTARTS_MAX} attempts ended in {losses}"
        return Verdict(JobTrigger.FAIL, EndReason.RESTARTS_SPENT, restarts=restarts, detail=detail)
    return Verdict(back, reason, restarts=restarts)


def _failure(row: JobRow, reason: EndReason, detail: str, now: MissionTime) -> Verdict:
    failures = row.failures + 1
    if failures > row.spec.retries_max or reason in HOPELESS:
        return Verdict(JobTrigger.FAIL, reason, failures=failures, detail=detail)
    not_before = after(now, BACK_OFF_S * 2.0**row.failures)
    return Verdict(JobTrigger.RETRY, reason, failures=failures, not_before=not_before, detail=detail)
