"""A sky for isl apps: terminals that point at each other lock after a while, and their ports then carry frames."""

from collections.abc import Callable
from dataclasses import dataclass, field

from icd.hw import PatState, Quality, TerminalLink, TerminalReading
from icd.tc import PowerMode
from node.apps.isl.almanac import Almanac
from node.apps.isl.app import IslApp
from node.apps.isl.frames import Identity
from node.apps.isl.handoff import Rules, Sights
from node.messages import (
    IslFrameReceived,
    IslLinkChanged,
    IslPortChanged,
    ModeReason,
    PowerModeChanged,
    TerminalUpdated,
)
from tests.unit.node.hardware import Disk
from tests.unit.node.harness import EPOCH, Bench

KEY = b"k" * 32
SLEW_S = 20
ACQUIRE_S = 30
LINK = TerminalLink(
    faded=False, range_km=900.0, margin_db=6.0, azimuth_deg=30.0, elevation_deg=-4.0, point_ahead_rad=3e-5
)
RULES = Rules(terminals=2, lead_s=190.0, margin_s=10.0, hold_min_s=60.0, acquire_limit_s=100.0)


@dataclass(slots=True)
class Aim:
    """Where one terminal points, and for how long."""

    peer: str = ""
    peer_terminal: int = 0
    since_s: int = 0
    state: PatState = PatState.IDLE


class Craft:
    """One node's isl app with its terminals and ports."""

    def __init__(self, sky: "Sky", name: str, sights: Sights, epoch: int = 3, key: bytes = KEY) -> None:
        self.name = name
        self.bench = Bench()
        self.disk = Disk()
        self.sky = sky
        self.aims = [Aim() for _ in range(RULES.terminals)]
        self.points = 0
        self.refused = 0  # frames for a port that has no peer
        self.blind = False  # terminals of this node never lock
        identity = Identity(name, boot=1, fleet_key=key, key_epoch=epoch)
        almanac = Almanac(EPOCH, RULES, lambda start, end: sights)
        self.app = self.bench.add("isl", lambda kernel: IslApp(kernel, self.disk.store, self, self, identity, almanac))

    def boot(self) -> None:
        self.bench.boot()
        self.bench.say(PowerModeChanged(PowerMode.SURVIVAL, PowerMode.NOMINAL, ModeReason.SUN))

    # --- LaserTerminals ---

    def point(self, terminal: int, peer: str, peer_terminal: int, request_id: str) -> None:
        self.points += 1
        aim = self.aims[terminal]
        if (aim.peer, aim.peer_terminal) == (peer, peer_terminal) and aim.state is PatState.TRACK:
            return
        self.sky.release(self, terminal)
        self.aims[terminal] = Aim(peer, peer_terminal, self.sky.at_s, PatState.SLEW)
        self.report(terminal)

    def stop(self, terminal: int) -> None:
        self.sky.release(self, terminal)
        self.aims[terminal] = Aim()
        self.report(terminal)

    # --- IslPorts ---

    def send(self, terminal: int, payload: bytes) -> bool:
        aim = self.aims[terminal]
        if aim.state is not PatState.TRACK:
            self.refused += 1
            return False
        self.sky.carry(lambda: IslFrameReceived(aim.peer_terminal, payload), aim.peer)
        return True

    # --- what the world does ---

    def report(self, terminal: int) -> None:
        """Say the state of a terminal, as a device frame would."""
        aim = self.aims[terminal]
        reading = TerminalReading(
            quality=Quality.GOOD,
            terminal=terminal,
            state=aim.state,
            peer=aim.peer,
            rate_bps=4e11 if aim.state is PatState.TRACK else 0.0,
            link=LINK if aim.state is PatState.TRACK else None,
            request_id="",
        )
        self.bench.bus.publish(TerminalUpdated(self.bench.now, reading))

    def links(self) -> list[tuple[str, bool]]:
        """Return the links that came and went."""
        return [(said.peer, said.up) for said in self.bench.said(IslLinkChanged)]

    def handoffs(self) -> list[tuple[object, object, object]]:
        """Return the handoffs reported."""
        events = self.bench.events_of("ISL_HANDOFF")
        return [(event.fields["source"], event.fields["target"], event.fields["gap_s"]) for event in events]


@dataclass(slots=True)
class Sky:
    """Some nodes and the seconds they live through."""

    crafts: dict[str, Craft] = field(default_factory=dict)
    at_s: int = 0
    _mail: list[tuple[Callable[[], IslFrameReceived], str]] = field(default_factory=list)

    def add(self, name: str, sights: Sights, **options: object) -> Craft:
        """Add a node."""
        self.crafts[name] = Craft(self, name, sights, **options)  # type: ignore[arg-type]
        return self.crafts[name]

    def boot(self) -> None:
        for craft in self.crafts.values():
            craft.boot()

    def carry(self, frame: Callable[[], IslFrameReceived], peer: str) -> None:
        """Bring a frame to the peer a second later."""
        self._mail.append((frame, peer))

    def release(self, craft: Craft, terminal: int) -> None:
        """Break a lock, if there is one, at both ends."""
        aim = craft.aims[terminal]
        if aim.state is not PatState.TRACK:
            return
        peer = self.crafts[aim.peer]
        aim.state = peer.aims[aim.peer_terminal].state = PatState.LOST
        peer.report(aim.peer_terminal)
        for bench, number in ((craft.bench, terminal), (peer.bench, aim.peer_terminal)):
            bench.bus.publish(IslPortChanged(number, False))

    def live(self, seconds: int) -> None:
        """Let time pass, a second at a time."""
        for _ in range(seconds):
            self.at_s += 1
            mail, self._mail = self._mail, []
            for frame, peer in mail:
                self.crafts[peer].bench.say(frame())
            for craft in self.crafts.values():
                craft.bench.advance(1.0)
            for craft in self.crafts.values():
                self._move(craft)
            for craft in self.crafts.values():
                craft.bench.run()

    def _move(self, craft: Craft) -> None:
        for terminal, aim in enumerate(craft.aims):
            if aim.state is PatState.SLEW and self.at_s - aim.since_s >= SLEW_S:
                aim.state = PatState.ACQUIRE
                craft.report(terminal)
            if aim.state is not PatState.ACQUIRE or self.at_s - aim.since_s < SLEW_S + ACQUIRE_S:
                continue
            peer = self.crafts[aim.peer]
            other = peer.aims[aim.peer_terminal]
            met = (other.peer, other.peer_terminal) == (craft.name, terminal) and other.state is PatState.ACQUIRE
            if met and not craft.blind and not peer.blind:
                aim.state = other.state = PatState.TRACK
                for node, number in ((craft, terminal), (peer, aim.peer_terminal)):
                    node.report(number)
                    node.bench.bus.publish(IslPortChanged(number, True))
