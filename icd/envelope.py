"""The base of every message on the wire, and the registry by which a receiver knows it."""

from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

WIRE_VERSION = 1

# msgpack knows no enumerations and no tuples: such fields take the text or the list that stands for them.
# Their members stay strict, so `Annotated[tuple[int, ...], AS_LIST]` still refuses "1".
AS_TEXT = Field(strict=False)
AS_LIST = Field(strict=False)

# msgpack carries integers up to 2^64, SQLite keeps them below 2^63: what came in must fit where it is kept, with room
# for a duration to be added (2^62 ns is the year 2116).
INT_MAX = 2**62
Int = Annotated[int, Field(ge=-INT_MAX, le=INT_MAX)]
Instant = Int  # mission time, or another clock's nanoseconds
Count = Annotated[int, Field(ge=0, le=INT_MAX)]
DURATION_S_MAX = 1e9  # 31 years: an instant and a duration still make an instant


class Wire(BaseModel):
    """A shape that crosses a process: frozen, strict, finite, and closed to unknown fields."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


class Message(Wire):
    """A wire shape that stands alone in an envelope; `KIND` names it and `MAX_BYTES` bounds it."""

    KIND: ClassVar[str] = ""
    MAX_BYTES: ClassVar[int] = 64 * 1024
