"""Laser frames: sealed on the way out, judged on the way in. Nothing from a laser is trusted before it is judged."""

from dataclasses import dataclass

from icd.codec import DecodeError, decode, encode
from icd.isl import IslFrame, IslMessage, LeaseAccept, LeaseOffer, PeerStatus, is_authentic, seal
from icd.tc import PowerMode
from icd.timebase import MissionTime, seconds_between

STALE_S = 60.0  # mission time between sending and judging, either way: clocks may differ


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this node is to its neighbours."""

    node: str
    boot: int
    fleet_key: bytes
    key_epoch: int


@dataclass(frozen=True, slots=True)
class Rejected:
    """Why a frame is not believed."""

    detail: str


@dataclass(slots=True)
class Condition:
    """What neighbours are told of this node."""

    mode: PowerMode = PowerMode.SURVIVAL
    soc_frac: float | None = None
    jobs_queued: int = 0
    ground_in_view: bool = False

    def body(self, now: MissionTime) -> PeerStatus:
        """Return the condition as it goes into a frame."""
        return PeerStatus(
            at=now,
            mode=self.mode.value,
            soc_frac=self.soc_frac,
            jobs_queued=self.jobs_queued,
            ground_in_view=self.ground_in_view,
        )


class FrameDesk:
    """Seals and judges frames; keeps the last number of each sender, so that no frame counts twice."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._counter = 0
        self._seen: dict[str, tuple[int, int]] = {}

    def seal(self, receiver: str, body: LeaseOffer | LeaseAccept | PeerStatus, now: MissionTime) -> bytes:
        """Return the bytes of the next frame to a neighbour."""
        self._counter += 1
        message = IslMessage(
            sender=self._identity.node,
            receiver=receiver,
            epoch=self._identity.key_epoch,
            boot=self._identity.boot,
            counter=self._counter,
            sent_at=now,
            body=body,
        )
        return encode(seal(encode(message), self._identity.fleet_key))

    def judge(self, payload: bytes, peer: str | None, now: MissionTime) -> IslMessage | Rejected:
        """Return the message of a frame, or why it is rejected.

        Args:
            payload: the bytes from the laser.
            peer: the node at which the terminal points; None when it points nowhere.
            now: mission time.
        """
        try:
            frame = decode(payload, IslFrame)
            if not is_authentic(frame, self._identity.fleet_key):
                return Rejected("its seal is not the fleet key's")
            message = decode(frame.content, IslMessage)
        except DecodeError as error:
            return Rejected(str(error)[:120])
        if message.epoch != self._identity.key_epoch:
            return Rejected(f"key epoch {message.epoch} is not {self._identity.key_epoch}")
        if message.receiver != self._identity.node:
            return Rejected(f"it is for {message.receiver}")
        if message.sender != peer:
            return Rejected(f"it is from {message.sender}, the terminal points at {peer or 'no node'}")
        age_s = seconds_between(MissionTime(message.sent_at), now)
        if abs(age_s) > STALE_S:
            return Rejected(f"it was sent {age_s:.0f} s ago")
        number = (message.boot, message.counter)
        if number <= self._seen.get(message.sender, (-1, 0)):
            return Rejected(f"number {number} of {message.sender} does not grow")
        self._seen[message.sender] = number
        return message
