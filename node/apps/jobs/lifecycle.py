"""The life of a job on a node, as a transition table."""

from enum import StrEnum, unique

from icd.jobs import JobState
from node.kernel.fsm import TransitionTable


@unique
class JobTrigger(StrEnum):
    """What moves a job."""

    BUNDLE = "BUNDLE"
    START = "START"
    STARTED = "STARTED"
    PREEMPT = "PREEMPT"
    SAVED = "SAVED"  # ended after a preemption, with or without a new checkpoint
    EXITED = "EXITED"  # exit code 0
    COLLECTED = "COLLECTED"
    RETRY = "RETRY"
    FAIL = "FAIL"
    CANCEL = "CANCEL"
    RECOVER = "RECOVER"


_S, _T = JobState, JobTrigger

JOB_TABLE: TransitionTable[JobState, JobTrigger] = TransitionTable(
    "job",
    _S.STAGING,
    (
        (_S.STAGING, _T.BUNDLE, _S.QUEUED),
        (_S.STAGING, _T.FAIL, _S.FAILED),
        (_S.STAGING, _T.CANCEL, _S.CANCELLED),
        (_S.QUEUED, _T.START, _S.STARTING),
        (_S.QUEUED, _T.FAIL, _S.FAILED),
        (_S.QUEUED, _T.CANCEL, _S.CANCELLED),
        (_S.STARTING, _T.STARTED, _S.RUNNING),
        (_S.STARTING, _T.PREEMPT, _S.CHECKPOINTING),
        (_S.STARTING, _T.RETRY, _S.QUEUED),
        (_S.STARTING, _T.RECOVER, _S.QUEUED),
        (_S.STARTING, _T.FAIL, _S.FAILED),
        (_S.STARTING, _T.CANCEL, _S.CANCELLED),
        (_S.RUNNING, _T.PREEMPT, _S.CHECKPOINTING),
        (_S.RUNNING, _T.EXITED, _S.VERIFYING),
        (_S.RUNNING, _T.RETRY, _S.QUEUED),
        (_S.RUNNING, _T.RECOVER, _S.QUEUED),
        (_S.RUNNING, _T.FAIL, _S.FAILED),
        (_S.RUNNING, _T.CANCEL, _S.CANCELLED),
        (_S.CHECKPOINTING, _T.SAVED, _S.QUEUED),
        (_S.CHECKPOINTING, _T.EXITED, _S.VERIFYING),
        (_S.CHECKPOINTING, _T.RETRY, _S.QUEUED),
        (_S.CHECKPOINTING, _T.RECOVER, _S.QUEUED),
        (_S.CHECKPOINTING, _T.FAIL, _S.FAILED),
        (_S.CHECKPOINTING, _T.CANCEL, _S.CANCELLED),
        (_S.VERIFYING, _T.COLLECTED, _S.SUCCEEDED),
        (_S.VERIFYING, _T.RETRY, _S.QUEUED),
        (_S.VERIFYING, _T.RECOVER, _S.QUEUED),
        (_S.VERIFYING, _T.FAIL, _S.FAILED),
        (_S.VERIFYING, _T.CANCEL, _S.CANCELLED),
    ),
)
