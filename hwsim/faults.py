"""Faults by order: checked, begun and ended at their times, published while they last."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from hwsim.errors import FaultRefusedError
from hwsim.kernel import PHYSICS, Kernel, Slot
from icd.hw import UNITS, ActiveFaults, FaultKind, FaultOrder
from icd.timebase import MissionTime, after

FAULTS_MAX = 64  # waiting and active together
SEEN_MAX = 256  # fault ids remembered, so that an order delivered twice is one order
MAGNITUDE_MAX = 0.95  # of what is taken from an array or a battery: something is left
_REFUSED_CHARS = 400

CATALOGUE: dict[FaultKind, str] = {
    FaultKind.SENSOR_LOST: "a unit answers nothing and its readings turn LOST; --unit, and --terminal for one of them",
    FaultKind.SENSOR_STUCK: "a unit repeats its last reading; --unit, and --terminal for one of them",
    FaultKind.FRAME_DROP: "no device frame of the node leaves; the frame counter runs on",
    FaultKind.ARRAY_STRING_DEAD: "the array gives 1 - magnitude of its power; --magnitude",
    FaultKind.BATTERY_CELL_LOST: "the battery holds 1 - magnitude of its capacity and charge; --magnitude",
    FaultKind.TERMINAL_STUCK: "a laser terminal drops its link and never leaves SLEW; --terminal",
    FaultKind.LINK_CUT: "the node's space link is cut and its radio serves no neighbour",
    FaultKind.COMPUTE_HANG: "the compute module draws idle power and takes no order until it is reset",
}

_SENSOR_KINDS = (FaultKind.SENSOR_LOST, FaultKind.SENSOR_STUCK)
_SCALED_KINDS = (FaultKind.ARRAY_STRING_DEAD, FaultKind.BATTERY_CELL_LOST)


@dataclass(slots=True)
class _Entry:
    order: FaultOrder
    starts: MissionTime
    ends: MissionTime
    slot: Slot
    active: bool = False


class FaultBoard:
    """Which faults wait and which are in force.

    `on_change` is told the node whose faults changed; what they do to it is the world's matter.
    """

    def __init__(self, kernel: Kernel, terminals: dict[str, int], on_change: Callable[[str], None]) -> None:
        self._kernel = kernel
        self._terminals = terminals  # node -> how many it has
        self._on_change = on_change
        self._entries: dict[str, _Entry] = {}
        self._active: list[str] = []  # fault ids, newest last
        self._seen: deque[str] = deque(maxlen=SEEN_MAX)
        self._refused: str | None = None

    def order(self, order: FaultOrder, origin: MissionTime) -> None:
        """Take an order whose `after_s` counts from `origin`; the same fault id again changes nothing.

        Raises:
            FaultRefusedError: it names what is not there, or there are too many.
        """
        if order.fault_id in self._seen:
            return
        try:
            self._check(order)
        except FaultRefusedError as error:
            self._refused = str(error)[:_REFUSED_CHARS]
            raise
        self._refused = None
        starts = after(origin, order.after_s)
        self._add(order, starts, after(starts, order.duration_s), active=False)

    def active(self, node: str, kind: FaultKind) -> list[FaultOrder]:
        """Return the faults of a kind in force on a node, oldest first."""
        orders = (self._entries[fault_id].order for fault_id in self._active)
        return [order for order in orders if order.node == node and order.kind is kind]

    def end(self, node: str, kind: FaultKind) -> None:
        """End the active faults of a kind on a node before their time: a reset cured them."""
        for order in self.active(node, kind):
            self._finish(order.fault_id)

    def report(self) -> ActiveFaults:
        """Return what is in force, and why the latest order was refused if it was."""
        orders = tuple(self._entries[fault_id].order for fault_id in self._active)
        return ActiveFaults(at=self._kernel.now, active=orders, refused=self._refused)

    def dump(self) -> dict[str, object]:
        """Return the state as plain values."""
        entries = [
            {
                "order": entry.order.model_dump(mode="json"),
                "starts": entry.starts,
                "ends": entry.ends,
                "on": entry.active,
            }
            for entry in self._entries.values()
        ]
        return {"entries": entries, "order": list(self._active), "seen": list(self._seen)}

    def restore(self, state: dict[str, object]) -> None:
        """Take a dumped state.

        Raises:
            KeyError, TypeError, ValueError: it is not one.
        """
        entries, active, seen = state["entries"], state["order"], state["seen"]
        if not isinstance(entries, list) or not isinstance(active, list) or not isinstance(seen, list):
            raise TypeError("faults are not lists")
        for entry in entries:
            order = FaultOrder.model_validate(entry["order"])
            self._check(order)
            self._add(
                order, MissionTime(int(entry["starts"])), MissionTime(int(entry["ends"])), active=entry["on"] is True
            )
        self._active = [str(fault_id) for fault_id in active if self._entries[str(fault_id)].active]
        self._seen.extend(str(fault_id) for fault_id in seen if str(fault_id) not in self._seen)

    def _add(self, order: FaultOrder, starts: MissionTime, ends: MissionTime, *, active: bool) -> None:
        slot = self._kernel.slot(lambda: self._turn(order.fault_id), PHYSICS)
        self._entries[order.fault_id] = _Entry(order, starts, ends, slot, active)
        self._seen.append(order.fault_id)
        slot.set(ends if active else starts)

    def _turn(self, fault_id: str) -> None:
        entry = self._entries[fault_id]
        if entry.active:
            self._finish(fault_id)
            return
        entry.active = True
        self._active.append(fault_id)
        entry.slot.set(entry.ends)
        self._on_change(entry.order.node)

    def _finish(self, fault_id: str) -> None:
        entry = self._entries.pop(fault_id)
        entry.slot.clear()
        self._active.remove(fault_id)
        self._on_change(entry.order.node)

    def _check(self, order: FaultOrder) -> None:
        what = f"fault {order.fault_id}"
        if order.node not in self._terminals:
            raise FaultRefusedError(f"{what}: no node {order.node!r}; there are {', '.join(self._terminals)}")
        if len(self._entries) >= FAULTS_MAX:
            raise FaultRefusedError(f"{what}: {FAULTS_MAX} faults wait or last already; let some end")
        if order.kind in _SENSOR_KINDS and order.unit not in UNITS:
            raise FaultRefusedError(f"{what}: {order.kind} needs a unit of {', '.join(UNITS)}, not {order.unit!r}")
        if order.kind not in _SENSOR_KINDS and order.unit not in ("", *UNITS):
            raise FaultRefusedError(f"{what}: no unit {order.unit!r}; {order.kind} needs none")
        if order.kind is FaultKind.TERMINAL_STUCK and order.terminal is None:
            raise FaultRefusedError(f"{what}: {order.kind} needs a terminal")
        if order.terminal is not None and order.terminal >= self._terminals[order.node]:
            count = self._terminals[order.node]
            raise FaultRefusedError(f"{what}: no terminal {order.terminal} on {order.node}, which has {count}")
        if order.kind in _SCALED_KINDS and not 0.0 < order.magnitude <= MAGNITUDE_MAX:
            allowed = f"above 0 and at most {MAGNITUDE_MAX}"
            raise FaultRefusedError(f"{what}: {order.kind} needs a magnitude {allowed}, not {order.magnitude}")
