"""Bundles on their way up: which are wanted, and what each chunk of one means. Pure."""

from dataclasses import dataclass, field
from enum import StrEnum, unique

from icd.transfer import Chunk, TransferKind, bundle_transfer
from runtime.chunks import ChunkReceiver


@dataclass(slots=True)
class Wanted:
    """A bundle that a job waits for."""

    job_id: str
    sha256: str
    total_bytes: int
    receiver: ChunkReceiver = field(init=False)

    def __post_init__(self) -> None:
        self.receiver = ChunkReceiver(self.total_bytes)

    def begin(self, held_bytes: int) -> None:
        """Go on from what is on disk: after a reset, and after a transfer that was given up."""
        self.receiver = ChunkReceiver(self.total_bytes, held_bytes)


@unique
class Objection(StrEnum):
    """Why a chunk's whole transfer is refused; an operator and the ground read it."""

    KIND = "only bundles come up"
    NAME = "the transfer is not named after its job"
    UNKNOWN_JOB = "no job here waits for this bundle"
    OTHER_FILE = "the job names another bundle"
    PLACE = "the chunk lies outside the file"
    MISMATCH = "the file came with a wrong SHA-256 again and again"


def objection_to(chunk: Chunk, wanted: Wanted | None) -> Objection | None:
    """Return why the transfer that the chunk belongs to is refused, or None."""
    if chunk.kind is not TransferKind.BUNDLE:
        return Objection.KIND
    if chunk.transfer_id != bundle_transfer(chunk.job_id):
        return Objection.NAME
    if wanted is None:
        return Objection.UNKNOWN_JOB
    if (chunk.sha256, chunk.total_bytes) != (wanted.sha256, wanted.total_bytes):
        return Objection.OTHER_FILE
    return None
