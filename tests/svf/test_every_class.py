"""Every class of vehicle flies: the first mission's sky and work, scaled to what the class carries."""

from pathlib import Path

import pytest

from flatsat.fly import fly
from flatsat.mission import load_mission
from tests.svf.flights import how_to_repeat
from tests.unit.flatsat import missions

HOURS = 3.0
SEED = 7
# What one job draws, W, and how many terminals fly.
CLASSES = {"cubesat": (40, 1), "starcloud1": (300, 1), "v2mini": (400, 3), "dawndusk": (12_000, 2)}


@pytest.mark.slow
@pytest.mark.parametrize("name", CLASSES)
def test_a_class_flies_and_breaks_no_rule(name: str, tmp_path: Path) -> None:
    path = missions.copy(tmp_path)
    power_w, terminals = CLASSES[name]
    missions.edit(path, "profiles/v3node.toml", f"profiles/{name}.toml")
    missions.edit(path, "laser_terminals = 2", f"laser_terminals = {terminals}")
    for count in ("count = 1\n", "count = 200\n"):
        missions.edit(path, count, f"{count}power_w = {power_w}.0\nslots = 1\n")

    flight = fly(load_mission(path), HOURS, SEED)

    bad = [(verdict.name, verdict.examples[:3]) for verdict in flight.verdicts if verdict.violated]
    assert bad == [], how_to_repeat(SEED)
    assert any("SUCCEEDED" in str(entry.what) for entry in flight.history.entries("fact"))
