"""The base of every message on the wire, and the registry by which a receiver knows it."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

WIRE_VERSION = 1

# msgpack knows no enumerations and no tuples: such fields take the text or the list that stands for them.
# Their members stay strict, so `Annotated[tuple[int, ...], AS_LIST]` still refuses "1".
AS_TEXT = Field(strict=False)
AS_LIST = Field(strict=False)


class Wire(BaseModel):
    """A shape that crosses a process: frozen, strict, and closed to unknown fields."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Message(Wire):
    """A wire shape that stands alone in an envelope; `KIND` names it and `MAX_BYTES` bounds it."""

    KIND: ClassVar[str] = ""
    MAX_BYTES: ClassVar[int] = 64 * 1024
