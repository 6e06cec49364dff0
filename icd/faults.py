"""Faults as data: what goes wrong, where, when, for how long and how much.

One object, the same from a mission file, from a test and from `dawnline fault inject`. What each kind may name, and the
range of its magnitude, stands in icd/fault_catalogue.py.
"""

from enum import StrEnum, unique
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from icd.envelope import AS_LIST, AS_TEXT, DURATION_S_MAX, Count, Instant, Message, Wire
from icd.ids import NameStr

FAULTS_MAX = 64  # waiting and in force together
TIMES_MAX = 10_000  # how often one order may strike
RATE_PER_DAY_MIN, RATE_PER_DAY_MAX = 1e-4, 10_000.0


@unique
class FaultKind(StrEnum):
    """What can be made to go wrong. docs/faults.md says what each does, what it names and how it ends."""

    # on value
    SENSOR_LOST = "SENSOR_LOST"
    SENSOR_STUCK = "SENSOR_STUCK"
    SENSOR_DROP = "SENSOR_DROP"
    SENSOR_DELAY = "SENSOR_DELAY"
    VALUE_BIAS = "VALUE_BIAS"
    VALUE_SCALE = "VALUE_SCALE"
    VALUE_NOISE = "VALUE_NOISE"
    # on device
    FRAME_DROP = "FRAME_DROP"
    UNIT_HANG = "UNIT_HANG"
    COMPUTE_HANG = "COMPUTE_HANG"
    COMPUTE_LATCHUP = "COMPUTE_LATCHUP"
    COMPUTE_RESET = "COMPUTE_RESET"
    MEMORY_ERROR = "MEMORY_ERROR"
    WATCHDOG_BITE = "WATCHDOG_BITE"
    BROWN_OUT = "BROWN_OUT"
    ARRAY_STRING_DEAD = "ARRAY_STRING_DEAD"
    BATTERY_CELL_LOST = "BATTERY_CELL_LOST"
    BATTERY_HEATER_LOST = "BATTERY_HEATER_LOST"
    TERMINAL_STUCK = "TERMINAL_STUCK"
    TERMINAL_WEAK = "TERMINAL_WEAK"
    # on link
    LASER_BLOCKED = "LASER_BLOCKED"
    LINK_CUT = "LINK_CUT"
    LINK_DELAY = "LINK_DELAY"
    LINK_RATE = "LINK_RATE"
    LINK_LOSS = "LINK_LOSS"
    LINK_COPY = "LINK_COPY"
    # on broker, storage and clock
    BROKER_STOP = "BROKER_STOP"
    BROKER_PAUSE = "BROKER_PAUSE"
    STORAGE_FAIL = "STORAGE_FAIL"
    GNSS_STEP = "GNSS_STEP"
    GNSS_FIX_LOST = "GNSS_FIX_LOST"


@unique
class FaultEvent(StrEnum):
    """What the simulator sees happen to a node, and a fault can wait for."""

    ECLIPSE_IN = "ECLIPSE_IN"  # the Sun's disc begins to be hidden
    ECLIPSE_OUT = "ECLIPSE_OUT"  # it is whole again
    SAA_IN = "SAA_IN"  # enters the South Atlantic Anomaly
    SAA_OUT = "SAA_OUT"
    LASER_LOCKED = "LASER_LOCKED"  # a terminal begins to track; the fault's own, where it names one
    LASER_LOST = "LASER_LOST"  # a terminal tracks no more
    PASS_BEGINS = "PASS_BEGINS"  # a first ground station comes into view
    PASS_ENDS = "PASS_ENDS"  # the last one has gone


class FaultOrder(Message):
    """Make something go wrong.

    Target: `node`, `unit`, `terminal`, `field`. Trigger: from `after_s` on, at once, or at the `nth` time that
    `on_event` happens and each time after, or by chance `rate_per_day`; `times` in all. The clock of `after_s` starts
    with the order, or with the mission where it stands in a mission file.
    """

    KIND: ClassVar[str] = "fault"
    MAX_BYTES: ClassVar[int] = 2 * 1024

    fault_id: NameStr
    kind: Annotated[FaultKind, AS_TEXT]
    node: NameStr | Literal[""] = ""  # empty where the kind names none
    unit: str = Field(default="", max_length=32)  # of icd.hw.UNITS, or empty
    terminal: int | None = Field(default=None, ge=0, le=15)  # None where the kind names none, or means all
    field: str = Field(default="", max_length=32)  # of the unit's reading, or empty
    magnitude: float | None = None  # in the kind's unit
    after_s: float = Field(default=0.0, ge=0.0, le=DURATION_S_MAX)  # mission time
    on_event: Annotated[FaultEvent, AS_TEXT] | None = None
    nth: int = Field(default=1, ge=1, le=TIMES_MAX)
    rate_per_day: float | None = Field(default=None, ge=RATE_PER_DAY_MIN, le=RATE_PER_DAY_MAX)
    times: int = Field(default=1, ge=1, le=TIMES_MAX)
    # Mission time; None: no time for what happens at once, else until it is cured or the run ends.
    duration_s: float | None = Field(default=None, gt=0.0, le=DURATION_S_MAX)

    @property
    def target(self) -> str:
        """Name what is struck, such as `node-1/terminal/0`."""
        parts = (self.node, self.unit, "" if self.terminal is None else str(self.terminal), self.field)
        return "/".join(part for part in parts if part) or "broker"


class FaultInForce(Wire):
    """A fault that lasts: since when, until when (None: until cured), and how often it has struck so far."""

    order: FaultOrder
    since: Instant
    until: Instant | None
    strikes: Count


class ActiveFaults(Message):
    """The faults in force, newest last, those that wait, and the answer to the latest order.

    `latest` is the id of the latest order heard, empty before the first; `refused` says why that order was refused,
    None when it was taken.
    """

    KIND: ClassVar[str] = "faults"
    MAX_BYTES: ClassVar[int] = 64 * 1024

    at: Instant
    active: Annotated[tuple[FaultInForce, ...], AS_LIST] = Field(max_length=FAULTS_MAX)
    waiting: Annotated[tuple[FaultOrder, ...], AS_LIST] = Field(max_length=FAULTS_MAX)
    latest: str = Field(max_length=64)
    refused: str | None = Field(max_length=400)
