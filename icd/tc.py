"""Telecommands: what the ground may ask of a node, signed end to end."""

from enum import StrEnum, unique
from typing import Annotated, ClassVar, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import Field

from icd.envelope import AS_TEXT, Count, Instant, Message, Wire
from icd.ids import NameStr
from icd.jobs import JobSpec

# Mixed into every signature, so that bytes signed for another purpose never pass as a telecommand.
SIGNATURE_CONTEXT = b"dawnline-tc-v1\x00"


@unique
class PowerMode(StrEnum):
    """What the node may spend, from least to most."""

    SAFE = "SAFE"
    SURVIVAL = "SURVIVAL"
    ECLIPSE = "ECLIPSE"
    NOMINAL = "NOMINAL"
    BOOST = "BOOST"


@unique
class Role(StrEnum):
    """Who a commanding key belongs to."""

    OPERATOR = "OPERATOR"
    SCHEDULER = "SCHEDULER"


class Ping(Wire):
    """Ask whether the node is alive (the connection test of PUS service 17)."""

    name: Literal["ping"] = "ping"


class EnterSafe(Wire):
    """Enter SAFE mode and stay there until told otherwise."""

    name: Literal["enter_safe"] = "enter_safe"


class LeaveSafe(Wire):
    """Leave SAFE mode; the power policy chooses the next mode."""

    name: Literal["leave_safe"] = "leave_safe"


class SetHkInterval(Wire):
    """Set the time between two housekeeping samples."""

    name: Literal["set_hk_interval"] = "set_hk_interval"
    interval_s: float = Field(ge=1.0, le=3600.0)


class SetComputeCap(Wire):
    """Cap the compute module's power below what the power mode allows; None lifts the cap."""

    name: Literal["set_compute_cap"] = "set_compute_cap"
    cap_w: float | None = Field(ge=0.0, le=1e6)


class SetIslEnabled(Wire):
    """Allow or forbid the laser terminals to hold links."""

    name: Literal["set_isl_enabled"] = "set_isl_enabled"
    enabled: bool


class ResetUnit(Wire):
    """Power-cycle one hardware unit."""

    name: Literal["reset_unit"] = "reset_unit"
    unit: NameStr


class SubmitJob(Wire):
    """Put a job into the node's durable queue. Its bundle follows as a transfer."""

    name: Literal["submit_job"] = "submit_job"
    spec: JobSpec


class CancelJob(Wire):
    """End a job, whatever its state, and keep no result."""

    name: Literal["cancel_job"] = "cancel_job"
    job_id: NameStr


Command = Annotated[
    Ping | EnterSafe | LeaveSafe | SetHkInterval | SetComputeCap | SetIslEnabled | ResetUnit | SubmitJob | CancelJob,
    Field(discriminator="name"),
]
COMMAND_TYPES: tuple[type[Wire], ...] = (
    Ping,
    EnterSafe,
    LeaveSafe,
    SetHkInterval,
    SetComputeCap,
    SetIslEnabled,
    ResetUnit,
    SubmitJob,
    CancelJob,
)

# Which commands each role may send. Operators may send all.
ROLE_COMMANDS: dict[Role, frozenset[str]] = {
    Role.OPERATOR: frozenset(model.model_fields["name"].default for model in COMMAND_TYPES),
    Role.SCHEDULER: frozenset(("ping", "submit_job", "cancel_job")),
}

# Which commands a node takes in a mode; a mode that is not named here takes all.
MODE_REFUSES: dict[PowerMode, frozenset[str]] = {
    PowerMode.SAFE: frozenset(("set_isl_enabled",)),
}


class Telecommand(Message):
    """One command with its identity, its place in its key's sequence, and its life time."""

    KIND: ClassVar[str] = "tc"
    MAX_BYTES: ClassVar[int] = 32 * 1024

    request_id: NameStr
    node: NameStr
    sequence: Count = Field(ge=1)  # counted per key; the node keeps a 64-wide anti-replay window
    issued_at: Instant
    expires_at: Instant
    command: Command


class SignedTelecommand(Message):
    """The exact bytes of an encoded Telecommand, with the key and the signature over them."""

    KIND: ClassVar[str] = "signed_tc"
    MAX_BYTES: ClassVar[int] = 33 * 1024

    key_id: NameStr
    body: bytes
    signature: bytes = Field(min_length=64, max_length=64)


class PublicKey(Wire):
    """A commanding key as a node holds it."""

    key_id: NameStr
    role: Annotated[Role, AS_TEXT]
    public_hex: str = Field(pattern=r"^[0-9a-f]{64}$")


def sign(body: bytes, key_id: str, key: Ed25519PrivateKey) -> SignedTelecommand:
    """Return the body with its Ed25519 signature (RFC 8032) over the context and the exact bytes."""
    return SignedTelecommand(key_id=key_id, body=body, signature=key.sign(SIGNATURE_CONTEXT + body))


def is_authentic(signed: SignedTelecommand, key: PublicKey) -> bool:
    """Return whether the signature was made over exactly these bytes by this key."""
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key.public_hex))
        public.verify(signed.signature, SIGNATURE_CONTEXT + signed.body)
    except InvalidSignature:
        return False
    return True
