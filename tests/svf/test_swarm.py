"""Each seed is a storm of its own: no rule breaks in it, and in the calm after it all that was accepted ends."""

import pytest

from tests.svf.flights import broken, fly_storm, how_to_repeat, seeds


@pytest.mark.slow
@pytest.mark.parametrize("seed", seeds())
def test_a_storm_breaks_no_rule_and_leaves_nothing_undone(seed: int) -> None:
    flight = fly_storm(seed)

    assert broken(flight) == "", how_to_repeat(seed)
