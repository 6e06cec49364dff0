"""What the benchmarks time does the work that it says."""

import json

import numpy as np
import pytest

from benchmarks import explicit_sight, one_satellite, world_speed
from experiments.figures import Row
from icd.timebase import from_iso

EPOCH = from_iso("2026-08-22T12:00:00Z")


def test_a_day_has_as_many_load_changes_as_asked_for_and_the_same_each_time() -> None:
    changes = one_satellite.load_changes("v3node", 500, 2)

    assert len(changes) == 1_000
    assert list(changes) == sorted(changes, key=lambda change: change.after_s)
    assert 0.0 <= changes[0].after_s < changes[-1].after_s <= 2 * 86_400.0
    assert one_satellite.load_changes.__wrapped__("v3node", 500, 2) == changes


@pytest.mark.slow
def test_the_satellite_that_is_timed_lives_through_its_load_changes() -> None:
    satellite = one_satellite.OneSatellite(EPOCH, "v3node", one_satellite.load_changes("v3node", 1_000, 1))

    events = satellite.fly(86_400.0)

    assert events > 500  # besides the load changes
    assert 0.3 < satellite.solo.vehicle.battery.soc_frac <= 1.0
    assert satellite.radiation.corrected > 0


@pytest.mark.slow
def test_dense_positions_are_as_near_to_sgp4_as_required() -> None:
    rows = world_speed.dense_rows()

    assert isinstance(rows[1], Row)
    assert rows[1].holds


@pytest.mark.slow
def test_a_constellation_day_stays_within_its_memory() -> None:
    row = world_speed.memory_row()

    assert row.holds, json.dumps(row.as_json())
    assert row.value > 30.0


def test_explicit_vectors_see_over_the_sphere_and_not_through_it() -> None:
    km = np.array([[7000.0, 0.0, 0.0], [0.0, 7000.0, 0.0], [6900.0, 1200.0, 0.0], [-7000.0, 1.0, 0.0]])
    first, second = explicit_sight.pairs(4)

    seen = explicit_sight.visible(km, first, second, 6458.0)

    assert dict(zip(zip(first.tolist(), second.tolist(), strict=True), seen.tolist(), strict=True)) == {
        (0, 1): False,
        (0, 2): True,
        (0, 3): False,
        (1, 2): False,
        (1, 3): False,
        (2, 3): False,
    }
