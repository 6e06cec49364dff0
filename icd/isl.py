"""Node to node over a laser link: frames under the fleet key, and the lease on a link."""

import hashlib
import hmac
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from icd.envelope import Count, Instant, Message, Wire
from icd.ids import NameStr

MAC_CONTEXT = b"dawnline-isl-v1\x00"
FRAME_BYTES_MAX = 8 * 1024


class LeaseOffer(Wire):
    """What the sender's plan says of this link: until when it holds, and the hash of the plan it follows."""

    name: Literal["lease_offer"] = "lease_offer"
    until: Instant
    plan_hash: str = Field(pattern=r"^[0-9a-f]{16}$")


class LeaseAccept(Wire):
    """The sender agrees to hold the link until then: the earlier of both offers."""

    name: Literal["lease_accept"] = "lease_accept"
    until: Instant


class PeerStatus(Wire):
    """A neighbour's condition, for routing and for the operator: heard without any ground."""

    name: Literal["peer_status"] = "peer_status"
    at: Instant
    mode: str = Field(max_length=16)
    soc_frac: float | None = Field(ge=0.0, le=1.0)
    jobs_queued: Count
    ground_in_view: bool


IslBody = Annotated[LeaseOffer | LeaseAccept | PeerStatus, Field(discriminator="name")]


class IslMessage(Message):
    """The authenticated content of a laser frame."""

    KIND: ClassVar[str] = "isl"
    MAX_BYTES: ClassVar[int] = FRAME_BYTES_MAX

    sender: NameStr
    receiver: NameStr
    epoch: Count  # of the fleet key
    boot: Count  # sender's boot count
    counter: Count = Field(ge=1)  # grows within a boot; the receiver refuses (boot, counter) that does not grow
    sent_at: Instant
    body: IslBody


class IslFrame(Message):
    """The exact bytes of an encoded IslMessage with their HMAC-SHA256."""

    KIND: ClassVar[str] = "isl_frame"
    MAX_BYTES: ClassVar[int] = FRAME_BYTES_MAX + 256

    content: bytes
    mac: bytes = Field(min_length=32, max_length=32)


def seal(content: bytes, fleet_key: bytes) -> IslFrame:
    """Return the content with its HMAC-SHA256 (RFC 2104) under the fleet key."""
    return IslFrame(content=content, mac=hmac.digest(fleet_key, MAC_CONTEXT + content, hashlib.sha256))


def is_authentic(frame: IslFrame, fleet_key: bytes) -> bool:
    """Return whether the frame was sealed with this fleet key, compared in constant time."""
    return hmac.compare_digest(frame.mac, hmac.digest(fleet_key, MAC_CONTEXT + frame.content, hashlib.sha256))
