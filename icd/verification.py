"""Telecommand verification: which stage a command has reached (after ECSS-E-ST-70-41C, service 1)."""

from enum import StrEnum, unique
from typing import Annotated

from pydantic import Field

from icd.envelope import AS_TEXT, Count, Instant, Wire
from icd.ids import NameStr


@unique
class Stage(StrEnum):
    """How far a telecommand has come on board."""

    RECEIVED = "RECEIVED"
    ACCEPTED = "ACCEPTED"
    STARTED = "STARTED"
    PROGRESS = "PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


FINAL_STAGES = frozenset((Stage.COMPLETED, Stage.FAILED))


@unique
class Refusal(StrEnum):
    """Why a telecommand was not accepted, or failed."""

    TOO_LARGE = "TOO_LARGE"
    NOT_DECODABLE = "NOT_DECODABLE"
    UNKNOWN_KEY = "UNKNOWN_KEY"
    BAD_SIGNATURE = "BAD_SIGNATURE"
    WRONG_NODE = "WRONG_NODE"
    ROLE_NOT_ALLOWED = "ROLE_NOT_ALLOWED"
    ID_REUSED = "ID_REUSED"
    REPLAYED = "REPLAYED"
    EXPIRED = "EXPIRED"
    ISSUED_IN_FUTURE = "ISSUED_IN_FUTURE"
    MODE_NOT_ALLOWED = "MODE_NOT_ALLOWED"
    BAD_ARGUMENT = "BAD_ARGUMENT"
    QUEUE_FULL = "QUEUE_FULL"
    UNKNOWN_JOB = "UNKNOWN_JOB"
    UNKNOWN_UNIT = "UNKNOWN_UNIT"
    ALREADY_ENDED = "ALREADY_ENDED"
    STORAGE_FULL = "STORAGE_FULL"
    TIMED_OUT = "TIMED_OUT"
    INTERRUPTED = "INTERRUPTED"
    APP_FAILED = "APP_FAILED"


class VerificationReport(Wire):
    """One stage of one telecommand. `step` counts PROGRESS reports from 1 and is 0 elsewhere."""

    request_id: NameStr
    stage: Annotated[Stage, AS_TEXT]
    step: Count
    at: Instant
    reason: Annotated[Refusal, AS_TEXT] | None
    detail: str = Field(max_length=400)
