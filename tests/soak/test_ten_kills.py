"""The training job at its full length, its node killed with -9 ten times at random moments: the same weights."""

import os
import random

import pytest

from tests.system.audit import audit
from tests.system.flights import processes_of, weights_in
from tests.system.wreck import NODES, wreck

pytestmark = pytest.mark.slow

KILLS = 10
EPOCHS = 110  # as missions/jobs/train ships it


def test_ten_kills_at_random_moments_end_in_the_same_weights(tmp_path_factory: pytest.TempPathFactory) -> None:
    seed = int(os.environ.get("DAWNLINE_SEED") or random.SystemRandom().randrange(1_000_000))

    told = wreck(tmp_path_factory.mktemp("ten"), seed, KILLS, EPOCHS)

    print(told.story())
    assert weights_in(told.result) == told.reference, told.story()
    assert told.overlaps == [], told.story()
    assert len([row for row in told.job["reports"] if row["reason"] == "RESET"]) == KILLS, told.story()
    assert audit(told.run.path, NODES) == [], told.story()
    assert told.exit_code == 0, told.story()
    assert processes_of(told.run.path) == {}, told.story()
