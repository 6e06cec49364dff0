"""The world: every satellite, the lasers between them, their ways to the ground, and the faults that befall them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

from astro.orbit import Ephemeris
from hwsim import network
from hwsim.channel import Channels
from hwsim.craft import Craft, CraftMake, Hooks
from hwsim.errors import HwsimError, OrderRefusedError, SnapshotError
from hwsim.faults import FaultBoard
from hwsim.kernel import LINKS, Kernel
from hwsim.lasers import Lasers
from hwsim.network import LaserPath, SpacePath
from hwsim.units.laser_terminal import LaserTerminal, TerminalKey
from icd import hw
from icd.hw import DeviceCommand, DeviceFrame, FaultKind, FaultOrder
from icd.params import ElementSet
from icd.timebase import MissionTime, after

REFRESH_S = 60.0  # mission time between two looks at delays, which drift with the geometry
DELAY_STEP_S = 1e-4  # a smaller change of delay is not told


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where the world speaks: frames, the carriers of connections, bites of watchdogs, changes of the faults."""

    send: Callable[[DeviceFrame], None]
    channels: Channels
    on_bite: Callable[[str], None]
    on_faults: Callable[[], None]


class World:
    """All satellites of a fleet at one instant, moved on by the kernel."""

    def __init__(self, kernel: Kernel, elements: tuple[ElementSet, ...], make: CraftMake, outputs: Outputs) -> None:
        self._kernel = kernel
        self._make = make
        self._outputs = outputs
        ephemerides = {element.node: Ephemeris(element.line1, element.line2) for element in elements}
        self.lasers = Lasers(kernel, make.profile.lasers, ephemerides, make.seed, self._on_terminal, self._relink)
        hooks = Hooks(outputs.send, outputs.on_bite, self._relink)
        self.crafts = {
            node: Craft(kernel, node, ephemeris, make, self._terminals_of(node), hooks)
            for node, ephemeris in ephemerides.items()
        }
        counts = dict.fromkeys(ephemerides, make.profile.lasers.terminals)
        self.faults = FaultBoard(kernel, counts, self._on_faults)
        self._refresh_slot = kernel.slot(self._refresh, LINKS)
        self._spaces: dict[str, SpacePath | None] = dict.fromkeys(ephemerides)
        self._joined: dict[tuple[TerminalKey, TerminalKey], LaserPath] = {}
        self._fed_w: dict[str, float] = {}  # what each node's terminals were last said to draw
        self._armed: list[str] = []
        self._live = False
        for node, craft in self.crafts.items():
            self._feed_terminals(node)
            craft.vehicle.predict()
            craft.contacts.begin()

    @property
    def spaces(self) -> dict[str, SpacePath | None]:
        """Each node's path to the ground."""
        return dict(self._spaces)

    def begin(self) -> None:
        """Speak from now on: frames, paths and faults. Before this, a restored world catches up in silence."""
        self._live = True
        for node in self.crafts:  # a carrier may think a path is there until it is told
            self._outputs.channels.set_space(node, None)
        for node in self._armed:
            self.crafts[node].watchdog.serve()
        self._armed = []
        for craft in self.crafts.values():
            craft.feed.begin()
        self._refresh()
        self._outputs.on_faults()

    def order(self, command: DeviceCommand) -> None:
        """Carry out one order to the hardware.

        Raises:
            OrderRefusedError: it names what is not there, or the unit does not take it now.
        """
        craft = self.crafts.get(command.node)
        if craft is None:
            raise OrderRefusedError(f"no node {command.node!r}")
        match command.order:
            case hw.TerminalPoint() as order:
                peer = TerminalKey(order.peer, order.peer_terminal)
                self.lasers.point(TerminalKey(command.node, order.terminal), peer, command.request_id)
            case hw.TerminalStop() as order:
                self.lasers.stop(TerminalKey(command.node, order.terminal))
            case hw.WatchdogServe():
                craft.watchdog.serve()
            case hw.UnitReset() as order:
                self._reset(craft, order.unit)
            case hw.EpsSetProfile() as order:
                craft.eps.set_profile(order.profile)
                craft.touch("eps")
            case order:
                self._order_compute(craft, order)

    def dump(self) -> dict[str, object]:
        """Return the state of everything as plain values."""
        crafts = {}
        for node, craft in self.crafts.items():
            craft.vehicle.settle()
            crafts[node] = {
                "vehicle": craft.vehicle.dump(),
                "bites": craft.watchdog.bites,
                "armed": craft.watchdog.due is not None,
                "counter": craft.feed.counter,
            }
        return {"crafts": crafts, "lasers": self.lasers.dump(), "faults": self.faults.dump()}

    def restore(self, state: dict[str, object]) -> None:
        """Take a dumped state; before `begin`.

        Raises:
            SnapshotError: it is not one of this fleet.
        """
        try:
            self._restore(state)
        except (KeyError, TypeError, ValueError, IndexError, HwsimError) as error:
            raise SnapshotError(f"the snapshot is not of this fleet: {type(error).__name__} {error}") from error

    def _restore(self, state: dict[str, object]) -> None:
        crafts, lasers, faults = state["crafts"], state["lasers"], state["faults"]
        if not isinstance(crafts, dict) or not isinstance(lasers, dict) or not isinstance(faults, dict):
            raise TypeError("crafts, lasers and faults have the wrong shape")
        if sorted(crafts) != sorted(self.crafts):
            raise ValueError(f"nodes {', '.join(crafts)}")
        for node, craft in self.crafts.items():
            craft.vehicle.restore(crafts[node]["vehicle"])
            self._fed_w.clear()
            craft.watchdog.bites = int(crafts[node]["bites"])
            craft.feed.counter = int(crafts[node]["counter"])
            if crafts[node]["armed"] is True:
                self._armed.append(node)
        self.lasers.restore(lasers)
        self.faults.restore(faults)
        for node in self.crafts:
            self._apply_faults(node)
            self._feed_terminals(node)
        self.lasers.resume()

    def _order_compute(
        self,
        craft: Craft,
        order: hw.ComputeAllocate | hw.ComputeRelease | hw.ComputeReleaseAll | hw.ComputeSetCap | hw.ComputePower,
    ) -> None:
        module = craft.compute
        match order:
            case hw.ComputeAllocate():
                module.allocate(order.job_id, order.power_w)
            case hw.ComputeRelease():
                module.release(order.job_id)
            case hw.ComputeReleaseAll():
                module.release_all()
            case hw.ComputeSetCap():
                module.set_cap(order.cap_w)
            case hw.ComputePower():
                module.power(order.on)
            case _:
                assert_never(order)
        craft.touch("compute")
        craft.touch("eps")

    def _reset(self, craft: Craft, unit: str) -> None:
        if unit == "compute":
            self.faults.end(craft.node, FaultKind.COMPUTE_HANG)
            craft.compute.reset()
            craft.touch("eps")
        elif unit == "eps":
            craft.eps.reset()
        elif unit == "terminal":
            self.lasers.reset(craft.node)
        elif unit not in hw.UNITS:
            raise OrderRefusedError(f"{craft.node} has no unit {unit!r}; there are {', '.join(hw.UNITS)}")
        if unit != "terminal":
            craft.touch(unit)

    def _on_terminal(self, key: TerminalKey) -> None:
        self.crafts[key.node].touch(f"terminal{key.index}")
        self._feed_terminals(key.node)

    def _feed_terminals(self, node: str) -> None:
        """Let the bus carry what the terminals of a node draw now."""
        power_w = self.lasers.power_w(node)
        if power_w != self._fed_w.get(node):
            self._fed_w[node] = power_w
            self.crafts[node].vehicle.set_terminals_w(power_w)
            self.crafts[node].touch("eps")

    def _on_faults(self, node: str) -> None:
        self._apply_faults(node)
        if self._live:
            self._outputs.on_faults()

    def _apply_faults(self, node: str) -> None:
        """Set every fault point of a node to what the faults now in force say."""
        craft, active = self.crafts[node], self.faults.active
        for kind in (FaultKind.SENSOR_LOST, FaultKind.SENSOR_STUCK):
            hit = [id(s) for order in active(node, kind) for s in craft.sensors_of(order.unit, order.terminal)]
            for sensor in craft.sensors.values():
                setattr(sensor, "lost" if kind is FaultKind.SENSOR_LOST else "stuck", id(sensor) in hit)
        craft.feed.dropping = bool(active(node, FaultKind.FRAME_DROP))
        craft.compute.hang(bool(active(node, FaultKind.COMPUTE_HANG)))
        craft.vehicle.set_array_health(_left(active(node, FaultKind.ARRAY_STRING_DEAD)))
        craft.vehicle.set_battery_health(_left(active(node, FaultKind.BATTERY_CELL_LOST)))
        stuck = {order.terminal for order in active(node, FaultKind.TERMINAL_STUCK)}
        for index in range(self._make.profile.lasers.terminals):
            self.lasers.hold(TerminalKey(node, index), index in stuck)
        for key in craft.sensors:
            craft.touch(key)
        self._relink()

    def _refresh(self) -> None:
        self._refresh_slot.set(after(self._kernel.now, REFRESH_S))
        self._relink()

    def _relink(self) -> None:
        """Tell the carriers what changed of the paths to ground and of the locks."""
        if not self._live:
            return
        locks = self.lasers.locks()
        cut = [node for node in self.crafts if self.faults.active(node, FaultKind.LINK_CUT)]
        gateways = {}
        for node, craft in self.crafts.items():
            gateway = None if node in cut else craft.contacts.nearest(self._make.profile.radio.downlink_bps)
            if gateway is not None:
                gateways[node] = gateway
        lasers = [(lock.a.node, lock.b.node, LaserPath(lock.delay_s, lock.rate_bps)) for lock in locks]
        found = network.paths(tuple(self.crafts), gateways, lasers)
        for node, path in found.items():
            path = None if node in cut else path
            if _differs(path, self._spaces[node]):
                self._spaces[node] = path
                self._outputs.channels.set_space(node, path)
        joined = {(lock.a, lock.b): LaserPath(lock.delay_s, lock.rate_bps) for lock in locks}
        for pair in [pair for pair in self._joined if pair not in joined]:
            del self._joined[pair]
            self._outputs.channels.set_laser(*pair, None)
        for pair, laser in joined.items():
            if _differs(laser, self._joined.get(pair)):
                self._joined[pair] = laser
                self._outputs.channels.set_laser(*pair, laser)

    def _terminals_of(self, node: str) -> tuple[LaserTerminal, ...]:
        return tuple(terminal for key, terminal in self.lasers.terminals.items() if key.node == node)

    def add_fault(self, order: FaultOrder, origin: MissionTime) -> None:
        """Take a fault order whose time counts from `origin`.

        Raises:
            FaultRefusedError: it names what is not there.
        """
        self.faults.order(order, origin)


def _left(orders: list[FaultOrder]) -> float:
    left = 1.0
    for order in orders:
        left *= 1.0 - order.magnitude
    return left


def _differs(path: SpacePath | LaserPath | None, before: SpacePath | LaserPath | None) -> bool:
    if path is None or before is None:
        return path is not before
    return path.rate_bps != before.rate_bps or abs(path.delay_s - before.delay_s) > DELAY_STEP_S
