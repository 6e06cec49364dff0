"""What a reserve terminal is worth: make-before-break against break-before-make, on the first mission's geometry.

Both plans come from the flight code's own planner over the same laser sights; with one terminal a node must let go of
its neighbour before it can acquire the next. Acquisition times are drawn as the simulator draws them; every slew is
taken as a quarter turn; an acquisition that fails is begun again.
"""

import random
from pathlib import Path
from statistics import fmean

from experiments.figures import Row, Study
from flatsat.mission import Mission, load_mission
from hwsim.models.optics import TURN_REFERENCE_RAD, Prior, acquisition_s
from hwsim.models.pointing import slew_s
from icd.timebase import NS_PER_S, MissionTime, after
from icd.vehicle import LasersProfile
from node.apps.isl.almanac import MARGIN_S, almanac_of
from node.apps.isl.app import POINT_AGAIN_S
from node.apps.isl.handoff import Link
from runtime.seeds import stream

MISSION = Path(__file__).parent.parent / "missions" / "first-light.toml"
HOURS = 24.0
TERMINALS, BASELINE_TERMINALS = 2, 1


def measure(seeds: tuple[int, ...]) -> list[Row]:
    """Return the share of a day in which a node has a usable laser link, and how often it changes its neighbour."""
    mission = load_mission(MISSION)
    reserve, single = _links(mission, TERMINALS), _links(mission, BASELINE_TERMINALS)
    covered = fmean(_covered_frac(mission, reserve, seed) for seed in seeds)
    baseline = fmean(_covered_frac(mission, single, seed) for seed in seeds)
    per_node = 2.0 * len(reserve) / len(mission.node_ids)
    return [
        Row("time with a laser link", covered, "0-1", "one terminal", baseline, at_least=1.05),
        Row("links begun a node and day", per_node, "1/day", at_least=10.0),
    ]


def _links(mission: Mission, terminals: int) -> tuple[Link, ...]:
    return almanac_of(mission.fleet, terminals).schedule(mission.epoch).links


def _covered_frac(mission: Mission, links: tuple[Link, ...], seed: int) -> float:
    """Return the mean over nodes of the share of the day in which at least one of the node's links is usable."""
    lasers = mission.fleet.profile.lasers
    rng = stream(seed, "reserve-terminal")
    turn_s = slew_s(TURN_REFERENCE_RAD, lasers.slew_rate_rad_s, lasers.slew_accel_rad_s2)
    spans: dict[str, list[tuple[MissionTime, MissionTime]]] = {node: [] for node in mission.node_ids}
    for link in links:
        usable = after(link.acquire_at, turn_s + _acquired_s(rng, lasers))
        # The planner keeps a margin before the sight ends, in which the link still stands.
        gone = after(link.until, MARGIN_S)
        for node in (link.a, link.b):
            spans[node].append((usable, gone))
    end = after(mission.epoch, HOURS * 3600.0)
    return fmean(_union_ns(node_spans, mission.epoch, end) for node_spans in spans.values()) / (
        HOURS * 3600.0 * NS_PER_S
    )


def _acquired_s(rng: random.Random, lasers: LasersProfile) -> float:
    """Return the time until a link stands, after the turn to it."""
    prior, spent_s = Prior(TURN_REFERENCE_RAD, held_just_now=False), 0.0
    while (drawn_s := acquisition_s(rng, lasers, prior)) is None:
        prior, spent_s = Prior(0.0, held_just_now=False), spent_s + lasers.acquire_limit_s + POINT_AGAIN_S
    return spent_s + drawn_s


def _union_ns(spans: list[tuple[MissionTime, MissionTime]], start: MissionTime, end: MissionTime) -> int:
    total, reached = 0, start
    for first, last in sorted(spans):
        first, last = max(first, reached), min(last, end)
        if last > first:
            total += last - first
            reached = last
    return total


STUDY = Study(
    name="reserve-terminal",
    title="a terminal in reserve (make before break) against one terminal (break before make)",
    seeds=(1, 2, 3, 4, 5),
    leaves_out="pointing losses, faults, and the time that a lease takes to be agreed; every slew is a quarter turn.",
    measure=measure,
)
