"""The fault points that every unit's reading passes: lost, stuck, late, and each number bent."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, get_args

from icd.fault_catalogue import fields_of
from icd.faults import FaultKind, FaultOrder
from icd.hw import GnssReading, Reading
from icd.timebase import MissionTime, after
from runtime import seeds

LATE_MAX = 4_096  # readings that wait for their time; beyond them the oldest is told early

_HOLDING = (FaultKind.SENSOR_STUCK, FaultKind.UNIT_HANG)
_MODELS = {one.model_fields["unit"].default: one for one in get_args(get_args(Reading)[0])}


class Unit(Protocol):
    """A simulated unit, as the frame that tells of it sees it."""

    def truth(self, at: MissionTime) -> Reading:
        """Return what a healthy unit reads now."""
        ...

    def silence(self) -> Reading:
        """Return the reading of quality LOST."""
        ...


@dataclass(slots=True)
class Sensor:
    """A unit behind its fault points. `wake` has the unit told of again at an instant."""

    unit: Unit
    seed: int
    wake: Callable[[MissionTime], None]
    faults: tuple[FaultOrder, ...] = ()
    last: Reading | None = None  # the last before a fault held the reading
    late: deque[tuple[MissionTime, Reading]] = field(default_factory=deque)  # read then, oldest first

    def set_faults(self, faults: tuple[FaultOrder, ...]) -> None:
        """Have these faults, oldest first, in place of those before."""
        self.faults = faults
        if all(order.kind is not FaultKind.SENSOR_DELAY for order in faults):
            self.late.clear()

    def report(self, at: MissionTime) -> Reading:
        """Return what the unit reports: the truth, or what the faults leave of it."""
        if not self.faults:
            self.last = self.unit.truth(at)
            return self.last
        kinds = [order.kind for order in self.faults]
        if FaultKind.SENSOR_LOST in kinds or FaultKind.GNSS_FIX_LOST in kinds or self._drops(at):
            return self.unit.silence()
        before = self.last
        reading = self._bent(at, self._held(at))
        return self._late(at, before or reading, reading)

    def dump(self) -> dict[str, object] | None:
        """Return what the faults hold of the past as plain values; None when there are none."""
        if not self.faults or self.last is None:
            return None
        late = [[at, reading.model_dump(mode="json")] for at, reading in self.late]
        return {"last": self.last.model_dump(mode="json"), "late": late}

    def restore(self, state: dict[str, object]) -> None:
        """Take a dumped state.

        Raises:
            KeyError, TypeError, ValueError: it is not one.
        """
        self.last = _reading(state["last"])
        late = state["late"]
        if not isinstance(late, list):
            raise TypeError("late readings are no list")
        self.late = deque((MissionTime(int(at)), _reading(body)) for at, body in late)

    def _held(self, at: MissionTime) -> Reading:
        """Return the truth, with what is stuck as it was last."""
        holding = [order for order in self.faults if order.kind in _HOLDING]
        if not holding or self.last is None:
            self.last = self.unit.truth(at)
            return self.last
        if any(not order.field for order in holding):
            return self.last
        stuck = {order.field: getattr(self.last, order.field) for order in holding}
        return self.unit.truth(at).model_copy(update=stuck)

    def _bent(self, at: MissionTime, reading: Reading) -> Reading:
        """Return the reading with each number scaled, biased and noisy, in the order of the faults."""
        changed: dict[str, object] = {}
        for order in self.faults:
            magnitude = order.magnitude or 0.0
            if order.kind is FaultKind.GNSS_STEP and isinstance(reading, GnssReading) and reading.at is not None:
                changed["at"] = after(MissionTime(int(str(changed.get("at", reading.at)))), magnitude)
                continue
            value = changed.get(order.field, getattr(reading, order.field, None)) if order.field else None
            if not isinstance(value, float):
                continue
            match order.kind:
                case FaultKind.VALUE_SCALE:
                    value *= magnitude
                case FaultKind.VALUE_BIAS:
                    value += magnitude
                case FaultKind.VALUE_NOISE:
                    value += seeds.stream(self.seed, f"fault/{order.target}/{order.fault_id}/{at}").gauss(
                        0.0, magnitude
                    )
                case _:
                    continue
            low, high = fields_of(reading.unit)[order.field]
            changed[order.field] = min(high, max(low, value))
        return reading.model_copy(update=changed) if changed else reading

    def _drops(self, at: MissionTime) -> bool:
        """Draw whether the reading is lost: by fault and instant, so that nothing need be remembered."""
        return any(
            seeds.stream(self.seed, f"fault/{order.target}/{order.fault_id}/{at}").random() < (order.magnitude or 0.0)
            for order in self.faults
            if order.kind is FaultKind.SENSOR_DROP
        )

    def _late(self, at: MissionTime, before: Reading, reading: Reading) -> Reading:
        """Keep the reading until its time, and return the one whose time has come."""
        delays = [order.magnitude or 0.0 for order in self.faults if order.kind is FaultKind.SENSOR_DELAY]
        if not delays:
            return reading
        delay_s, late = max(delays), self.late
        if not late:
            late.append((at, before))
        if len(late) == 1 or late[-1][1] != reading:
            late.append((at, reading))
        ripe = after(at, -delay_s)
        while len(late) > LATE_MAX or (len(late) > 1 and late[1][0] <= ripe):
            late.popleft()
        if len(late) > 1:
            self.wake(after(late[1][0], delay_s))
        return late[0][1]


def _reading(body: object) -> Reading:
    if not isinstance(body, dict):
        raise TypeError("a reading is no map")
    found: Reading = _MODELS[body["unit"]].model_validate(body)
    return found
