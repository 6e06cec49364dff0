"""The edges over links in memory: what comes in is checked, what goes out is said again until it is heard."""

import asyncio
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from icd.codec import decode, encode
from icd.events import FieldValue
from icd.hw import (
    ComputeAllocate,
    DeviceCommand,
    DeviceFrame,
    EpsReading,
    GnssReading,
    LoadProfile,
    PatState,
    Quality,
    Reading,
    TerminalReading,
    ThermalReading,
    WatchdogReading,
)
from icd.timebase import MissionTime, after
from node.adapters.avionics import Avionics
from node.adapters.edge import Edge
from node.adapters.isl_ports import LaserIslPorts
from node.adapters.mqtt_space_link import UPLINK_BYTES_MAX, MqttSpaceLink
from node.kernel.bus import BusMessage
from node.messages import (
    AvionicsChanged,
    EpsUpdated,
    IslFrameReceived,
    IslPortChanged,
    LinkChanged,
    TerminalUpdated,
    ThermalUpdated,
    UplinkReceived,
)
from node.ports.devices import ComputeModule, Eps, LaserTerminals, UnitControl, Watchdog
from node.ports.isl import IslPorts
from node.ports.link import SpaceLink
from runtime.laser_hub import MemoryLaserHub
from runtime.memory_broker import MemoryBroker
from runtime.seeds import stream
from runtime.timers import LoopTimers
from runtime.virtual_loop import VirtualClock, run_virtual, virtual_loop
from tests.contract.node_rows import NOW
from tests.unit.node.sky import LINK


@dataclass
class Ears:
    """What an edge said to the node."""

    posted: list[BusMessage] = field(default_factory=list)
    inputs: list[tuple[str, str, bytes]] = field(default_factory=list)
    outputs: list[tuple[str, str, int]] = field(default_factory=list)
    events: list[tuple[str, dict[str, FieldValue]]] = field(default_factory=list)
    full: bool = False

    def edge(self) -> Edge:
        return Edge(
            self._post,
            lambda *what: self.inputs.append(what),
            lambda *what: self.outputs.append(what),
            lambda event_id, **fields: self.events.append((event_id, fields)),
        )

    def of(self, kind: type[BusMessage]) -> list[Any]:
        return [message for message in self.posted if isinstance(message, kind)]

    def _post(self, message: BusMessage) -> bool:
        if not self.full:
            self.posted.append(message)
        return not self.full


class Sky:
    """A broker, a node's link, and whoever is at the other end."""

    def __init__(self, subscriptions: tuple[str, ...]) -> None:
        self.loop = virtual_loop()
        self.clock = VirtualClock(self.loop, NOW)
        self.timers = LoopTimers(self.clock, self.loop)
        self.broker = MemoryBroker(self.timers, stream(1, "broker"))
        self.link = self.broker.link("n1", subscriptions)
        self.other = self.broker.link("other", ("dl/#", "av/+/cmd"))
        self.heard: list[tuple[str, bytes]] = []
        self.ears = Ears()
        self.tasks: list[asyncio.Task[None]] = []

    async def open(self, on_message: Callable[[str, bytes], None], on_state: Callable[[bool], None]) -> None:
        hear = lambda topic, payload: self.heard.append((topic, payload))  # noqa: E731
        self.tasks.append(self.loop.create_task(self.other.run(hear, lambda up: None)))
        self.tasks.append(self.loop.create_task(self.link.run(on_message, on_state)))
        await asyncio.sleep(0.001)


# --- space link ---


def _with_space_link(story: Callable[[Sky, MqttSpaceLink], Any]) -> None:
    async def main() -> None:
        sky = Sky(("ul/n1/+", "ul/n2/tc", "odd"))
        space = MqttSpaceLink("n1", sky.link, sky.ears.edge())
        await sky.open(space.on_message, space.on_state)
        await story(sky, space)

    run_virtual(main())


def test_uplink_bytes_reach_the_bus_by_channel_and_are_recorded_first() -> None:
    async def story(sky: Sky, space: MqttSpaceLink) -> None:
        port: SpaceLink = space
        sky.other.publish("ul/n1/tc", b"command", qos=1)
        sky.other.publish("ul/n1/xfer", b"", qos=1)
        await asyncio.sleep(0.1)

        assert port.up
        assert sky.ears.posted == [LinkChanged(True), UplinkReceived("tc", b"command"), UplinkReceived("xfer", b"")]
        assert sky.ears.inputs[1:] == [("space", "ul/n1/tc", b"command"), ("space", "ul/n1/xfer", b"")]

    _with_space_link(story)


