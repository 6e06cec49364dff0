"""What is watched and when it counts, as a table: watchpoints with persistence, passive after firing until all is well.

After the Limit Checker of cFS (nasa/LC: watchpoints, consecutive failures, actionpoints that turn passive).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum, unique

LOST_S_MAX = 120.0  # mission time that the node may fly without battery readings before it goes to SAFE
CLOCK_ERROR_S_MAX = 30.0  # includes transport, which at 60 x real time is a second or more
MODULE_BACK_S = 120.0  # mission time that a power-cycled compute module has to be well again
MODULE_CYCLES_MAX = 3  # power cycles in a row that did not help
THERMAL_SLOWDOWN = 0x20 | 0x40  # NVML throttle reasons, by software and by hardware, as in icd.hw.ComputeReading


@unique
class Parameter(StrEnum):
    """What is watched. A flag is 1.0 when it holds and 0.0 when not."""

    READING_LOST = "READING_LOST"  # flag, by unit
    CLOCK_ERROR_S = "CLOCK_ERROR_S"
    THERMAL_THROTTLE = "THERMAL_THROTTLE"  # flag: the module slows itself down
    THERMAL_TRIP = "THERMAL_TRIP"  # flag: the module is off and hot
    MODULE_HUNG = "MODULE_HUNG"  # flag: no heartbeat of the compute module
    MODULE_LATCHED = "MODULE_LATCHED"  # flag: it draws more than it should
    APPS_SILENT = "APPS_SILENT"  # how many


@dataclass(frozen=True, slots=True)
class Limit:
    """One row: inside is low <= value <= high. `persistence` samples in a row must agree before anything is told."""

    parameter: Parameter
    low: float | None
    high: float | None
    persistence: int
    event_id: str  # told when the value has left; its severity is the dictionary's
    back_event_id: str | None  # told when it is inside again


_P = Parameter
LIMITS: tuple[Limit, ...] = (
    Limit(_P.READING_LOST, None, 0.5, 2, "READINGS_LOST", "READINGS_BACK"),
    Limit(_P.CLOCK_ERROR_S, -CLOCK_ERROR_S_MAX, CLOCK_ERROR_S_MAX, 3, "CLOCK_OFF", None),
    Limit(_P.THERMAL_THROTTLE, None, 0.5, 1, "COMPUTE_THROTTLED", None),
    Limit(_P.THERMAL_TRIP, None, 0.5, 1, "COMPUTE_TRIPPED", None),
    Limit(_P.MODULE_HUNG, None, 0.5, 1, "COMPUTE_HUNG", "COMPUTE_BACK"),
    Limit(_P.MODULE_LATCHED, None, 0.5, 1, "COMPUTE_LATCHED", "COMPUTE_BACK"),
    Limit(_P.APPS_SILENT, None, 0.5, 1, "APPS_SILENT", None),
)


@dataclass(slots=True)
class _Watch:
    """How one stream of samples stands against its row."""

    outside: bool = False  # what was told last
    streak: int = 0  # samples in a row that contradict it


class LimitChecker:
    """Judges samples against the table. Streams of one parameter are told apart by a key, such as the unit."""

    def __init__(self, limits: Iterable[Limit] = LIMITS) -> None:
        self._limits = {limit.parameter: limit for limit in limits}
        self._watches: dict[tuple[Parameter, str], _Watch] = {}

    def sample(self, parameter: Parameter, value: float | None, key: str = "") -> str | None:
        """Return the event that this sample makes due, or None. A value of None is stale and says nothing."""
        if value is None:
            return None
        limit = self._limits[parameter]
        watch = self._watches.setdefault((parameter, key), _Watch())
        if is_outside(limit, value) is watch.outside:
            watch.streak = 0
            return None
        watch.streak += 1
        if watch.streak < limit.persistence:
            return None
        watch.outside, watch.streak = not watch.outside, 0
        return limit.event_id if watch.outside else limit.back_event_id


def is_outside(limit: Limit, value: float) -> bool:
    """Return whether a value breaks the row's limits."""
    return (limit.low is not None and value < limit.low) or (limit.high is not None and value > limit.high)


def flag(holds: bool) -> float:
    """Return a flag as a value that a row can judge."""
    return 1.0 if holds else 0.0
