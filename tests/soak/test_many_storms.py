"""Many storms, and every crash point: on demand, not in CI.

DAWNLINE_SEEDS says how many seeds to fly (200 by default), DAWNLINE_SEED the first one, DAWNLINE_WORKERS how many
processes fly them (one a core by default).
"""

import os
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

import pytest

from flatsat.marks import marks_of, wanted_marks
from tests.svf.flights import broken, fly_storm, how_to_repeat

FIRST = int(os.environ.get("DAWNLINE_SEED", "1"))
SEEDS = int(os.environ.get("DAWNLINE_SEEDS", "200"))


def _fly(seed: int) -> tuple[int, str, Counter[str]]:
    try:
        flight = fly_storm(seed)
    except Exception as error:  # a flight that ends early is a finding like any other, and the others go on
        return seed, f"{type(error).__name__}: {error}", Counter()
    return seed, broken(flight), marks_of(flight.history)


@pytest.mark.slow
def test_no_storm_breaks_a_rule_and_together_they_reach_every_mark() -> None:
    seen: Counter[str] = Counter()
    failures = []
    workers = int(os.environ.get("DAWNLINE_WORKERS", os.cpu_count() or 1))
    with ProcessPoolExecutor(workers) as pool:
        for seed, problems, marks in pool.map(_fly, range(FIRST, FIRST + SEEDS)):
            seen += marks
            if problems:
                failures.append(f"{how_to_repeat(seed)}\n{problems}")

    assert failures == []
    assert wanted_marks() - set(seen) == set()
