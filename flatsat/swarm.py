"""What one seed does to a flight: a schedule of troubles, drawn before the flight and pure data.

As in swarm testing (Groce et al., Swarm Testing, ISSTA 2012), a seed first draws which kinds of trouble are on at all:
a flight with few kinds goes deeper into each than one with a little of everything.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum, unique
from typing import TypeVar

from flatsat.fault_draws import draw_order
from flatsat.mission import Mission
from icd.faults import FaultOrder
from icd.hw import UNITS
from icd.jobs import EndReason, JobClass
from icd.tc import (
    CancelJob,
    Command,
    EnterSafe,
    LeaveSafe,
    Ping,
    ResetUnit,
    SetComputeCap,
    SetHkInterval,
    SetIslEnabled,
)
from node.adapters.virtual_runner import Mishap
from runtime.pipe import LinkFaults
from runtime.seeds import stream

STORM_S = 5400.0  # mission time in which everything may go wrong: an eclipse and a day side
CALM_S = 9000.0  # mission time after which all that was accepted must have come to its end
TROUBLE_ON = 0.6  # chance of each kind of trouble in a flight
GARBAGE_BYTES_MAX = 400
OVERSIZED_BYTES = 200_000  # above every uplink message, below the largest payload of a link
JOBS_MAX = 12
T = TypeVar("T")


@unique
class Hostility(StrEnum):
    """What a stranger on the broker does."""

    GARBAGE = "GARBAGE"  # bytes that mean nothing
    OVERSIZED = "OVERSIZED"
    REPLAY = "REPLAY"  # what went over that topic before, again
    MISROUTED = "MISROUTED"  # another node's genuine messages
    FORGED = "FORGED"  # a telecommand signed by a key of the stranger's own
    TRUNCATED = "TRUNCATED"  # what went over that topic before, cut


@dataclass(frozen=True, slots=True)
class NodeReset:
    """A node's processor is reset."""

    at_s: float
    node: str


@dataclass(frozen=True, slots=True)
class GroundCrash:
    """The ground service crashes and starts on its archive again."""

    at_s: float


@dataclass(frozen=True, slots=True)
class Breakage:
    """The simulator is told to break something."""

    at_s: float
    order: FaultOrder


@dataclass(frozen=True, slots=True)
class Order:
    """An operator sends a telecommand."""

    at_s: float
    node: str
    command: Command
    expires_after_s: float


@dataclass(frozen=True, slots=True)
class Attack:
    """A stranger writes on a topic."""

    at_s: float
    what: Hostility
    topic: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Work:
    """A tenant hands in a job, and this befalls its attempts, in order."""

    at_s: float
    job_id: str
    bundle: str  # the workload of the mission whose bundle it takes
    changes: dict[str, object]
    deadline_after_s: float | None
    mishaps: tuple[Mishap | None, ...]


@dataclass(frozen=True, slots=True)
class Cancellation:
    """A tenant takes a job back."""

    at_s: float
    job_id: str


Deed = NodeReset | GroundCrash | Breakage | Order | Attack | Work | Cancellation


@dataclass(frozen=True, slots=True)
class Schedule:
    """All that a seed does to a flight, and when it stops."""

    seed: int
    storm_s: float
    links: dict[str, LinkFaults]  # by client of the broker; until the storm ends
    deeds: tuple[Deed, ...]  # in order of time

    @property
    def hours(self) -> float:
        """How long to fly, so that everything can come to its end."""
        return (self.storm_s + CALM_S) / 3600.0


@dataclass(slots=True)
class _Hand:
    """Draws from one stream."""

    rng: random.Random
    nodes: tuple[str, ...]
    terminals: int
    deeds: list[Deed] = field(default_factory=list)

    def on(self) -> bool:
        return self.rng.random() < TROUBLE_ON

    def when_s(self) -> float:
        return round(self.rng.uniform(30.0, STORM_S - 600.0), 3)

    def node(self) -> str:
        return self.rng.choice(self.nodes)

    def times(self, most: int, make: Callable[[int], Deed]) -> None:
        if self.on():
            self.deeds += [make(number) for number in range(self.rng.randint(1, most))]


def draw(mission: Mission, seed: int) -> Schedule:
    """Return the schedule of a seed: the same in every process."""
    rng = stream(seed, "swarm")
    hand = _Hand(rng, mission.node_ids, mission.file.vehicle.laser_terminals)
    links = _links(hand)
    hand.times(6, lambda number: NodeReset(hand.when_s(), hand.node()))
    hand.times(2, lambda number: GroundCrash(hand.when_s()))
    hand.times(10, lambda number: Breakage(hand.when_s(), _fault(hand, number)))
    hand.times(14, lambda number: _order(hand))
    hand.times(30, lambda number: _attack(hand))
    bundles = [workload.table.name for workload in mission.workload]
    for number in range(rng.randint(3, JOBS_MAX)):
        work = _work(hand, number, rng.choice(bundles))
        hand.deeds += [work, *_second_thoughts(hand, work)]
    if hand.on():
        hand.deeds += _drill(hand)
    return Schedule(seed, STORM_S, links, tuple(sorted(hand.deeds, key=lambda deed: deed.at_s)))


