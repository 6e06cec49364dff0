"""Laser terminal: pointing, acquisition and tracking of one telescope.

The terminal itself knows where it points and in which phase it is; whether two of them meet is `hwsim.lasers`' matter.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from astro.frames import Vector
from hwsim import plain
from hwsim.models.pointing import FORWARD
from icd.hw import PatState, Quality, TerminalLink, TerminalReading
from icd.timebase import MissionTime
from icd.vehicle import LasersProfile

LOST_DWELL_S = 5.0  # mission time a terminal says LOST before it says IDLE
GIVE_UP_FACTOR = 3.0  # of the acquisition limit: how long a terminal searches for a peer that does not answer


@dataclass(frozen=True, slots=True, order=True)
class TerminalKey:
    """One terminal of one node."""

    node: str
    index: int


@dataclass(slots=True)
class LaserTerminal:
    """The state of one terminal. `peer` is where it points, None at rest.

    `direction` is where it points last or turns to, `origin` where the turn began: forward, left, up of its satellite.
    `link` gives rate and link of a terminal in TRACK.
    """

    key: TerminalKey
    link: Callable[["LaserTerminal"], tuple[float, TerminalLink]]
    origin: Vector = FORWARD
    direction: Vector = FORWARD
    turn_rad: float = 0.0  # of the latest turn
    state: PatState = PatState.IDLE
    peer: TerminalKey | None = None
    request_id: str = ""
    since: MissionTime = field(default=MissionTime(0))
    phase_ends: MissionTime | None = None
    draws: int = 0
    draw_s: float | None = None  # of the present acquisition; None when it fails
    held: TerminalKey | None = None  # the peer of the latest lock
    held_until: MissionTime = field(default=MissionTime(0))
    stuck: bool = False  # a fault point: the drive stands still
    loss_db: float = 0.0  # a fault point: what its light has lost

    def truth(self, at: MissionTime) -> TerminalReading:
        """Return state, peer, rate and link."""
        rate_bps, link = self.link(self) if self.state is PatState.TRACK else (0.0, None)
        return TerminalReading(
            quality=Quality.GOOD,
            terminal=self.key.index,
            state=self.state,
            peer=self.peer.node if self.peer else "",
            rate_bps=rate_bps,
            link=link,
            request_id=self.request_id,
        )

    def silence(self) -> TerminalReading:
        """Return the reading of quality LOST."""
        return TerminalReading(
            quality=Quality.LOST, terminal=self.key.index, state=None, peer="", rate_bps=0.0, link=None, request_id=""
        )

    def power_w(self, lasers: LasersProfile) -> float:
        """Return what the terminal draws in its present state, W."""
        match self.state:
            case PatState.TRACK:
                return lasers.track_w
            case PatState.SLEW | PatState.ACQUIRE:
                return lasers.point_w
            case PatState.IDLE | PatState.LOST:
                return lasers.idle_w
            case PatState.OFF:
                return 0.0

    def dump(self) -> dict[str, object]:
        """Return the state as plain values."""
        return {
            "node": self.key.node,
            "index": self.key.index,
            "state": self.state.value,
            "peer": _listed(self.peer),
            "request_id": self.request_id,
            "origin": list(self.origin),
            "direction": list(self.direction),
            "turn_rad": self.turn_rad,
            "since": self.since,
            "phase_ends": self.phase_ends,
            "draws": self.draws,
            "draw_s": self.draw_s,
            "held": _listed(self.held),
            "held_until": self.held_until,
        }

    def restore(self, state: dict[str, object]) -> None:
        """Take a dumped state.

        Raises:
            KeyError, TypeError, ValueError: it is not one.
        """
        self.state = PatState(str(state["state"]))
        self.peer, self.held = key_of(state["peer"]), key_of(state["held"])
        self.request_id = str(state["request_id"])
        self.origin, self.direction = _vector(state["origin"]), _vector(state["direction"])
        self.turn_rad = plain.number(state["turn_rad"])
        self.since, self.held_until = (
            MissionTime(plain.whole(state["since"])),
            MissionTime(plain.whole(state["held_until"])),
        )
        self.phase_ends = None if state["phase_ends"] is None else MissionTime(plain.whole(state["phase_ends"]))
        self.draws = plain.whole(state["draws"])
        self.draw_s = None if state["draw_s"] is None else plain.number(state["draw_s"])


def key_of(value: object) -> TerminalKey | None:
    """Return the terminal of a dumped pair of node and index.

    Raises:
        TypeError, ValueError: it is not one.
    """
    if value is None:
        return None
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is not a terminal")
    node, index = value
    return TerminalKey(str(node), plain.whole(index))


def _listed(key: TerminalKey | None) -> list[object] | None:
    return None if key is None else [key.node, key.index]


def _vector(value: object) -> Vector:
    x, y, z = plain.numbers(value)
    return x, y, z
