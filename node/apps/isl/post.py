"""What is known of one laser terminal: its pointing, its data port, its lease."""

from collections.abc import Sequence
from dataclasses import dataclass

from icd.hw import PatState
from icd.timebase import MissionTime
from node.apps.isl.handoff import Assignment
from node.apps.isl.pat import ISL_LEASE, PAT_TABLE, LeaseState, LeaseTrigger, PatTrigger, steps
from node.kernel.fsm import Machine


@dataclass(frozen=True, slots=True)
class Due:
    """The instants at which a post needs a look; None where nothing waits."""

    give_up_at: MissionTime | None = None  # of the present acquisition
    offer_at: MissionTime | None = None  # of the lease, once more
    status_at: MissionTime | None = None

    def times(self) -> tuple[MissionTime, ...]:
        """Return those that are set."""
        return tuple(at for at in (self.give_up_at, self.offer_at, self.status_at) if at is not None)


class Post:
    """One terminal with its machines. The app decides, the post remembers."""

    def __init__(self, terminal: int, pat: PatState, port_up: bool) -> None:
        self.terminal = terminal
        self.pat: Machine[PatState, PatTrigger] = Machine(PAT_TABLE, on_change=_nothing, state=pat)
        self.lease: Machine[LeaseState, LeaseTrigger] = Machine(ISL_LEASE, on_change=_nothing)
        self.port_up = port_up
        self.plan: Sequence[Assignment] = ()
        self.target: Assignment | None = None  # at what it was told to point
        self.closed: Assignment | None = None  # ended before its time, by agreement: not begun again
        self.held_until: MissionTime | None = None
        self.plan_differs = False
        self.due = Due()
        self.peer = ""
        self.rate_bps = 0.0

    @property
    def held(self) -> bool:
        """Whether the link stands, under a lease."""
        return self.lease.state is LeaseState.HELD

    def follow(self, state: PatState) -> None:
        """Walk the machine to what the terminal says."""
        for trigger in steps(self.pat.state, state):
            self.pat.fire(trigger)

    def planned(self, now: MissionTime) -> Assignment | None:
        """Return what the schedule wants of this terminal now."""
        for one in self.plan:
            if one.acquire_at <= now < one.until:
                return None if self.closed is not None and same(one, self.closed) else one
        return None

    def next_change(self, now: MissionTime) -> MissionTime | None:
        """Return when the schedule next wants something else."""
        edges = [edge for one in self.plan for edge in (one.acquire_at, one.until) if edge > now]
        return min(edges, default=None)

    def text(self) -> str:
        """Return the terminal in the format of icd.hk: number, PAT state, peer, bit/s."""
        return f"{self.terminal}:{self.pat.state}:{self.peer}:{self.rate_bps:.0f}"


def same(one: Assignment, other: Assignment) -> bool:
    """Return whether two assignments are the same link; a longer view of the sight may have moved its end."""
    return (one.peer, one.peer_terminal, one.acquire_at) == (other.peer, other.peer_terminal, other.acquire_at)


def _nothing(*_: object) -> None:
    return None
