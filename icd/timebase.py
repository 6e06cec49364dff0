"""Mission time: integer nanoseconds of International Atomic Time (TAI) since 1970-01-01T00:00:00 TAI."""

from datetime import UTC, datetime, timedelta
from typing import ClassVar, NewType

from pydantic import Field

from icd.envelope import Instant, Message
from icd.ids import NameStr

MissionTime = NewType("MissionTime", int)

NS_PER_S = 1_000_000_000
# TAI - UTC, constant since 2017-01-01 (IERS Bulletin C). A new leap second changes this line and nothing else.
TAI_MINUS_UTC_S = 37
_UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def after(instant: MissionTime, delay_s: float) -> MissionTime:
    """Return the instant `delay_s` seconds later."""
    return MissionTime(instant + round(delay_s * NS_PER_S))


def seconds_between(start: MissionTime, end: MissionTime) -> float:
    """Return the duration from `start` to `end` in seconds, negative when `end` comes first."""
    return (end - start) / NS_PER_S


def from_utc(moment: datetime) -> MissionTime:
    """Return the mission time of a UTC moment (an aware datetime; microsecond resolution)."""
    delta = moment.astimezone(UTC) - _UNIX_EPOCH
    microseconds = (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
    return MissionTime(microseconds * 1_000 + TAI_MINUS_UTC_S * NS_PER_S)


def to_utc(instant: MissionTime) -> datetime:
    """Return the UTC moment of a mission time, cut to microseconds."""
    return _UNIX_EPOCH + timedelta(microseconds=(instant - TAI_MINUS_UTC_S * NS_PER_S) // 1_000)


def from_iso(text: str) -> MissionTime:
    """Return the mission time of an ISO 8601 UTC text such as `2026-08-22T04:10:00Z`.

    Raises:
        ValueError: the text is not ISO 8601, has no UTC offset, or lies outside the years 1 to 9999.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone: write it with a trailing Z")
    try:
        return from_utc(moment)
    except OverflowError:
        raise ValueError(f"{text!r} lies outside the years 1 to 9999 in UTC") from None


def to_iso(instant: MissionTime) -> str:
    """Return the ISO 8601 UTC text of a mission time, to the millisecond, with a trailing Z."""
    moment = to_utc(instant)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


class TimeAuthority(Message):
    """How wall time maps to mission time in this run: mission = epoch + (wall - anchor) x rate.

    `anchor_unix_ns` is host time (CLOCK_REALTIME) at which mission time was `epoch`; `session` names one run of the
    authority: a restarted process of the same session keeps its anchor, a resumed run gets a new one.
    """

    KIND: ClassVar[str] = "time"
    MAX_BYTES: ClassVar[int] = 1024

    session: NameStr
    epoch: Instant
    anchor_unix_ns: Instant
    rate: float = Field(gt=0.0, le=10_000.0)
