"""The node's exceptions.

FlightError
├── RefusedError(reason)          the asker's doing: becomes a failed verification
├── DeviceError(unit, kind)       the world's doing: becomes a reading of quality LOST and an event
├── StorageError(kind)            the disk's doing: what was asked is refused, nothing already committed is lost
└── InvariantError                our doing: reported, the app restarts, then safe mode
    └── IllegalTransitionError    a trigger that the transition table does not know in this state
"""

from enum import Enum, StrEnum, unique


class FlightError(Exception):
    """The root of what the node raises on purpose."""


class RefusedError(FlightError):
    """A request that may not be carried out; `reason` is a member of the asker's vocabulary."""

    def __init__(self, reason: Enum, detail: str = "") -> None:
        super().__init__(f"{reason.name}: {detail}" if detail else reason.name)
        self.reason = reason
        self.detail = detail


class DeviceError(FlightError):
    """A device that does not answer, or answers nonsense."""

    def __init__(self, unit: str, kind: str) -> None:
        super().__init__(f"{unit}: {kind}")
        self.unit = unit
        self.kind = kind


@unique
class StorageFault(StrEnum):
    """What the storage did."""

    FULL = "FULL"
    FAILED = "FAILED"


class StorageError(FlightError):
    """A durable write that did not happen. The transaction is rolled back whole."""

    def __init__(self, kind: StorageFault, detail: str) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind


class InvariantError(FlightError):
    """Something that our own code promised and broke."""


class IllegalTransitionError(InvariantError):
    """A trigger that is not legal in the present state."""
