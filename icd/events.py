"""Operator events: id, severity and typed fields; the texts live in the dictionary."""

from enum import StrEnum, unique
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from icd.envelope import AS_LIST, AS_TEXT, Count, Instant, Int, Message, Wire
from icd.ids import NameStr
from icd.jobs import JobReport
from icd.verification import VerificationReport

FieldValue = str | Int | float | bool | None


@unique
class Severity(StrEnum):
    """How much an operator must care (the four levels of ECSS-E-ST-70-41C, service 5)."""

    INFO = "INFO"
    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"


class EventReport(Wire):
    """Something an operator may want to know. Rendered with the dictionary's text for `event_id`."""

    event_id: str = Field(pattern=r"^[A-Z][A-Z0-9_]{2,62}$")
    severity: Annotated[Severity, AS_TEXT]
    at: Instant
    app: NameStr
    fields: dict[str, FieldValue] = Field(max_length=16)


class OutboxItem(Wire):
    """One durable report with its place in the node's outbox. Exactly one of the bodies is set, as `kind` says."""

    seq: Count = Field(ge=1)
    kind: Literal["verification", "event", "job"]
    body: dict[str, Any]

    def report(self) -> VerificationReport | EventReport | JobReport:
        """Return the body as its model.

        Raises:
            pydantic.ValidationError: the body is no legal report of its kind.
        """
        return REPORT_TYPES[self.kind].model_validate(self.body)


REPORT_TYPES: dict[str, type[VerificationReport] | type[EventReport] | type[JobReport]] = {
    "verification": VerificationReport,
    "event": EventReport,
    "job": JobReport,
}
OUTBOX_BATCH_MAX = 64


class OutboxBatch(Message):
    """Reports on their way down; sent again until the ground acknowledges their numbers."""

    KIND: ClassVar[str] = "outbox"
    MAX_BYTES: ClassVar[int] = 128 * 1024

    node: NameStr
    outbox_id: str = Field(pattern=r"^[0-9a-f]{16}$")  # new when a node's store is new: numbers then start again
    items: Annotated[tuple[OutboxItem, ...], AS_LIST] = Field(min_length=1, max_length=OUTBOX_BATCH_MAX)


class OutboxAck(Message):
    """The ground has committed these outbox numbers; the node may forget them."""

    KIND: ClassVar[str] = "outbox_ack"
    MAX_BYTES: ClassVar[int] = 4 * 1024

    outbox_id: str = Field(pattern=r"^[0-9a-f]{16}$")
    seqs: Annotated[tuple[Count, ...], AS_LIST] = Field(min_length=1, max_length=OUTBOX_BATCH_MAX)
