"""Bulk transfer in chunks, resumed at an offset: job bundles up, results down."""

import hashlib
from enum import StrEnum, unique
from typing import Annotated, ClassVar

from pydantic import Field

from icd.envelope import AS_TEXT, Message
from icd.ids import NameStr, Sha256Hex

CHUNK_BYTES = 96 * 1024
TRANSFER_BYTES_MAX = 8 * 1024 * 1024


@unique
class TransferKind(StrEnum):
    """What the bytes are."""

    BUNDLE = "BUNDLE"  # ground to node, job_id names the job
    RESULT = "RESULT"  # node to ground
    LOG = "LOG"  # node to ground: the job's last lines of output


class Chunk(Message):
    """Part of a file. The receiver keeps bytes in order and answers with the offset it wants next."""

    KIND: ClassVar[str] = "chunk"
    MAX_BYTES: ClassVar[int] = CHUNK_BYTES + 1024

    transfer_id: NameStr
    kind: Annotated[TransferKind, AS_TEXT]
    job_id: NameStr
    total_bytes: int = Field(ge=0, le=TRANSFER_BYTES_MAX)
    sha256: Sha256Hex
    offset: int = Field(ge=0, le=TRANSFER_BYTES_MAX)
    content: bytes = Field(max_length=CHUNK_BYTES)


class ChunkAck(Message):
    """The receiver holds all bytes below `next_offset`; `done` once the whole has the promised SHA-256.

    `next_offset` 0 after the end means that the SHA-256 did not match and the sender starts again.
    `refused` tells the sender to give up, with the reason.
    """

    KIND: ClassVar[str] = "chunk_ack"
    MAX_BYTES: ClassVar[int] = 2 * 1024

    transfer_id: NameStr
    next_offset: int = Field(ge=0, le=TRANSFER_BYTES_MAX)
    done: bool
    refused: str | None = Field(max_length=200)


NAME_CHARS_MAX = 63  # of the NAME grammar in icd.ids
_CUT_CHARS = 43


def bundle_transfer(job_id: str) -> str:
    """Return the transfer id of a job's bundle."""
    return _transfer("b", job_id)


def result_transfer(job_id: str) -> str:
    """Return the transfer id of a job's result."""
    return _transfer("r", job_id)


def log_transfer(job_id: str) -> str:
    """Return the transfer id of a job's log."""
    return _transfer("l", job_id)


def _transfer(letter: str, job_id: str) -> str:
    """Return `b-JOB`; where that is longer than a name may be, `bh-`, the id's beginning and 64 bits of its SHA-256."""
    plain = f"{letter}-{job_id}"
    if len(plain) <= NAME_CHARS_MAX:
        return plain
    return f"{letter}h-{job_id[:_CUT_CHARS]}-{hashlib.sha256(job_id.encode()).hexdigest()[:16]}"
