"""Housekeeping: one packed row of values against a dictionary whose hash travels with it."""

import hashlib
from dataclasses import dataclass, fields
from operator import attrgetter
from types import NoneType
from typing import Annotated, ClassVar

from pydantic import Field

from icd.codec import DecodeError
from icd.envelope import AS_LIST, Count, Instant, Int, Message
from icd.ids import NameStr

Value = float | Int | str | bool | None


@dataclass(frozen=True, slots=True)
class HkSample:
    """One housekeeping sample. Lost readings are None. The order of the fields is the order on the wire."""

    mode: str
    mode_reason: str
    boot_count: int
    sunlit_frac: float | None
    soc_frac: float | None
    battery_wh: float | None
    solar_w: float | None
    load_w: float | None
    compute_w: float | None
    compute_cap_w: float | None
    module_temp_c: float | None
    clock_error_s: float | None
    jobs_queued: int
    jobs_running: str  # ids, comma separated
    job_progress_frac: float | None  # of the first running job
    hold_reason: str  # of the first queued job; empty when none waits
    lasers: str  # "0:TRACK:node-b:400000000000 1:IDLE::0": terminal, PAT state, peer, bit/s
    handoffs: int
    outbox_rows: int
    tc_accepted: int
    tc_rejected: int
    bus_depth_peak: int
    bus_dropped: int
    sandbox: str


HK_UNITS: dict[str, str] = {
    "sunlit_frac": "0-1",
    "soc_frac": "0-1",
    "battery_wh": "Wh",
    "solar_w": "W",
    "load_w": "W",
    "compute_w": "W",
    "compute_cap_w": "W",
    "module_temp_c": "degC",
    "clock_error_s": "s",
    "job_progress_frac": "0-1",
}
HK_NAMES: tuple[str, ...] = tuple(field.name for field in fields(HkSample))
_VALUES = attrgetter(*HK_NAMES)  # dataclasses.astuple copies deeply, and takes twenty times as long
HK_HASH: str = hashlib.sha256(repr([(f.name, str(f.type)) for f in fields(HkSample)]).encode()).hexdigest()[:16]
# A float that happens to be whole may come as an integer; a truth value is an int to Python and to nobody else.
_ALLOWED: dict[object, tuple[type, ...]] = {str: (str,), int: (int,), float | None: (float, int, NoneType)}
_TYPES: tuple[tuple[type, ...], ...] = tuple(_ALLOWED[field.type] for field in fields(HkSample))


class Hk(Message):
    """A housekeeping packet. Lossy: the newest wins."""

    KIND: ClassVar[str] = "hk"
    MAX_BYTES: ClassVar[int] = 4 * 1024

    node: NameStr
    counter: Count
    at: Instant
    dictionary: str = Field(min_length=16, max_length=16)
    values: Annotated[tuple[Value, ...], AS_LIST] = Field(max_length=64)


def pack(node: str, counter: int, at: int, sample: HkSample) -> Hk:
    """Return the packet of a sample."""
    return Hk(node=node, counter=counter, at=at, dictionary=HK_HASH, values=_VALUES(sample))


def unpack(packet: Hk) -> HkSample:
    """Return the sample of a packet.

    Raises:
        DecodeError: the packet was packed against another dictionary, or a value is of another type than it says.
    """
    if packet.dictionary != HK_HASH or len(packet.values) != len(HK_NAMES):
        raise DecodeError(f"hk: dictionary {packet.dictionary} is not {HK_HASH}")
    for name, value, allowed in zip(HK_NAMES, packet.values, _TYPES, strict=True):
        if not isinstance(value, allowed) or isinstance(value, bool):
            raise DecodeError(f"hk: {name} is a {type(value).__name__}")
    return HkSample(*packet.values)  # type: ignore[arg-type]  # checked against the fields' types just above
