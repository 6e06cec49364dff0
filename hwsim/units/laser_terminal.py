"""Laser terminal: pointing, acquisition and tracking of one telescope.

The terminal itself knows where it points and in which phase it is; whether two of them meet is `hwsim.lasers`' matter.
"""

from dataclasses import dataclass, field

from astro.frames import Vector
from icd.hw import PatState, Quality, TerminalReading
from icd.timebase import MissionTime

LOST_DWELL_S = 5.0  # mission time a terminal says LOST before it says IDLE
LOSS_DB_MAX = 30.0  # of light that may be lost and a link still be had
GIVE_UP_FACTOR = 3.0  # of the acquisition limit: how long a terminal searches for a peer that does not answer


@dataclass(frozen=True, slots=True, order=True)
class TerminalKey:
    """One terminal of one node."""

    node: str
    index: int


@dataclass(slots=True)
class LaserTerminal:
    """The state of one terminal. `peer` is where it points, None at rest; `direction` is its last pointing (TEME)."""

    key: TerminalKey
    rate_bps: float
    direction: Vector = (1.0, 0.0, 0.0)
    state: PatState = PatState.IDLE
    peer: TerminalKey | None = None
    request_id: str = ""
    since: MissionTime = field(default=MissionTime(0))
    phase_ends: MissionTime | None = None
    draws: int = 0
    draw_s: float = 0.0
    stuck: bool = False
    loss_db: float = 0.0  # a fault point: what its light has lost

    @property
    def dark(self) -> bool:
        """Whether too little light is left for any link."""
        return self.loss_db > LOSS_DB_MAX

    def truth(self, at: MissionTime) -> TerminalReading:
        """Return state, peer and rate."""
        return TerminalReading(
            quality=Quality.GOOD,
            terminal=self.key.index,
            state=self.state,
            peer=self.peer.node if self.peer else "",
            rate_bps=self.rate_bps if self.state is PatState.TRACK else 0.0,
            request_id=self.request_id,
        )

    def silence(self) -> TerminalReading:
        """Return the reading of quality LOST."""
        return TerminalReading(
            quality=Quality.LOST, terminal=self.key.index, state=None, peer="", rate_bps=0.0, request_id=""
        )