def test_foreign_topics_and_oversize_are_refused_unread() -> None:
    async def story(sky: Sky, space: MqttSpaceLink) -> None:
        for topic, size in (("ul/n2/tc", 5), ("odd", 5), ("ul/n1/tc", UPLINK_BYTES_MAX["tc"] + 1), ("ul/n1/no", 1)):
            sky.other.publish(topic, bytes(size))
        await asyncio.sleep(0.1)

        assert space.counters.rejected == 4
        assert [event for event, _ in sky.ears.events] == ["UPLINK_REJECTED"] * 4
        assert sky.ears.of(UplinkReceived) == []
        assert [source for source, *_ in sky.ears.inputs] == ["space"], "only the link's state was recorded"

    _with_space_link(story)


def test_what_a_full_pipe_refuses_is_counted() -> None:
    async def story(sky: Sky, space: MqttSpaceLink) -> None:
        sky.ears.full = True
        sky.other.publish("ul/n1/ack", b"x")
        await asyncio.sleep(0.1)

        assert space.counters.refused == 1

    _with_space_link(story)


def test_downlink_goes_out_while_the_link_is_up_and_not_otherwise() -> None:
    async def story(sky: Sky, space: MqttSpaceLink) -> None:
        sent = [space.send(channel, channel.encode()) for channel in ("hk", "report", "xfer")]
        await asyncio.sleep(0.1)
        sky.broker.set_path("n1", None)
        await asyncio.sleep(0.1)

        assert sent == [True, True, True]
        assert sky.heard == [("dl/n1/hk", b"hk"), ("dl/n1/report", b"report"), ("dl/n1/xfer", b"xfer")]
        assert [size for *_, size in sky.ears.outputs] == [2, 6, 4]
        assert not space.up
        assert not space.send("hk", b"x")
        assert sky.ears.of(LinkChanged) == [LinkChanged(True), LinkChanged(False)]

    _with_space_link(story)


# --- laser ports ---


def test_laser_frames_pass_between_locked_terminals() -> None:
    async def main() -> None:
        loop = virtual_loop()
        hub = MemoryLaserHub(LoopTimers(VirtualClock(loop, NOW), loop))
        ears, there = Ears(), Ears()
        here = LaserIslPorts([hub.port("n1", 0), hub.port("n1", 1)], ears.edge())
        other = LaserIslPorts([hub.port("n2", 0)], there.edge())
        port: IslPorts = here
        tasks = [loop.create_task(p.run(*here.callbacks(terminal))) for terminal, p in enumerate(here.ports)]
        tasks += [loop.create_task(p.run(*other.callbacks(0))) for p in other.ports]
        await asyncio.sleep(0.1)
        alone = port.send(1, b"hello")
        hub.join(("n1", 1), ("n2", 0), delay_s=0.01)
        await asyncio.sleep(0.1)
        sent = [port.send(1, b"hello"), port.send(0, b"hello"), port.send(7, b"hello"), port.send(1, bytes(10**6))]
        await asyncio.sleep(0.1)
        hub.cut(("n1", 1))
        await asyncio.sleep(0.1)

        assert not alone
        assert sent == [True, False, False, False]
        assert there.of(IslFrameReceived) == [IslFrameReceived(0, b"hello")]
        assert ears.of(IslPortChanged) == [IslPortChanged(1, True), IslPortChanged(1, False)]
        assert len(tasks) == 3

    run_virtual(main())


def test_laser_frames_that_are_too_large_or_too_many_are_counted() -> None:
    ears = Ears()
    ports = LaserIslPorts([cast(Any, None)], ears.edge())
    on_frame, _ = ports.callbacks(0)

    on_frame(bytes(10**6))
    ears.full = True
    on_frame(b"x")

    assert (ports.rejected, ports.refused) == (1, 1)
    assert ears.events[0][0] == "ISL_FRAME_REJECTED"


# --- avionics ---


def eps(soc_frac: float | None = 0.8, solar_w: float | None = 9000.0) -> EpsReading:
    return EpsReading(
        quality=Quality.GOOD,
        soc_frac=soc_frac,
        battery_wh=8000.0,
        solar_w=solar_w,
        load_w=4000.0,
        sunlit_frac=1.0,
        profile=LoadProfile.FULL,
        pack_temp_c=20.0,
        health_frac=1.0,
    )


def terminal(state: PatState | None, request_id: str = "r") -> TerminalReading:
    return TerminalReading(
        quality=Quality.GOOD, terminal=1, state=state, peer="n2", rate_bps=0.0, link=None, request_id=request_id
    )


