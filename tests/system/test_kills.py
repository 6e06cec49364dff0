"""kill -9 of every program in the middle of a training job: named, restarted, counted; nothing lost or doubled."""

from collections import Counter
from typing import Any

import pytest

from tests.system.audit import audit
from tests.system.flights import processes_of, weights_in
from tests.system.wreck import NODES, SEAT, Wreck, wreck

pytestmark = pytest.mark.slow

SEED = 20260822
KILLS = 3
EPOCHS = 20
OTHERS = ("ground", "hwsim", "broker")
BATTERY_WH_PER_S = 30_000.0 / 3600.0  # more than a v3node gains or spends in a second of mission time


@pytest.fixture(scope="module")
def wrecked(tmp_path_factory: pytest.TempPathFactory) -> Wreck:
    told = wreck(tmp_path_factory.mktemp("kills"), SEED, KILLS, EPOCHS, OTHERS)
    print(told.story())
    return told


def test_the_weights_are_those_of_an_uninterrupted_run(wrecked: Wreck) -> None:
    assert wrecked.job["state"] == "SUCCEEDED", wrecked.story()
    assert weights_in(wrecked.result) == wrecked.reference, wrecked.story()


def test_no_two_attempts_ever_lived_at_once(wrecked: Wreck) -> None:
    assert wrecked.overlaps == [], wrecked.story()
    assert len(wrecked.attempts) > KILLS, wrecked.story()


def test_each_reset_of_the_node_is_an_event_and_a_report_of_the_job(wrecked: Wreck) -> None:
    boots = [row for row in wrecked.events if row["node"] == SEAT and row["event_id"] == "NODE_BOOTED"]
    resets = [row for row in wrecked.job["reports"] if row["reason"] == "RESET"]

    assert len(boots) == 1 + KILLS, wrecked.story()
    assert len(resets) == KILLS, wrecked.story()


def test_every_death_is_named_and_counted_on_the_terminal(wrecked: Wreck) -> None:
    text = "".join(wrecked.run.said)

    for program, times in Counter({SEAT: KILLS, **dict.fromkeys(OTHERS, 1)}).items():
        assert f"{program} ended with signal SIGKILL; restarted ({times})" in text
        assert f"{program} {times}" in text.partition("Restarts: ")[2].splitlines()[0]


def test_the_simulator_comes_back_with_the_same_batteries_and_the_same_time(wrecked: Wreck) -> None:
    before, after = wrecked.worlds
    away_s = (after["at"] - before["at"]) / 1e9

    assert (after["epoch"], after["anchor_unix_ns"]) == (before["epoch"], before["anchor_unix_ns"])
    assert away_s > 0.0
    for node in NODES:
        moved_wh = abs(_battery_wh(after, node) - _battery_wh(before, node))
        assert moved_wh <= BATTERY_WH_PER_S * away_s, f"{node}: {moved_wh:.1f} Wh in {away_s:.0f} s"


def test_nothing_is_lost_or_doubled(wrecked: Wreck) -> None:
    assert audit(wrecked.run.path, NODES) == [], wrecked.story()


def test_it_still_ends_in_order(wrecked: Wreck) -> None:
    assert wrecked.exit_code == 0
    assert processes_of(wrecked.run.path) == {}


def _battery_wh(world: dict[str, Any], node: str) -> float:
    return float(world["world"]["crafts"][node]["vehicle"]["battery"]["energy_wh"])
