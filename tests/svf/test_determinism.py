"""One seed, one history: in two processes with different hash seeds; and another seed, another history."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOURS = "0.75"
FLY = """
import sys
from pathlib import Path
from flatsat.fly import fly
from flatsat.mission import load_mission
from flatsat.storm import scenario_of
from flatsat.swarm import draw
mission = load_mission(Path("missions/first-light.toml"))
hours, seed, stormy = float(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "stormy"
if stormy:
    flight = fly(mission, hours, seed, scenario=scenario_of(draw(mission, seed)))
else:
    flight = fly(mission, hours, seed)
print(flight.history_sha256)
"""


def _hash_of_a_flight(seed: int, hash_seed: int, how: str) -> str:
    environment = os.environ | {"PYTHONHASHSEED": str(hash_seed), "PYTHONPATH": str(ROOT), "PYTHONMALLOC": "malloc"}
    done = subprocess.run(
        (sys.executable, "-c", FLY, HOURS, str(seed), how),
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.slow
@pytest.mark.parametrize("how", ["calm", "stormy"])
def test_one_seed_gives_one_history_whatever_the_hash_seed(how: str) -> None:
    first = _hash_of_a_flight(7, 1, how)

    again = _hash_of_a_flight(7, 4242, how)

    assert len(first) == 64
    assert again == first


@pytest.mark.slow
def test_another_seed_gives_another_history() -> None:
    assert _hash_of_a_flight(7, 1, "calm") != _hash_of_a_flight(8, 1, "calm")
