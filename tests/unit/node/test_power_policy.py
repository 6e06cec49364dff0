"""The power policy and the eclipse forecast, as pure functions."""

import pytest

from astro.contacts import Interval
from icd.jobs import JobClass
from icd.tc import PowerMode
from icd.timebase import MissionTime, after, seconds_between
from node.apps.power import policy
from node.apps.power.forecast import SunForecast
from node.messages import ModeReason
from tests.unit.node.hardware import V3NODE
from tests.unit.node.harness import EPOCH

LIMITS = policy.limits_of(V3NODE)
LONG_S = 1_000.0


def reason(mode: PowerMode, soc: float, sunlit: bool, in_mode_s: float = LONG_S) -> ModeReason | None:
    change = policy.next_change(mode, soc, sunlit, in_mode_s, LIMITS)
    return None if change is None else change.reason


@pytest.mark.req("PWR-001")
def test_limits_follow_the_depths_of_discharge() -> None:
    assert pytest.approx(0.57) == LIMITS.survival_below
    assert pytest.approx(0.67) == LIMITS.survival_until
    assert pytest.approx(0.65) == LIMITS.routine_floor


@pytest.mark.req("PWR-001")
@pytest.mark.parametrize("mode", [PowerMode.ECLIPSE, PowerMode.NOMINAL, PowerMode.BOOST])
def test_low_battery_enters_survival_from_every_mode_at_once(mode: PowerMode) -> None:
    assert reason(mode, 0.549, sunlit=True, in_mode_s=0.0) is ModeReason.LOW_BATTERY


@pytest.mark.req("PWR-002")
def test_survival_ends_only_in_sunlight_with_charge_to_spare() -> None:
    assert reason(PowerMode.SURVIVAL, 0.68, sunlit=False) is None
    assert reason(PowerMode.SURVIVAL, 0.64, sunlit=True) is None
    assert reason(PowerMode.SURVIVAL, 0.68, sunlit=True) is ModeReason.BATTERY_RESTORED


@pytest.mark.req("PWR-003")
def test_boost_has_hysteresis() -> None:
    assert reason(PowerMode.NOMINAL, 0.94, sunlit=True) is None
    assert reason(PowerMode.NOMINAL, 0.95, sunlit=True) is ModeReason.SURPLUS
    assert reason(PowerMode.BOOST, 0.86, sunlit=True) is None
    assert reason(PowerMode.BOOST, 0.84, sunlit=True) is ModeReason.SURPLUS_SPENT


@pytest.mark.req("PWR-003")
def test_a_mode_just_entered_is_not_left_for_light_or_surplus() -> None:
    assert reason(PowerMode.ECLIPSE, 0.9, sunlit=True, in_mode_s=5.0) is None
    assert reason(PowerMode.NOMINAL, 0.9, sunlit=False, in_mode_s=5.0) is None
    assert reason(PowerMode.NOMINAL, 0.99, sunlit=True, in_mode_s=30.0) is None


@pytest.mark.req("PWR-004")
def test_light_between_the_thresholds_keeps_what_was_believed() -> None:
    assert policy.is_sunlit(True, 0.5)
    assert not policy.is_sunlit(False, 0.5)
    assert policy.is_sunlit(False, 0.6)
    assert not policy.is_sunlit(True, 0.4)


@pytest.mark.req("PWR-005")
def test_each_mode_sheds_the_classes_it_says() -> None:
    assert policy.classes(PowerMode.SAFE) == ()
    assert policy.classes(PowerMode.SURVIVAL) == (JobClass.HOT,)
    assert JobClass.BULK not in policy.classes(PowerMode.ECLIPSE)
    assert set(policy.classes(PowerMode.BOOST)) == set(JobClass)


@pytest.mark.req("PWR-006")
def test_the_cap_is_the_least_of_mode_command_and_heat() -> None:
    assert policy.mode_cap_w(PowerMode.ECLIPSE, V3NODE) == pytest.approx(2_800.0)
    assert policy.effective_cap_w(7_000.0, None, None) == 7_000.0
    assert policy.effective_cap_w(7_000.0, 5_000.0, 6_000.0) == 5_000.0
    assert policy.effective_cap_w(7_000.0, 0.0, None) == 0.0


def orbit_forecast() -> SunForecast:
    """Eclipses of 35 minutes, every 92 minutes, the first 40 minutes after EPOCH."""
    period, entry, dark = 5_520.0, 2_400.0, 2_100.0

    def find(start: MissionTime, end: MissionTime) -> list[Interval]:
        spans = [
            Interval(after(EPOCH, entry + k * period), after(EPOCH, entry + k * period + dark)) for k in range(-9, 60)
        ]
        return [span for span in spans if span.end > start and span.start < end]

    return SunForecast(find)


def seconds(forecast: SunForecast, at_s: float, *, sunlit: bool) -> tuple[float, float]:
    """Return the next two changes, s after EPOCH."""
    changes = forecast.changes(after(EPOCH, at_s), sunlit)
    assert changes.changes_at is not None
    assert changes.changes_back_at is not None
    return seconds_between(EPOCH, changes.changes_at), seconds_between(EPOCH, changes.changes_back_at)


@pytest.mark.req("PWR-009")
def test_the_forecast_names_the_next_two_changes_of_light() -> None:
    forecast = orbit_forecast()

    assert seconds(forecast, 0.0, sunlit=True) == (2_400.0, 4_500.0)
    assert seconds(forecast, 3_000.0, sunlit=False) == (4_500.0, 7_920.0)
    assert seconds(forecast, 84_000.0, sunlit=True) == (85_200.0, 87_300.0)


@pytest.mark.req("PWR-009")
def test_an_array_that_sees_an_edge_seconds_early_or_late_does_not_shift_the_forecast_by_an_orbit() -> None:
    forecast = orbit_forecast()

    assert seconds(forecast, 2_404.0, sunlit=True) == (2_404.0, 4_500.0)
    assert seconds(forecast, 2_396.0, sunlit=False) == (4_500.0, 7_920.0)
    assert seconds(forecast, 4_496.0, sunlit=True) == (7_920.0, 10_020.0)
    assert seconds(forecast, 4_504.0, sunlit=False) == (4_504.0, 7_920.0)


@pytest.mark.req("PWR-009")
def test_no_eclipse_ahead_is_said_as_none() -> None:
    changes = SunForecast(lambda start, end: []).changes(EPOCH, sunlit=True)

    assert changes.changes_at is None
    assert changes.changes_back_at is None
