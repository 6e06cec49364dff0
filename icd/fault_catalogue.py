"""The catalogue of faults: what each kind does, what it may name, and how much and how long it may be.

docs/faults.md is made from it, and whatever takes a fault (mission file, command line, simulator) asks `problem`.
"""

import math
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import get_args

from icd import hw
from icd.faults import FaultKind, FaultOrder
from icd.hw import UNITS

GROUPS: tuple[str, ...] = ("value", "device", "link", "broker", "storage", "clock")
MAGNITUDE_MAX = 1e12  # of what is added to a reading


@unique
class Need(StrEnum):
    """Whether a kind names something."""

    NO = "NO"
    MAY = "MAY"
    MUST = "MUST"


@dataclass(frozen=True, slots=True)
class Span:
    """The range of a magnitude and its unit; `above` leaves the lower end out."""

    low: float
    high: float
    unit: str
    above: bool = False

    def holds(self, value: float) -> bool:
        """Return whether a value lies within."""
        return self.low <= value <= self.high and not (self.above and value == self.low)

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        low = f"above {self.low:g}" if self.above else f"{self.low:g}"
        return f"{low} to {self.high:g}{unit}"


@dataclass(frozen=True, slots=True)
class FaultRule:
    """One line of the catalogue.

    `units` are those that may be named, empty where none is; `cure` is the unit whose reset ends the fault; `instant`
    kinds strike and are over; `endless` ones may be ordered without a duration.
    """

    group: str
    what: str
    seen: str  # what the node, or whoever it strikes, sees of it
    units: tuple[str, ...] = ()
    terminal: Need = Need.NO
    field: Need = Need.NO
    magnitude: Span | None = None
    cure: str = ""
    instant: bool = False
    endless: bool = True
    node: bool = True


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with an order: the key, and in one line what was found and what is allowed."""

    key: str
    text: str


_SHARE = Span(0.0, 0.95, "", above=True)  # of what is taken from an array or a battery: something is left
_CHANCE = Span(0.0, 1.0, "", above=True)
_K, _MAY, _MUST = FaultKind, Need.MAY, Need.MUST
_HANGABLE = ("eps", "thermal", "terminal", "gnss")

CATALOGUE: dict[FaultKind, FaultRule] = {
    _K.SENSOR_LOST: FaultRule(
        "value", "the unit answers nothing", "readings of quality `LOST`, no numbers", UNITS, _MAY
    ),
    _K.SENSOR_STUCK: FaultRule(
        "value",
        "the unit repeats its last reading, or one field of it; the truth moves on",
        "a reading that never changes, of quality `GOOD`",
        UNITS,
        _MAY,
        _MAY,
    ),
    _K.SENSOR_DROP: FaultRule(
        "value",
        "each reading of the unit is lost with this probability",
        "now and then a reading of quality `LOST`",
        UNITS,
        _MAY,
        magnitude=_CHANCE,
    ),
    _K.SENSOR_DELAY: FaultRule(
        "value",
        "the unit tells each reading this much later; until the first has come through it repeats the one before",
        "old readings of quality `GOOD`",
        UNITS,
        _MAY,
        magnitude=Span(1.0, 3_600.0, "s"),
    ),
    _K.VALUE_BIAS: FaultRule(
        "value",
        "this much is added to the field, up to the ends of its range",
        "a wrong number",
        UNITS,
        _MAY,
        _MUST,
        Span(-MAGNITUDE_MAX, MAGNITUDE_MAX, "in the field's unit"),
    ),
    _K.VALUE_SCALE: FaultRule(
        "value",
        "the field is multiplied by this, up to the ends of its range",
        "a wrong number",
        UNITS,
        _MAY,
        _MUST,
        Span(-1_000.0, 1_000.0, ""),
    ),
    _K.VALUE_NOISE: FaultRule(
        "value",
        "Gaussian noise of this standard deviation is added to the field, up to the ends of its range",
        "a number that jumps",
        UNITS,
        _MAY,
        _MUST,
        Span(0.0, MAGNITUDE_MAX, "in the field's unit", above=True),
    ),
    _K.FRAME_DROP: FaultRule(
        "device",
        "no device frame leaves; what the hardware does goes on",
        "silence, then a gap in the frame counter",
    ),
    _K.UNIT_HANG: FaultRule(
        "device",
        "the unit repeats its last reading and takes no order; a terminal drops its link too",
        "a reading that never changes, orders without effect",
        _HANGABLE,
        _MAY,
        cure="itself",
    ),
    _K.COMPUTE_HANG: FaultRule(
        "device",
        "the module draws idle power and takes no order",
        "`health` is `HUNG`, `power_w` idle",
        cure="compute",
    ),
    _K.COMPUTE_LATCHUP: FaultRule(
        "device",
        "a latch-up draws this much more until the module is power-cycled",
        "`health` is `OVER_CURRENT`, `power_w` too high",
        magnitude=Span(0.0, 100_000.0, "W", above=True),
        cure="compute",
    ),
    _K.COMPUTE_RESET: FaultRule(
        "device",
        "the module resets itself: on, empty, uncapped",
        "`allocated` is empty, `cap_w` the maximum",
        instant=True,
    ),
    _K.MEMORY_ERROR: FaultRule(
        "device",
        "a memory error strikes that error correction finds and cannot mend",
        "`uncorrectable` counts one more",
        instant=True,
    ),
    _K.WATCHDOG_BITE: FaultRule(
        "device", "the watchdog bites: the processor is reset", "a boot; `bites` counts one more", instant=True
    ),
    _K.BROWN_OUT: FaultRule(
        "device",
        "the power unit sheds all it can: the module is off, the bus is fed MINIMAL",
        "`powered` false, `profile` MINIMAL",
        instant=True,
    ),
    _K.ARRAY_STRING_DEAD: FaultRule(
        "device",
        "the array gives 1 - magnitude of its power; two such faults multiply",
        "less `solar_w` in sunlight",
        magnitude=_SHARE,
    ),
    _K.BATTERY_CELL_LOST: FaultRule(
        "device",
        "capacity and charge fall to 1 - magnitude; cells that come back are empty",
        "less `battery_wh`, then a lower `soc_frac`",
        magnitude=_SHARE,
    ),
    _K.BATTERY_HEATER_LOST: FaultRule(
        "device", "the battery bay cools; below the profile's limit no charge is taken", "a battery that does not fill"
    ),
    _K.TERMINAL_STUCK: FaultRule(
        "device",
        "the terminal drops its link, and once pointed never leaves `SLEW`; freed, it slews on",
        "`LOST`, then `SLEW` without end",
        terminal=_MUST,
    ),
    _K.TERMINAL_WEAK: FaultRule(
        "device",
        "the terminal's light is this much weaker: a lower rate, or no link at all",
        "a lower `rate_bps`, or `LOST`",
        terminal=_MUST,
        magnitude=Span(0.0, 60.0, "dB", above=True),
    ),
    _K.LASER_BLOCKED: FaultRule(
        "link",
        "something stands before the terminal: its link drops, and it acquires nobody",
        "`LOST`, then acquisitions that fail",
        terminal=_MUST,
    ),
    _K.LINK_CUT: FaultRule(
        "link",
        "the space link is cut, and the radio serves no neighbour as a gateway; lasers still work",
        "the space link is down",
    ),
    _K.LINK_DELAY: FaultRule(
        "link",
        "the space link takes this much longer, each way",
        "late commands and acknowledgements",
        magnitude=Span(0.0, 600.0, "s", above=True),
    ),
    _K.LINK_RATE: FaultRule(
        "link",
        "the space link carries no more than this",
        "reports and transfers that crawl",
        magnitude=Span(100.0, 1e12, "bit/s"),
    ),
    _K.LINK_LOSS: FaultRule(
        "link",
        "each QoS 0 message over the space link is lost with this probability, both ways",
        "gaps in housekeeping, acknowledgements said again",
        magnitude=_CHANCE,
    ),
    _K.LINK_COPY: FaultRule(
        "link",
        "each QoS 1 message over the space link comes twice with this probability, both ways",
        "copies, which change nothing",
        magnitude=_CHANCE,
    ),
    _K.BROKER_STOP: FaultRule(
        "broker",
        "the broker is down and takes no connection",
        "every connection breaks, and comes back after it",
        endless=False,
        node=False,
    ),
    _K.BROKER_PAUSE: FaultRule(
        "broker",
        "the broker stands still: it holds what comes and delivers nothing",
        "silence on every connection",
        endless=False,
        node=False,
    ),
    _K.STORAGE_FAIL: FaultRule(
        "storage",
        "the node's disk takes no write; what is committed can be read",
        "writes refused and tried again; events that cannot be stored are counted",
    ),
    _K.GNSS_STEP: FaultRule(
        "clock",
        "the receiver's time is off by this much",
        "`at` away from the on-board clock",
        magnitude=Span(-86_400.0, 86_400.0, "s"),
    ),
    _K.GNSS_FIX_LOST: FaultRule("clock", "the receiver has no fix", "`gnss` of quality `LOST`"),
}


def fields_of(unit: str) -> dict[str, tuple[float, float]]:
    """Return the numeric fields of a unit's reading and the range of each, infinite where it has none."""
    return _FIELDS.get(unit, {})


