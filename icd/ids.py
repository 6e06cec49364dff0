"""Names of things that cross a process, and their grammar."""

import re
from typing import Annotated, NewType

from pydantic import StringConstraints

NodeId = NewType("NodeId", str)
JobId = NewType("JobId", str)
RequestId = NewType("RequestId", str)
TransferId = NewType("TransferId", str)
TenantId = NewType("TenantId", str)

# A name is safe as a file name, an MQTT topic level and a NATS subject token.
NAME_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,62}$"
_NAME = re.compile(NAME_PATTERN)

NameStr = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
Sha256Hex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


def is_name(text: str) -> bool:
    """Return whether a text is a legal id: 1 to 63 of a-z, 0-9, '_' and '-', starting with a letter or digit."""
    # fullmatch: `$` alone would let a trailing newline pass, which pydantic's engine does not.
    return _NAME.fullmatch(text) is not None