class Rig(Sky):
    """Hardware in the place of the simulator."""

    def __init__(self) -> None:
        super().__init__(("av/n1/frame",))
        self.avionics = Avionics("n1", 7, self.link, self.clock, self.timers, self.ears.edge())

    def frame(self, counter: int, *readings: Reading, node: str = "n1", at: MissionTime | None = None) -> None:
        content = DeviceFrame(node=node, counter=counter, at=self.clock.now() if at is None else at, readings=readings)
        self.other.publish("av/n1/frame", encode(content))

    def orders(self) -> list[str]:
        return [self.command(payload).order.name for _, payload in self.heard]

    def command(self, payload: bytes) -> DeviceCommand:
        return decode(payload, DeviceCommand)


def _with_rig(story: Callable[[Rig, Avionics], Any]) -> None:
    async def main() -> None:
        rig = Rig()
        await rig.open(rig.avionics.on_message, rig.avionics.on_state)
        rig.avionics.begin()
        await story(rig, rig.avionics)
        rig.avionics.end()

    run_virtual(main())


def test_a_frame_becomes_readings_with_its_time() -> None:
    async def story(rig: Rig, avionics: Avionics) -> None:
        at = rig.clock.now()
        rig.frame(1, eps(), terminal(PatState.TRACK))
        await asyncio.sleep(0.1)

        assert rig.ears.posted == [
            AvionicsChanged(True),
            EpsUpdated(at, eps()),
            TerminalUpdated(at, terminal(PatState.TRACK)),
        ]

    _with_rig(story)


def test_a_reading_out_of_range_turns_lost_and_never_a_number() -> None:
    bad: list[Reading] = [
        eps(solar_w=-5e3),
        eps(solar_w=1e300),
        eps(soc_frac=None),
        ThermalReading(quality=Quality.GOOD, module_temp_c=900.0, loop_temp_c=20.0, radiator_temp_c=20.0),
        terminal(None),
        terminal(PatState.TRACK).model_copy(update={"link": LINK.model_copy(update={"range_km": -1.0})}),
        terminal(PatState.TRACK).model_copy(update={"link": LINK.model_copy(update={"elevation_deg": 100.0})}),
        GnssReading(quality=Quality.GOOD, at=1, position_km=(1e9, 0.0, 0.0), ground_in_view=True),
        WatchdogReading(quality=Quality.GOOD, remaining_s=1e9, bites=0),
    ]

    async def story(rig: Rig, avionics: Avionics) -> None:
        rig.frame(1, *bad)
        await asyncio.sleep(0.1)
        updates = rig.ears.posted[1:]

        assert len(updates) == avionics.counters.implausible == len(bad)
        assert {cast(Any, update).reading.quality for update in updates} == {Quality.LOST}
        assert rig.ears.of(ThermalUpdated)[0].reading.module_temp_c is None
        assert rig.ears.of(TerminalUpdated)[0].reading.terminal == 1
        assert [update.reading.link for update in rig.ears.of(TerminalUpdated)] == [None, None, None]

    _with_rig(story)


def test_bad_frames_are_rejected_and_counted() -> None:
    async def story(rig: Rig, avionics: Avionics) -> None:
        rig.frame(1, eps(), node="n2")
        rig.frame(2, eps(), at=after(NOW, -1000.0))
        rig.frame(3, eps(), at=after(NOW, 1000.0))
        no_number = encode(DeviceFrame(node="n1", counter=4, at=NOW, readings=(eps(solar_w=1.5),)))
        no_number = no_number.replace(struct.pack(">d", 1.5), struct.pack(">d", float("nan")))
        for garbage in (b"", b"\xff" * 50, bytes(20_000), no_number):
            rig.other.publish("av/n1/frame", garbage)
        avionics.on_message("av/n2/frame", b"")
        await asyncio.sleep(0.1)

        assert avionics.counters.rejected == 8
        assert [event for event, _ in rig.ears.events] == ["FRAME_REJECTED"] * 8
        assert rig.ears.posted == []

    _with_rig(story)


def test_copies_are_dropped_and_gaps_are_counted() -> None:
    async def story(rig: Rig, avionics: Avionics) -> None:
        at = rig.clock.now()
        for counter in (1, 1, 2, 1, 5):
            rig.frame(counter, eps(), at=at)
        await asyncio.sleep(0.1)

        assert len(rig.ears.of(EpsUpdated)) == 3
        assert (avionics.counters.copies, avionics.counters.missed) == (2, 2)
        assert rig.ears.events == [("FRAMES_MISSED", {"count": 2})]

    _with_rig(story)


