"""What the adapter lets pass of a reading."""

import pytest

from icd.hw import Quality, WatchdogReading
from node.adapters.readings import implausible


def test_a_watchdog_that_sleeps_until_it_is_first_served_is_plausible() -> None:
    assert implausible(WatchdogReading(quality=Quality.GOOD, remaining_s=None, bites=0)) == ""


@pytest.mark.parametrize("remaining_s", [-2.0, 1e6])
def test_a_watchdog_with_another_time_left_than_it_can_have_is_not(remaining_s: float) -> None:
    assert "remaining_s" in implausible(WatchdogReading(quality=Quality.GOOD, remaining_s=remaining_s, bites=0))
