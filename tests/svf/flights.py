"""What the verification flights share: the mission, the seeds, and how a failure is told."""

import os
from pathlib import Path

from flatsat.fly import Flight, fly
from flatsat.liveness import REPORTS_WITHIN_S, unsettled
from flatsat.mission import Mission, load_mission
from flatsat.storm import scenario_of
from flatsat.swarm import draw

MISSION_FILE = Path(__file__).parents[2] / "missions" / "first-light.toml"
CI_SEEDS = range(1, 13)


def first_light() -> Mission:
    return load_mission(MISSION_FILE)


def seeds() -> list[int]:
    """The seed of DAWNLINE_SEED alone, or those that CI flies."""
    chosen = os.environ.get("DAWNLINE_SEED")
    return list(CI_SEEDS) if chosen is None else [int(chosen)]


def fly_storm(seed: int) -> Flight:
    mission = first_light()
    schedule = draw(mission, seed)
    return fly(mission, schedule.hours, seed, scenario=scenario_of(schedule))


def broken(flight: Flight, reports_within_s: float = REPORTS_WITHIN_S) -> str:
    """Return what is wrong with a flight: the rules that it broke and what it left undone; empty when nothing is."""
    lines = [
        f"{verdict.name}: {verdict.violated} of {verdict.checked}: {'; '.join(verdict.examples[:3])}"
        for verdict in flight.verdicts
        if verdict.violated
    ]
    return "\n".join(lines + unsettled(flight.history, reports_within_s)[:10])


def how_to_repeat(seed: int) -> str:
    return f"seed {seed}; again with: make svf SEED={seed}"