def _links(hand: _Hand) -> dict[str, LinkFaults]:
    clients = (*hand.nodes, *(f"{node}-av" for node in hand.nodes), "ground", "hwsim")
    rng = hand.rng
    links = {}
    for client in clients:
        if rng.random() < TROUBLE_ON / 2.0:
            links[client] = LinkFaults(
                drop_qos0_frac=rng.choice((0.0, 0.02, 0.2)),
                duplicate_qos1_frac=rng.choice((0.0, 0.1, 0.5)),
                extra_delay_frac=rng.choice((0.0, 0.05, 0.3)),
                extra_delay_s_max=rng.choice((0.5, 2.0)),
            )
    return links


def _fault(hand: _Hand, number: int) -> FaultOrder:
    return draw_order(hand.rng, f"swarm-{number}", hand.nodes, hand.terminals)


def _order(hand: _Hand) -> Order:
    rng = hand.rng
    commands: tuple[Command, ...] = (
        Ping(),
        EnterSafe(),
        LeaveSafe(),
        SetHkInterval(interval_s=round(rng.uniform(5.0, 120.0), 1)),
        SetComputeCap(cap_w=rng.choice((None, 0.0, 2000.0, 8000.0))),
        SetIslEnabled(enabled=rng.random() < 0.5),
        ResetUnit(unit=rng.choice((*UNITS, "toaster"))),
        CancelJob(job_id=rng.choice(("swarm-0", "swarm-1", "nobodys"))),
    )
    return Order(hand.when_s(), hand.node(), rng.choice(commands), rng.choice((1.0, 30.0, 600.0, 3600.0)))


def _attack(hand: _Hand) -> Attack:
    rng = hand.rng
    what = rng.choice(tuple(Hostility))
    node = hand.node()
    outside = [f"ul/{node}/{name}" for name in ("tc", "ack", "xfer")]
    outside += [f"dl/{node}/{name}" for name in ("hk", "report", "xfer")]
    inside = [f"av/{node}/frame", f"av/{node}/cmd", "sim/fault", "sim/time", f"ul/{node}/what", "dl/nobody/hk"]
    # Old orders to the hardware, again, are the node's own doing to the simulator: nobody else can write there.
    meaningless = what in (Hostility.GARBAGE, Hostility.OVERSIZED)
    to_commanding = what is Hostility.FORGED or rng.random() < 0.3
    topic = f"ul/{node}/tc" if to_commanding else rng.choice(outside + inside if meaningless else outside)
    content = b""
    if what is Hostility.GARBAGE:
        content = rng.randbytes(rng.randint(0, GARBAGE_BYTES_MAX))
    elif what is Hostility.OVERSIZED:
        content = bytes(OVERSIZED_BYTES)
    return Attack(hand.when_s(), what, topic, content)


def _work(hand: _Hand, number: int, bundle: str) -> Work:
    rng = hand.rng
    work_s = round(rng.uniform(20.0, 1500.0), 1)
    changes: dict[str, object] = {
        "job_class": rng.choice(tuple(JobClass)),
        "priority": rng.randint(0, 100),
        "work_s": work_s,
        "checkpoint_every_s": round(rng.uniform(work_s / 12.0, work_s), 1),
        "retries_max": rng.randint(0, 3),
        "power_w": round(rng.uniform(200.0, 4000.0), 1),
    }
    mishaps = tuple(_mishap(rng, work_s) for _ in range(rng.choice((0, 0, 1, 2, 5))))
    hangs = any(mishap is not None and mishap.after_s is None for mishap in mishaps)
    in_time = round(rng.uniform(600.0, 4000.0), 1)
    deadline_after_s = in_time if hangs or rng.random() < 0.2 else None
    return Work(hand.when_s(), f"swarm-{number}", bundle, changes, deadline_after_s, mishaps)


def _second_thoughts(hand: _Hand, work: Work) -> list[Deed]:
    """Cancel some jobs: by their tenant, or by an operator who does not know which node has them."""
    rng = hand.rng
    at_s = round(work.at_s + rng.uniform(0.0, 3.0 * float(str(work.changes["work_s"]))), 3)
    match rng.randrange(6):
        case 0:
            return [Cancellation(at_s, work.job_id)]
        case 1:
            return [Order(at_s, node, CancelJob(job_id=work.job_id), 3600.0) for node in hand.nodes]
        case _:
            return []


def _drill(hand: _Hand) -> list[Deed]:
    """Send one node to SAFE and order there what SAFE does not take."""
    node, at_s = hand.node(), hand.when_s()
    stay_s = round(hand.rng.uniform(60.0, 600.0), 3)
    return [
        Order(at_s, node, EnterSafe(), 3600.0),
        Order(at_s + 1.0, node, SetIslEnabled(enabled=True), 3600.0),
        Order(at_s + stay_s, node, LeaveSafe(), 3600.0),
    ]


def _mishap(rng: random.Random, work_s: float) -> Mishap | None:
    after_s = round(rng.uniform(0.0, 1.2 * work_s), 1)
    choices: tuple[Mishap | None, ...] = (
        None,
        Mishap(after_s, exit_code=1),
        Mishap(after_s, limit=EndReason.TIME_LIMIT),
        Mishap(after_s, limit=EndReason.MEMORY_LIMIT),
        Mishap(after_s, exit_code=75),
        Mishap(10.0 * work_s, exit_code=3, ignores_sigterm=True),
        Mishap(None, ignores_sigterm=True),
    )
    return rng.choice(choices)
