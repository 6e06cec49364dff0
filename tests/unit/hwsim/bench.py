"""The simulator on a table: the first mission's fleet, a link and channels that record, a clock set by hand."""

import asyncio
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from astro import elements
from hwsim.build import Host, HwSim, authority_of
from hwsim.config import HwsimConfig
from hwsim.network import LaserPath, SpacePath
from hwsim.snapshot import Snapshot
from hwsim.units.laser_terminal import TerminalKey
from icd import codec, topics
from icd.fault_catalogue import CATALOGUE
from icd.faults import ActiveFaults, FaultKind, FaultOrder
from icd.hw import DeviceCommand, DeviceFrame, DeviceOrder, Reading
from icd.params import BrokerAccess, ElementSet, Fleet, Station
from icd.timebase import MissionTime, after, from_iso
from icd.vehicle import VehicleProfile
from runtime.clock import ManualClock
from runtime.link import LinkCounters, OnMessage, OnState
from runtime.timers import TimerHandle

MISSIONS = Path(__file__).parents[3] / "missions"
EPOCH = from_iso("2026-08-22T18:29:30Z")
NODES = ("node-1", "node-2", "node-3", "node-4")
RATE = 60.0


def profile(name: str = "v3node") -> VehicleProfile:
    return VehicleProfile.model_validate(tomllib.loads((MISSIONS / f"profiles/{name}.toml").read_text()))


def fleet() -> Fleet:
    found, left_out = elements.load((MISSIONS / "elements/first-light.tle").read_text())
    assert not left_out
    # Two stations of the tests' own, so that the mission may choose its dozen as it likes.
    stations = (
        Station(name="fucino", place="Italy", latitude_deg=41.98, longitude_deg=13.60, altitude_km=0.65, mask_deg=10.0),
        Station(
            name="gough",
            place="South Atlantic",
            latitude_deg=-40.35,
            longitude_deg=-9.88,
            altitude_km=0.05,
            mask_deg=10.0,
        ),
    )
    return Fleet(
        mission="first-light",
        epoch=EPOCH,
        profile=profile(),
        elements=tuple(
            ElementSet(node=node, name=satellite.name, line1=satellite.line1, line2=satellite.line2)
            for node, satellite in zip(NODES, found, strict=True)
        ),
        stations=stations,
    )


def config(**changes: object) -> HwsimConfig:
    base = HwsimConfig(
        fleet=fleet(),
        seed=7,
        session="s1",
        rate=RATE,
        anchor_unix_ns=None,
        terminals=2,
        broker=BrokerAccess(host="127.0.0.1", port=1883, username="hwsim", password_file="none"),
        bind_host="127.0.0.1",
        space_ports=dict.fromkeys(NODES, 0),
        laser_port=0,
        laser_tokens_file="none",
        snapshot_file=None,
        soc_start_frac=dict.fromkeys(NODES, 0.8),
        faults=(),
    )
    return base.model_copy(update=changes)


def with_lasers(**changes: object) -> HwsimConfig:
    """Return the configuration of a fleet whose terminals differ from the class's."""
    whole = fleet()
    lasers = whole.profile.lasers.model_copy(update=changes)
    return config(fleet=whole.model_copy(update={"profile": whole.profile.model_copy(update={"lasers": lasers})}))


@dataclass
class RecordingLink:
    """A link that keeps what is published."""

    sent: list[tuple[str, bytes]] = field(default_factory=list)
    connected: bool = True

    @property
    def counters(self) -> LinkCounters:
        return LinkCounters(len(self.sent), 0, 0, 1)

    def publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> bool:
        self.sent.append((topic, payload))
        return True

    async def run(self, on_message: OnMessage, on_state: OnState) -> None:
        await asyncio.get_running_loop().create_future()


@dataclass
class RecordingChannels:
    """Channels that keep what they are told."""

    spaces: dict[str, SpacePath | None] = field(default_factory=dict)
    lasers: dict[tuple[TerminalKey, TerminalKey], LaserPath] = field(default_factory=dict)
    calls: list[tuple[object, ...]] = field(default_factory=list)

    def set_space(self, node: str, path: SpacePath | None) -> None:
        self.spaces[node] = path
        self.calls.append((node, path is not None))

    def set_laser(self, a: TerminalKey, b: TerminalKey, path: LaserPath | None) -> None:
        self.calls.append((a, b, path is not None))
        if path is None:
            del self.lasers[a, b]
        else:
            self.lasers[a, b] = path


class HandTimers:
    """Timers that never fire: the table moves the simulator itself."""

    def at(self, when: MissionTime, callback: Callable[[], None]) -> TimerHandle:
        return _Handle()

    def after_s(self, delay_s: float, callback: Callable[[], None]) -> TimerHandle:
        return _Handle()

    def after_wall_s(self, delay_s: float, callback: Callable[[], None]) -> TimerHandle:
        return _Handle()


class _Handle:
    def cancel(self) -> None:
        pass


class Table:
    """One simulator with everything around it."""

    def __init__(
        self, settings: HwsimConfig | None = None, snapshot: Snapshot | None = None, late_s: float = 0.0
    ) -> None:
        self.config = settings or config()
        self.link, self.channels = RecordingLink(), RecordingChannels()
        self.bites: list[str] = []
        authority = authority_of(self.config, snapshot, 0)
        start = snapshot.at if snapshot else MissionTime(self.config.fleet.epoch)
        self.clock = ManualClock(after(start, late_s), RATE)
        host = Host(self.clock, HandTimers(), self.link, self.channels)
        self.sim = HwSim(self.config, host, authority, snapshot, self.bites.append)
        self.sim.start()
        self._requests = 0

    def fly(self, span_s: float) -> None:
        self.clock.set(after(self.clock.now(), span_s))
        self.sim.snapshot()

    def order(self, node: str, order: DeviceOrder, request_id: str = "") -> None:
        self._requests += 1
        command = DeviceCommand(node=node, request_id=request_id or f"r{self._requests}", order=order)
        self.sim.on_message(topics.avionics(node, "cmd"), codec.encode(command))

    def fault(self, kind: FaultKind, node: str = "node-1", **fields: object) -> None:
        """Order a fault over the bus; one that lasts does so for 300 s unless told otherwise."""
        base: dict[str, object] = {"fault_id": f"f-{kind.value.lower().replace('_', '-')}", "kind": kind}
        if CATALOGUE[kind].node:
            base["node"] = node
        if not CATALOGUE[kind].instant:
            base["duration_s"] = 300.0
        self.sim.on_message(topics.SIM_FAULT, codec.encode(FaultOrder.model_validate(base | fields)))

    def frames(self, node: str = "node-1") -> list[DeviceFrame]:
        topic = topics.avionics(node, "frame")
        return [codec.decode(payload, DeviceFrame) for sent, payload in self.link.sent if sent == topic]

    def last(self, key: str, node: str = "node-1") -> Reading:
        """Return the newest reading of a unit: `eps`, `terminal0` and so on."""
        for frame in reversed(self.frames(node)):
            for reading in frame.readings:
                if reading.unit + (str(reading.terminal) if reading.unit == "terminal" else "") == key:
                    return reading
        raise AssertionError(f"{node} never told of {key}")

    def active(self) -> ActiveFaults:
        return [codec.decode(p, ActiveFaults) for topic, p in self.link.sent if topic == topics.SIM_FAULTS][-1]