def test_silence_turns_the_avionics_dead_once_and_a_frame_brings_them_back() -> None:
    async def story(rig: Rig, avionics: Avionics) -> None:
        rig.frame(1, eps())
        await asyncio.sleep(119.0)
        alive = rig.ears.of(AvionicsChanged)
        await asyncio.sleep(400.0)
        rig.frame(20, eps())
        await asyncio.sleep(1.0)

        assert alive == [AvionicsChanged(True)]
        assert rig.ears.of(AvionicsChanged) == [AvionicsChanged(True), AvionicsChanged(False), AvionicsChanged(True)]

    _with_rig(story)


def test_hardware_that_never_spoke_is_dead_after_the_same_silence() -> None:
    async def story(rig: Rig, avionics: Avionics) -> None:
        await asyncio.sleep(121.0)

        assert rig.ears.posted == [AvionicsChanged(False)]

    _with_rig(story)


def test_a_lost_link_is_dead_after_a_moment_and_a_short_break_is_nothing() -> None:
    async def story(rig: Rig, avionics: Avionics) -> None:
        rig.frame(1, eps())
        await asyncio.sleep(0.1)
        rig.broker.restart()
        await asyncio.sleep(10.0)
        short = list(rig.ears.of(AvionicsChanged))
        rig.broker.set_path("n1", None)
        await asyncio.sleep(4.0)

        assert short == [AvionicsChanged(True)]
        assert rig.ears.of(AvionicsChanged)[1:] == [AvionicsChanged(False)]

    _with_rig(story)


def test_orders_leave_with_ids_of_this_boot() -> None:
    async def story(rig: Rig, avionics: Avionics) -> None:
        ports: tuple[Eps, ComputeModule, LaserTerminals, Watchdog, UnitControl]
        ports = (avionics, avionics, avionics, avionics, avionics)
        ports[0].set_profile(LoadProfile.REDUCED)
        ports[1].allocate("job-1", 500.0)
        ports[2].point(1, "n2", 0, "isl-9")
        ports[3].serve()
        await asyncio.sleep(0.1)
        commands = [rig.command(payload) for _, payload in rig.heard]

        assert [command.request_id for command in commands] == ["b7-1", "b7-2", "isl-9", "b7-4"]
        assert commands[1].order == ComputeAllocate(job_id="job-1", power_w=500.0)
        assert {topic for topic, _ in rig.heard} == {"av/n1/cmd"}

    _with_rig(story)


def _want_everything(avionics: Avionics) -> None:
    avionics.release_all()
    avionics.set_profile(LoadProfile.REDUCED)
    avionics.set_profile(LoadProfile.FULL)
    avionics.set_cap(2000.0)
    avionics.set_power(True)
    avionics.allocate("job-1", 500.0)
    avionics.allocate("job-2", 500.0)
    avionics.release("job-1")
    avionics.point(1, "n2", 0, "isl-1")
    avionics.stop(0)
    avionics.serve()


WANTED = ["eps_set_profile", "compute_power", "compute_set_cap", "compute_release_all", "compute_allocate"]
WANTED += ["terminal_stop", "terminal_point"]


def test_what_is_wanted_is_said_again_when_the_link_comes_back() -> None:
    async def story(rig: Rig, avionics: Avionics) -> None:
        rig.broker.set_path("n1", None)
        await asyncio.sleep(1.0)
        _want_everything(avionics)
        rig.broker.set_path("n1", rig.broker.path_of("other"))
        await asyncio.sleep(5.0)

        assert rig.orders() == WANTED
        assert rig.command(rig.heard[-1][1]).request_id == "isl-1"

    _with_rig(story)


def test_what_is_wanted_is_said_again_to_a_simulator_that_restarted() -> None:
    async def story(rig: Rig, avionics: Avionics) -> None:
        rig.frame(50, eps())
        await asyncio.sleep(1.0)
        _want_everything(avionics)
        await asyncio.sleep(1.0)
        rig.heard.clear()
        rig.frame(0, eps())
        await asyncio.sleep(1.0)

        assert rig.orders() == WANTED
        assert rig.ears.of(EpsUpdated)[-1].at == after(NOW, 2.001)

    _with_rig(story)


def test_a_reset_unit_hears_what_is_wanted_once_it_is_back() -> None:
    async def story(rig: Rig, avionics: Avionics) -> None:
        avionics.set_cap(2000.0)
        avionics.reset("compute")
        await asyncio.sleep(60.0)

        assert rig.orders() == ["compute_set_cap", "unit_reset", "compute_set_cap"]

    _with_rig(story)
