"""Faults by order: checked, begun by time, by event or by chance, ended at their time, published while they last."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hwsim.errors import FaultRefusedError
from hwsim.kernel import PHYSICS, Kernel, Slot
from icd.fault_catalogue import CATALOGUE, Problem, problem
from icd.faults import FAULTS_MAX, ActiveFaults, FaultEvent, FaultInForce, FaultKind, FaultOrder
from icd.timebase import MissionTime, after
from runtime import seeds

SEEN_MAX = 256  # fault ids remembered, so that an order delivered twice is one order
_REFUSED_CHARS = 400
_DAY_S = 86_400.0


def refusal(order: FaultOrder, terminals: Mapping[str, int]) -> Problem | None:
    """Return what is wrong with an order for a fleet, given how many terminals each node has; None when nothing is."""
    found = problem(order)
    if found is not None:
        return found
    if order.node and order.node not in terminals:
        return Problem("node", f"no node {order.node!r}; there are {', '.join(terminals)}")
    if order.terminal is not None and order.terminal >= terminals[order.node]:
        count = terminals[order.node]
        return Problem("terminal", f"no terminal {order.terminal} on {order.node}, which has {count}")
    return None


@dataclass(slots=True)
class _Entry:
    order: FaultOrder
    slot: Slot
    armed: bool = False  # waits for its event or its chance
    seen: int = 0  # events since it was armed
    strikes: int = 0
    since: MissionTime | None = None  # in force since then
    until: MissionTime | None = None  # None: until it is cured


class FaultBoard:
    """Which faults wait and which are in force: the authority of when.

    `on_change` is told the node whose faults changed, empty for those of no node; `on_strike` is told an order of a
    kind that happens at once. What that does is the world's matter.
    """

    def __init__(
        self,
        kernel: Kernel,
        terminals: Mapping[str, int],
        seed: int,
        on_change: Callable[[str], None],
        on_strike: Callable[[FaultOrder], None],
    ) -> None:
        self._kernel = kernel
        self._terminals = terminals  # node -> how many it has
        self._seed = seed
        self._on_change = on_change
        self._on_strike = on_strike
        self._watchers: list[Callable[[], None]] = []
        self._entries: dict[str, _Entry] = {}
        self._active: list[str] = []  # fault ids, newest last
        self._seen: deque[str] = deque(maxlen=SEEN_MAX)
        self._latest = ""
        self._refused: str | None = None

    def watch(self, callback: Callable[[], None]) -> None:
        """Call back after each change of what is in force: for whoever has to act and is no hardware."""
        self._watchers.append(callback)

    def order(self, order: FaultOrder, origin: MissionTime) -> bool:
        """Take an order whose `after_s` counts from `origin`; False when the fault id came before: nothing changes.

        Raises:
            FaultRefusedError: it names what is not there or cannot be, or there are too many.
        """
        if order.fault_id in self._seen:
            return False
        self._latest = order.fault_id
        found = refusal(order, self._terminals)
        text = None if found is None else f"{found.key}: {found.text}"
        if text is None and len(self._entries) >= FAULTS_MAX:
            text = f"{FAULTS_MAX} faults wait or last already; let some end"
        if text is not None:
            self._refused = f"fault {order.fault_id}: {text}"[:_REFUSED_CHARS]
            raise FaultRefusedError(self._refused)
        self._refused = None
        self._seen.append(order.fault_id)
        self._enter(order).slot.set(after(origin, order.after_s))
        return True

    def note(self, node: str, event: FaultEvent, terminal: int | None = None) -> None:
        """Take notice of an event on a node: faults that wait for it strike at this instant, after what is in hand."""
        for entry in self._entries.values():
            order = entry.order
            if not entry.armed or order.on_event is not event or order.node != node:
                continue
            if None not in (terminal, order.terminal) and terminal != order.terminal:
                continue
            entry.seen += 1
            if entry.seen >= order.nth:
                entry.slot.set(self._kernel.now)

    def active(self, node: str, kind: FaultKind) -> list[FaultOrder]:
        """Return the faults of a kind in force on a node, oldest first; the broker's have an empty node."""
        orders = (self._entries[fault_id].order for fault_id in self._active)
        return [order for order in orders if order.node == node and order.kind is kind]

    def of_node(self, node: str) -> list[FaultOrder]:
        """Return all faults in force on a node, oldest first."""
        orders = (self._entries[fault_id].order for fault_id in self._active)
        return [order for order in orders if order.node == node]

    def cure(self, node: str, unit: str) -> None:
        """End what a reset of a unit cures."""
        for fault_id in list(self._active):
            order = self._entries[fault_id].order
            rule = CATALOGUE[order.kind]
            if order.node == node and (rule.cure == unit or (rule.cure == "itself" and order.unit == unit)):
                self._finish(fault_id)

    def report(self) -> ActiveFaults:
        """Return what is in force, what waits, and the answer to the latest order."""
        active = []
        for fault_id in self._active:
            entry = self._entries[fault_id]
            assert entry.since is not None
            active.append(FaultInForce(order=entry.order, since=entry.since, until=entry.until, strikes=entry.strikes))
        waiting = tuple(entry.order for entry in self._entries.values() if entry.since is None)
        return ActiveFaults(
            at=self._kernel.now, active=tuple(active), waiting=waiting, latest=self._latest, refused=self._refused
        )

    def dump(self) -> dict[str, object]:
        """Return the state as plain values."""
        entries = [
            {
                "order": entry.order.model_dump(mode="json"),
                "armed": entry.armed,
                "seen": entry.seen,
                "strikes": entry.strikes,
                "since": entry.since,
                "until": entry.until,
                "due": entry.slot.due,
            }
            for entry in self._entries.values()
        ]
        return {"entries": entries, "order": list(self._active), "seen": list(self._seen)}

    def restore(self, state: dict[str, object]) -> None:
        """Take a dumped state.

        Raises:
            KeyError, TypeError, ValueError: it is not one of this fleet.
        """
        entries, active, seen = state["entries"], state["order"], state["seen"]
        if not isinstance(entries, list) or not isinstance(active, list) or not isinstance(seen, list):
            raise TypeError("faults are not lists")
        for row in entries:
            order = FaultOrder.model_validate(row["order"])
            found = refusal(order, self._terminals)
            if found is not None:
                raise ValueError(f"fault {order.fault_id}: {found.key}: {found.text}")
            entry = self._enter(order)
            entry.armed, entry.seen, entry.strikes = row["armed"] is True, int(row["seen"]), int(row["strikes"])
            entry.since, entry.until = _instant(row["since"]), _instant(row["until"])
            entry.slot.set(_instant(row["due"]))
        self._active = [str(fault_id) for fault_id in active if self._entries[str(fault_id)].since is not None]
        self._seen.extend(str(fault_id) for fault_id in seen if str(fault_id) not in self._seen)

    # --- the life of a fault: waits for its time, is armed, is in force, is armed again or over ---

    def _enter(self, order: FaultOrder) -> _Entry:
        slot = self._kernel.slot(lambda: self._turn(order.fault_id), PHYSICS)
        entry = self._entries[order.fault_id] = _Entry(order, slot)
        return entry

    def _turn(self, fault_id: str) -> None:
        entry = self._entries[fault_id]
        chance = entry.order.on_event is not None or entry.order.rate_per_day is not None
        if entry.since is not None:
            self._finish(fault_id)
        elif chance and not entry.armed:
            self._arm(entry)
        else:
            self._strike(entry)

    def _arm(self, entry: _Entry) -> None:
        entry.armed = True
        rate_per_day = entry.order.rate_per_day
        if rate_per_day is not None:
            # What comes while the fault lasts changes nothing; a Poisson process without memory begins anew after it.
            name = f"fault/{entry.order.target}/{entry.order.fault_id}/{entry.strikes}"
            gap_s = seeds.stream(self._seed, name).expovariate(rate_per_day / _DAY_S)
            entry.slot.set(after(self._kernel.now, gap_s))

    def _strike(self, entry: _Entry) -> None:
        order = entry.order
        entry.strikes += 1
        entry.armed = False
        if CATALOGUE[order.kind].instant:
            self._go_on(entry)
            self._on_strike(order)
        else:
            entry.since = self._kernel.now
            entry.until = None if order.duration_s is None else after(entry.since, order.duration_s)
            self._active.append(order.fault_id)
            entry.slot.set(entry.until)
        self._tell(order.node)

    def _finish(self, fault_id: str) -> None:
        entry = self._entries[fault_id]
        self._active.remove(fault_id)
        entry.since = entry.until = None
        self._go_on(entry)
        self._tell(entry.order.node)

    def _go_on(self, entry: _Entry) -> None:
        """Let a fault that has struck and is over wait for its next time, or go."""
        entry.slot.clear()
        if entry.strikes < entry.order.times:
            self._arm(entry)
        else:
            del self._entries[entry.order.fault_id]

    def _tell(self, node: str) -> None:
        self._on_change(node)
        for callback in self._watchers:
            callback()


def _instant(value: object) -> MissionTime | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{value!r} is not an instant")
    return MissionTime(value)
