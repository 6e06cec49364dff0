"""Where faults and radiation take hold of the hardware: each point is set to what is in force, and struck when told."""

from collections.abc import Callable
from dataclasses import replace

from hwsim.craft import Craft
from hwsim.faults import FaultBoard
from hwsim.lasers import Lasers
from hwsim.network import SpacePath
from hwsim.radiation import Strike
from hwsim.units.laser_terminal import TerminalKey
from icd.faults import FaultKind, FaultOrder

BLOCKED_DB = 200.0  # what stands before a terminal takes all of its light

_SENSOR_KINDS = (
    FaultKind.SENSOR_LOST,
    FaultKind.SENSOR_STUCK,
    FaultKind.SENSOR_DROP,
    FaultKind.SENSOR_DELAY,
    FaultKind.VALUE_BIAS,
    FaultKind.VALUE_SCALE,
    FaultKind.VALUE_NOISE,
    FaultKind.UNIT_HANG,
)
_GNSS_KINDS = (FaultKind.GNSS_STEP, FaultKind.GNSS_FIX_LOST)


class FaultPoints:
    """Sets one satellite's fault points; `reset_unit` power-cycles a unit of a node."""

    def __init__(
        self, board: FaultBoard, crafts: dict[str, Craft], lasers: Lasers, reset_unit: Callable[[str, str], None]
    ) -> None:
        self._board = board
        self._crafts = crafts
        self._lasers = lasers
        self._reset_unit = reset_unit

    def apply(self, node: str) -> None:
        """Set every point of a node to what faults and radiation now say, and have its units told of."""
        craft = self._crafts[node]
        self._apply_sensors(craft)
        craft.feed.dropping = bool(self._active(node, FaultKind.FRAME_DROP))
        self.apply_module(node)
        vehicle = craft.vehicle
        vehicle.set_array_health(_left(self._active(node, FaultKind.ARRAY_STRING_DEAD)))
        vehicle.set_battery_health(_left(self._active(node, FaultKind.BATTERY_CELL_LOST)))
        vehicle.set_heater(not self._active(node, FaultKind.BATTERY_HEATER_LOST))
        for key in self._lasers.terminals:
            if key.node == node:
                self._apply_terminal(key)
        for name in craft.sensors:
            craft.touch(name)

    def apply_module(self, node: str) -> None:
        """Set what hangs or latches up the compute module of a node."""
        craft = self._crafts[node]
        radiation = craft.radiation
        craft.vehicle.hang(radiation.hung or bool(self._active(node, FaultKind.COMPUTE_HANG)))
        extra_w = sum(order.magnitude or 0.0 for order in self._active(node, FaultKind.COMPUTE_LATCHUP))
        extra_w += craft.latchup_w if radiation.latched else 0.0
        craft.vehicle.set_latchup_w(extra_w)
        craft.touch("compute")
        craft.touch("eps")

    def strike(self, order: FaultOrder) -> None:
        """Do what happens at once."""
        craft = self._crafts[order.node]
        match order.kind:
            case FaultKind.COMPUTE_RESET:
                self._reset_unit(order.node, "compute")
            case FaultKind.MEMORY_ERROR:
                craft.radiation.strike(Strike.UNCORRECTABLE)
            case FaultKind.WATCHDOG_BITE:
                craft.watchdog.bite()
            case FaultKind.BROWN_OUT:
                craft.vehicle.brown_out()
                craft.touch("eps")
                craft.touch("compute")
            case _:
                raise AssertionError(f"{order.kind} does not happen at once")

    def power_cycled(self, node: str, unit: str) -> None:
        """End what a power cycle of a unit ends."""
        if unit == "compute":
            self._crafts[node].radiation.power_cycle()
        self._board.cure(node, unit)
        if unit == "compute":
            self.apply_module(node)

    def hangs(self, node: str, unit: str) -> bool:
        """Return whether a unit takes no order; `terminal0` and so on for one terminal."""
        orders = self._active(node, FaultKind.UNIT_HANG)
        return any(unit == order.unit or _names(order, unit) for order in orders)

    def cut(self) -> list[str]:
        """Return the nodes whose space link is cut."""
        return [node for node in self._crafts if self._active(node, FaultKind.LINK_CUT)]

    def spoil(self, node: str, path: SpacePath) -> SpacePath:
        """Return what the faults leave of a node's path to the ground."""
        active = self._active
        rates_bps = [order.magnitude or 0.0 for order in active(node, FaultKind.LINK_RATE)]
        return replace(
            path,
            delay_s=path.delay_s + sum(order.magnitude or 0.0 for order in active(node, FaultKind.LINK_DELAY)),
            rate_bps=min(path.rate_bps, *rates_bps) if rates_bps else path.rate_bps,
            loss_frac=1.0 - _left(active(node, FaultKind.LINK_LOSS)),
            copy_frac=1.0 - _left(active(node, FaultKind.LINK_COPY)),
        )

    def _active(self, node: str, kind: FaultKind) -> list[FaultOrder]:
        return self._board.active(node, kind)

    def _apply_sensors(self, craft: Craft) -> None:
        hit: dict[str, list[FaultOrder]] = {name: [] for name in craft.sensors}
        for order in self._board.of_node(craft.node):
            if order.kind in _GNSS_KINDS:
                hit["gnss"].append(order)
            elif order.kind in _SENSOR_KINDS:
                for name in craft.sensors_of(order.unit, order.terminal):
                    hit[name].append(order)
        for name, orders in hit.items():
            craft.sensors[name].set_faults(tuple(orders))

    def _apply_terminal(self, key: TerminalKey) -> None:
        stuck = [order.terminal == key.index for order in self._active(key.node, FaultKind.TERMINAL_STUCK)]
        self._lasers.hold(key, any(stuck) or self.hangs(key.node, f"terminal{key.index}"))
        weak = [o.magnitude or 0.0 for o in self._active(key.node, FaultKind.TERMINAL_WEAK) if o.terminal == key.index]
        blocked = [order.terminal == key.index for order in self._active(key.node, FaultKind.LASER_BLOCKED)]
        self._lasers.weaken(key, sum(weak) + (BLOCKED_DB if any(blocked) else 0.0))


def _names(order: FaultOrder, terminal: str) -> bool:
    """Return whether a fault is of one terminal, or of all."""
    every = order.unit == "terminal" and order.terminal is None and terminal.startswith("terminal")
    return every or terminal == f"{order.unit}{order.terminal}"


def _left(orders: list[FaultOrder]) -> float:
    left = 1.0
    for order in orders:
        left *= 1.0 - (order.magnitude or 0.0)
    return left