def problem(order: FaultOrder) -> Problem | None:
    """Return what is wrong with an order whatever the fleet; None when nothing is."""
    rule = CATALOGUE[order.kind]
    return _target_problem(order, rule) or _amount_problem(order, rule) or _trigger_problem(order, rule)


def _target_problem(order: FaultOrder, rule: FaultRule) -> Problem | None:
    kind, unit = order.kind, order.unit
    if rule.node != bool(order.node):
        text = "needs the node that it strikes" if rule.node else f"names no node, found {order.node!r}"
        return Problem("node", f"{kind} {text}")
    if unit not in rule.units and (rule.units or unit):
        allowed = f"needs one of {', '.join(rule.units)}" if rule.units else "names no unit"
        return Problem("unit", f"{kind} {allowed}; found {unit!r}")
    may_terminal = rule.terminal is not Need.NO and unit in ("", "terminal")
    if order.terminal is not None and not may_terminal:
        whose = f"{kind} of {unit}" if unit else kind
        return Problem("terminal", f"{whose} names no terminal; found {order.terminal}")
    if order.terminal is None and rule.terminal is Need.MUST:
        return Problem("terminal", f"{kind} needs a terminal, 0 or more")
    return _field_problem(order, rule)


def _field_problem(order: FaultOrder, rule: FaultRule) -> Problem | None:
    kind, unit, field = order.kind, order.unit, order.field
    if field and rule.field is Need.NO:
        return Problem("field", f"{kind} names no field; found {field!r}")
    if (field or rule.field is Need.MUST) and field not in fields_of(unit):
        allowed = ", ".join(fields_of(unit)) or "none"
        return Problem("field", f"{kind} needs a numeric field of {unit} ({allowed}); found {field!r}")
    return None


