"""The world: every satellite, the lasers between them, their ways to the ground, and the faults that befall them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

from astro.orbit import Ephemeris
from hwsim import network
from hwsim.channel import Channels
from hwsim.craft import Craft, CraftMake, Hooks
from hwsim.errors import HwsimError, OrderRefusedError, SnapshotError
from hwsim.fault_points import FaultPoints
from hwsim.faults import FaultBoard
from hwsim.kernel import LINKS, Kernel
from hwsim.lasers import Lasers
from hwsim.network import LaserPath, SpacePath
from hwsim.units.laser_terminal import LaserTerminal, TerminalKey
from icd import hw
from icd.faults import FaultEvent, FaultOrder
from icd.hw import DeviceCommand, DeviceFrame, PatState
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
        hooks = Hooks(outputs.send, outputs.on_bite, self._relink, self._on_event, self._on_strike)
        self.crafts = {
            node: Craft(kernel, node, ephemeris, make, self._terminals_of(node), hooks)
            for node, ephemeris in ephemerides.items()
        }
        counts = dict.fromkeys(ephemerides, make.profile.lasers.terminals)
        self.faults = FaultBoard(kernel, counts, make.seed, self._on_faults, self._on_fault_strike)
        self._points = FaultPoints(self.faults, self.crafts, self.lasers, self._power_cycle)
        self._tracking: dict[TerminalKey, bool] = dict.fromkeys(self.lasers.terminals, False)
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
                self._listens(command.node, f"terminal{order.terminal}")
                peer = TerminalKey(order.peer, order.peer_terminal)
                self.lasers.point(TerminalKey(command.node, order.terminal), peer, command.request_id)
            case hw.TerminalStop() as order:
                self._listens(command.node, f"terminal{order.terminal}")
                self.lasers.stop(TerminalKey(command.node, order.terminal))
            case hw.WatchdogServe():
                craft.watchdog.serve()
            case hw.UnitReset() as order:
                self._reset(craft, order.unit)
            case hw.EpsSetProfile() as order:
                self._listens(command.node, "eps")
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
                "radiation": craft.radiation.dump(),
                "sensors": {name: kept for name, sensor in craft.sensors.items() if (kept := sensor.dump())},
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
            craft.radiation.restore(crafts[node]["radiation"])
            for name, kept in crafts[node]["sensors"].items():
                craft.sensors[name].restore(kept)
            if crafts[node]["armed"] is True:
                self._armed.append(node)
        self.lasers.restore(lasers)
        self.faults.restore(faults)
        for node in self.crafts:
            self._points.apply(node)
            self._feed_terminals(node)
        self._tracking = {key: one.state is PatState.TRACK for key, one in self.lasers.terminals.items()}
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
                was_on = craft.vehicle.compute.powered
                module.power(order.on)
                if order.on is not was_on:
                    self._points.power_cycled(craft.node, "compute")
            case _:
                assert_never(order)
        craft.touch("compute")
        craft.touch("eps")

    def _reset(self, craft: Craft, unit: str) -> None:
        if unit not in hw.UNITS:
            raise OrderRefusedError(f"{craft.node} has no unit {unit!r}; there are {', '.join(hw.UNITS)}")
        self._power_cycle(craft.node, unit)

    def _power_cycle(self, node: str, unit: str) -> None:
        craft = self.crafts[node]
        if unit == "compute":
            craft.compute.reset()
            craft.touch("eps")
        elif unit == "eps":
            craft.eps.reset()
        elif unit == "terminal":
            self.lasers.reset(node)
        self._points.power_cycled(node, unit)
        if unit != "terminal":
            craft.touch(unit)

    def _listens(self, node: str, unit: str) -> None:
        if self._points.hangs(node, unit):
            raise OrderRefusedError(f"{unit} of {node} hangs: it takes no order until it is reset")

    # --- what faults wait for, and what they and radiation do ---

    def _on_event(self, node: str, event: FaultEvent) -> None:
        self.faults.note(node, event)

    def _on_terminal(self, key: TerminalKey) -> None:
        self.crafts[key.node].touch(f"terminal{key.index}")
        tracks = self.lasers.terminals[key].state is PatState.TRACK
        if tracks is not self._tracking[key]:
            self._tracking[key] = tracks
            event = FaultEvent.LASER_LOCKED if tracks else FaultEvent.LASER_LOST
            self.faults.note(key.node, event, key.index)
        self._feed_terminals(key.node)

    def _feed_terminals(self, node: str) -> None:
        """Let the bus carry what the terminals of a node draw now."""
        power_w = self.lasers.power_w(node)
        if power_w != self._fed_w.get(node):
            self._fed_w[node] = power_w
            self.crafts[node].vehicle.set_terminals_w(power_w)
            self.crafts[node].touch("eps")

    def _on_strike(self, node: str) -> None:
        self._points.apply_module(node)

    def _on_fault_strike(self, order: FaultOrder) -> None:
        self._points.strike(order)

    def _on_faults(self, node: str) -> None:
        if node:
            self._points.apply(node)
            self._relink()
        if self._live:
            self._outputs.on_faults()

    def _refresh(self) -> None:
        self._refresh_slot.set(after(self._kernel.now, REFRESH_S))
        self._relink()

    def _relink(self) -> None:
        """Tell the carriers what changed of the paths to ground and of the locks."""
        if not self._live:
            return
        locks = self.lasers.locks()
        cut = self._points.cut()
        gateways = {}
        for node, craft in self.crafts.items():
            gateway = None if node in cut else craft.contacts.nearest(self._make.profile.radio.downlink_bps)
            if gateway is not None:
                gateways[node] = gateway
        lasers = [(lock.a.node, lock.b.node, LaserPath(lock.delay_s, lock.rate_bps)) for lock in locks]
        found = network.paths(tuple(self.crafts), gateways, lasers)
        for node, path in found.items():
            path = None if node in cut or path is None else self._points.spoil(node, path)
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

    def add_fault(self, order: FaultOrder, origin: MissionTime) -> bool:
        """Take a fault order whose time counts from `origin`; False when its id came before.

        Raises:
            FaultRefusedError: it names what is not there.
        """
        return self.faults.order(order, origin)


def _differs(path: SpacePath | LaserPath | None, before: SpacePath | LaserPath | None) -> bool:
    if path is None or before is None:
        return path is not before
    if isinstance(path, SpacePath) and isinstance(before, SpacePath):
        spoilt = (path.loss_frac, path.copy_frac) != (before.loss_frac, before.copy_frac)
    else:
        spoilt = False
    return spoilt or path.rate_bps != before.rate_bps or abs(path.delay_s - before.delay_s) > DELAY_STEP_S
