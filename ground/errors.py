"""The ground's errors. GroundError -> ConfigError, ArchiveError, and RefusedError, which an API user may see."""

from enum import StrEnum, unique


class GroundError(Exception):
    """Anything that the ground names."""


class ConfigError(GroundError, ValueError):
    """A configuration that cannot be used; one line naming file, key, what was found and what is allowed."""


class ArchiveError(GroundError):
    """The archive did not do what it was asked, and nothing of it has happened."""


@unique
class Refused(StrEnum):
    """Why a request was refused."""

    INVALID = "INVALID"  # the request breaks a rule: `field` names where
    UNKNOWN = "UNKNOWN"  # no such node, job or telecommand
    CONFLICT = "CONFLICT"  # it contradicts what is already there
    FORBIDDEN = "FORBIDDEN"  # the user's roles do not allow it
    BUSY = "BUSY"  # a bound is reached; later it may work


class RefusedError(GroundError):
    """A request that the ground refuses: the user's doing, answered with the reason."""

    def __init__(self, kind: Refused, text: str, field: str | None = None) -> None:
        super().__init__(text)
        self.kind = kind
        self.text = text
        self.field = field