def _amount_problem(order: FaultOrder, rule: FaultRule) -> Problem | None:
    kind, magnitude, duration_s = order.kind, order.magnitude, order.duration_s
    if rule.magnitude is None and magnitude is not None:
        return Problem("magnitude", f"{kind} takes none; found {magnitude:g}")
    if rule.magnitude is not None and (magnitude is None or not rule.magnitude.holds(magnitude)):
        found = "none" if magnitude is None else f"{magnitude:g}"
        return Problem("magnitude", f"{kind} needs one of {rule.magnitude}; found {found}")
    if rule.instant and duration_s is not None:
        return Problem("duration_s", f"{kind} happens at once and lasts no time; found {duration_s:g}")
    if not rule.instant and not rule.endless and duration_s is None:
        return Problem("duration_s", f"{kind} needs one, in seconds of mission time; found none")
    return None


def _trigger_problem(order: FaultOrder, rule: FaultRule) -> Problem | None:
    kind = order.kind
    if order.on_event is not None and order.rate_per_day is not None:
        return Problem("rate_per_day", f"on_event {order.on_event} stands too; allowed is one of the two")
    if order.on_event is not None and not rule.node:
        return Problem("on_event", f"{kind} names no node for {order.on_event} to happen to; allowed: rate_per_day")
    if order.nth > 1 and order.on_event is None:
        return Problem("nth", f"{order.nth} counts an event; allowed only with on_event")
    if order.times > 1 and order.on_event is None and order.rate_per_day is None:
        return Problem("times", f"{order.times} needs on_event or rate_per_day; allowed without them is 1")
    return None


def _numeric_fields() -> dict[str, dict[str, tuple[float, float]]]:
    found = {}
    for model in get_args(get_args(hw.Reading)[0]):
        numbers = {}
        for name, info in model.model_fields.items():
            if float in (info.annotation, *get_args(info.annotation)):
                lows = [one.ge for one in info.metadata if hasattr(one, "ge")]
                highs = [one.le for one in info.metadata if hasattr(one, "le")]
                numbers[name] = (max(lows, default=-math.inf), min(highs, default=math.inf))
        found[model.model_fields["unit"].default] = numbers
    return found


_FIELDS = _numeric_fields()
