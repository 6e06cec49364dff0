"""The simulator put together: a synchronous core that any loop can host, real or virtual."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from hwsim.channel import Channels
from hwsim.config import HwsimConfig
from hwsim.craft import CraftMake
from hwsim.errors import FaultRefusedError, OrderRefusedError
from hwsim.kernel import Driver, Kernel
from hwsim.snapshot import Snapshot
from hwsim.world import Outputs, World
from icd import topics
from icd.codec import DecodeError, decode, encode
from icd.faults import FaultOrder
from icd.hw import DeviceCommand, DeviceFrame
from icd.timebase import MissionTime, TimeAuthority, to_iso
from runtime.clock import MissionClock
from runtime.link import Link
from runtime.timers import Timers

SUBSCRIPTIONS: tuple[str, ...] = ("av/+/cmd", topics.SIM_FAULT)

LOG_EVERY = 100  # of rejected or refused messages, one is logged: garbage must not fill the disk

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Host:
    """What the simulator stands on: the mission clock, timers, its link to the broker, and the carriers."""

    clock: MissionClock
    timers: Timers
    link: Link
    channels: Channels


@dataclass(slots=True)
class Counters:
    """What the simulator has taken and turned away since its start."""

    orders: int = 0
    rejected: int = 0  # bytes that are no message of the topic
    refused: int = 0  # orders to hardware and faults that cannot be carried out


def authority_of(config: HwsimConfig, snapshot: Snapshot | None, now_unix_ns: int) -> TimeAuthority:
    """Return the time authority of a run.

    A snapshot of the same session keeps its anchor: mission time went on while the simulator was away. A snapshot of
    another session lets mission time go on from where it stood. Without one, mission time starts at the fleet's epoch.
    """
    if snapshot is not None and snapshot.session == config.session:
        epoch, anchor, rate = snapshot.epoch, snapshot.anchor_unix_ns, snapshot.rate
    elif snapshot is not None:
        epoch, anchor, rate = snapshot.at, now_unix_ns, config.rate
    else:
        anchor = now_unix_ns if config.anchor_unix_ns is None else config.anchor_unix_ns
        epoch, rate = MissionTime(config.fleet.epoch), config.rate
    return TimeAuthority(session=config.session, epoch=epoch, anchor_unix_ns=anchor, rate=rate)


class HwSim:
    """The simulator's core. Its host runs the link with `on_message` and `on_state`.

    `on_bite` is told the node whose watchdog bites, once a bite: whoever supervises the node executes the reset.
    """

    def __init__(
        self,
        config: HwsimConfig,
        host: Host,
        authority: TimeAuthority,
        snapshot: Snapshot | None,
        on_bite: Callable[[str], None],
    ) -> None:
        self._config = config
        self._host = host
        self._authority = authority
        self._on_bite = on_bite
        self.counters = Counters()
        start = MissionTime(config.fleet.epoch) if snapshot is None else snapshot.at
        self._kernel = Kernel(start)
        self._driver = Driver(self._kernel, host.clock, host.timers)
        profile = config.fleet.profile.with_terminals(config.terminals)
        make = CraftMake(profile, config.fleet.stations, config.seed, host.clock.rate, dict(config.soc_start_frac))
        outputs = Outputs(self._send, host.channels, self._bitten, self._publish_faults)
        self.world = World(self._kernel, config.fleet.elements, make, outputs)
        if snapshot is not None:
            self.world.restore(snapshot.world)

    def start(self) -> None:
        """Publish the time, catch up with the clock in silence, and go."""
        for order in self._config.faults:
            self._take_fault(order, MissionTime(self._config.fleet.epoch))
        self._driver.advance()
        self._publish_time()
        self.world.begin()
        self._driver.advance()
        self._driver.rearm()

    def stop(self) -> None:
        """Stand still; the world can still be snapped."""
        self._driver.stop()

    def on_state(self, up: bool) -> None:
        """Tell a broker that has just come up what it must know."""
        if up:
            self._publish_time()
            self._publish_faults()

    def on_message(self, topic: str, payload: bytes) -> None:
        """Take an order to the hardware, or to break it. Bytes that are neither are counted and left."""
        self._driver.advance()
        try:
            if topic == topics.SIM_FAULT:
                if self._take_fault(decode(payload, FaultOrder), self._kernel.now):
                    self._driver.advance()  # so that the answer tells of a fault that begins at once
                    self._publish_faults()
            else:
                self._take_command(topic, payload)
        except DecodeError as error:
            self.counters.rejected += 1
            if self.counters.rejected % LOG_EVERY == 1:
                _LOG.warning("message %d that is rejected, on %s: %s", self.counters.rejected, topic[:120], error)
        self._driver.advance()
        self._driver.rearm()

    def snapshot(self) -> Snapshot:
        """Return the world as it is now."""
        self._driver.advance()
        authority = self._authority
        return Snapshot(
            session=authority.session,
            epoch=MissionTime(authority.epoch),
            anchor_unix_ns=authority.anchor_unix_ns,
            rate=authority.rate,
            at=self._kernel.now,
            world=self.world.dump(),
        )

    def _take_command(self, topic: str, payload: bytes) -> None:
        parsed = topics.parse(topic)
        command = decode(payload, DeviceCommand)
        if parsed is None or parsed.channel != "cmd" or parsed.node != command.node:
            raise DecodeError(f"a command to {command.node} does not belong there")
        try:
            self.world.order(command)
            self.counters.orders += 1
        except OrderRefusedError as error:
            self.counters.refused += 1
            if self.counters.refused % LOG_EVERY == 1:
                _LOG.warning("order %s of %s is refused: %s", command.request_id, command.node, error)

    def _take_fault(self, order: FaultOrder, origin: MissionTime) -> bool:
        """Take a fault order; False when it is a copy, to which no answer is due."""
        try:
            return self.world.add_fault(order, origin)
        except FaultRefusedError as error:
            self.counters.refused += 1
            _LOG.warning("%s", error)
            return True

    def _send(self, frame: DeviceFrame) -> None:
        self._host.link.publish(topics.avionics(frame.node, "frame"), encode(frame))

    def _publish_time(self) -> None:
        self._host.link.publish(topics.SIM_TIME, encode(self._authority), qos=1, retain=True)

    def _publish_faults(self) -> None:
        self._host.link.publish(topics.SIM_FAULTS, encode(self.world.faults.report()), qos=1, retain=True)

    def _bitten(self, node: str) -> None:
        _LOG.warning("the watchdog of %s bites at %s", node, to_iso(self._kernel.now))
        self._on_bite(node)
