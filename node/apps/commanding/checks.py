"""What a telecommand must pass before it is accepted, in the order in which it is asked. Pure."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from icd.codec import DecodeError, decode
from icd.tc import MODE_REFUSES, ROLE_COMMANDS, PowerMode, PublicKey, SignedTelecommand, Telecommand, is_authentic
from icd.timebase import MissionTime, seconds_between
from icd.verification import Refusal

FUTURE_S_MAX = 60.0  # how far the ground's clock may be ahead of ours
DETAIL_CHARS_MAX = 200


@dataclass(frozen=True, slots=True)
class Opened:
    """A telecommand whose signature holds."""

    tc: Telecommand
    key: PublicKey
    body: bytes
    digest: str  # SHA-256 of the body


@dataclass(frozen=True, slots=True)
class Refused:
    """Why bytes, or a telecommand, are not taken."""

    reason: Refusal
    detail: str


def open_tc(payload: bytes, keys: Mapping[str, PublicKey]) -> Opened | Refused:
    """Return the authentic telecommand in the bytes, or why there is none: then nobody is known who could be told."""
    if len(payload) > SignedTelecommand.MAX_BYTES:
        return Refused(Refusal.TOO_LARGE, f"{len(payload)} bytes, {SignedTelecommand.MAX_BYTES} allowed")
    try:
        signed = decode(payload, SignedTelecommand)
    except DecodeError as error:
        return Refused(Refusal.NOT_DECODABLE, clip(error))
    key = keys.get(signed.key_id)
    if key is None:
        return Refused(Refusal.UNKNOWN_KEY, signed.key_id)
    if not is_authentic(signed, key):
        return Refused(Refusal.BAD_SIGNATURE, signed.key_id)
    try:
        tc = decode(signed.body, Telecommand)
    except DecodeError as error:
        return Refused(Refusal.NOT_DECODABLE, clip(f"signed by {signed.key_id}: {error}"))
    return Opened(tc, key, signed.body, hashlib.sha256(signed.body).hexdigest())


def refusal_of(opened: Opened, mode: PowerMode | None, now: MissionTime) -> Refused | None:
    """Return why a fresh telecommand for this node may not be carried out now, or None.

    A mode of None (nothing heard of the power app yet) refuses nothing.
    """
    tc, name = opened.tc, opened.tc.command.name
    if name not in ROLE_COMMANDS[opened.key.role]:
        return Refused(Refusal.ROLE_NOT_ALLOWED, f"{opened.key.role} may not send {name}")
    if is_expired(tc, now):
        return Refused(Refusal.EXPIRED, f"{seconds_between(MissionTime(tc.expires_at), now):.1f} s ago")
    ahead_s = seconds_between(now, MissionTime(tc.issued_at))
    if ahead_s > FUTURE_S_MAX:
        return Refused(Refusal.ISSUED_IN_FUTURE, f"{ahead_s:.1f} s ahead, {FUTURE_S_MAX:.0f} s allowed")
    if mode is not None and name in MODE_REFUSES.get(mode, frozenset()):
        return Refused(Refusal.MODE_NOT_ALLOWED, f"{name} is not taken in {mode}")
    if tc.expires_at <= tc.issued_at:
        return Refused(Refusal.BAD_ARGUMENT, "expires_at is not after issued_at")
    return None


def is_expired(tc: Telecommand, now: MissionTime) -> bool:
    """Return whether the telecommand's life time is over."""
    return tc.expires_at < now


def clip(text: object) -> str:
    """Return the text at the length that an event or a report carries; it may hold bytes from outside."""
    return str(text)[:DETAIL_CHARS_MAX]
