"""Any history of readings moves the power mode along its table, with a reason, and never past its limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icd.tc import PowerMode
from node.apps.power import policy
from node.apps.power.modes import POWER_TABLE
from node.apps.thermal import policy as thermal
from tests.unit.node.hardware import V3NODE

pytestmark = pytest.mark.slow

LIMITS = policy.limits_of(V3NODE)
READING = st.tuples(st.floats(0.0, 1.0), st.booleans(), st.floats(0.1, 2_000.0))


@pytest.mark.req("PWR-001")
@given(st.sampled_from(PowerMode), st.lists(READING, max_size=60))
def test_every_change_is_an_edge_and_low_charge_is_never_spent(
    mode: PowerMode, history: list[tuple[float, bool, float]]
) -> None:
    in_mode_s = 0.0
    for soc, sunlit, delay_s in history:
        in_mode_s += delay_s
        change = policy.next_change(mode, soc, sunlit, in_mode_s, LIMITS)
        if change is not None:
            target = POWER_TABLE.target(mode, change.trigger)
            assert target is not None, (mode, change)
            mode, in_mode_s = target, 0.0
        if soc < LIMITS.survival_below:
            assert mode in (PowerMode.SAFE, PowerMode.SURVIVAL)


@pytest.mark.req("PWR-003")
@given(st.sampled_from(PowerMode), st.floats(0.0, 1.0), st.booleans())
def test_a_steady_reading_comes_to_rest(mode: PowerMode, soc: float, sunlit: bool) -> None:
    """With hysteresis, an unchanging reading moves the mode at most twice and then never again."""
    changes = 0
    for _ in range(6):
        change = policy.next_change(mode, soc, sunlit, 1e6, LIMITS)
        if change is None:
            break
        target = POWER_TABLE.target(mode, change.trigger)
        assert target is not None
        mode, changes = target, changes + 1
    assert changes <= 2


@pytest.mark.req("THM-001")
@given(st.lists(st.floats(-40.0, 120.0), min_size=1, max_size=60))
def test_the_cap_never_exceeds_the_derate_line_by_more_than_a_step(temperatures: list[float]) -> None:
    cap: float | None = None
    for temp_c in temperatures:
        cap = thermal.next_cap_w(cap, temp_c, V3NODE)
        shown = V3NODE.compute.max_w if cap is None else cap
        assert shown <= thermal.derated_w(temp_c, V3NODE) + thermal.STEP_FRAC * V3NODE.compute.max_w
        assert shown >= V3NODE.compute.idle_w
        if temp_c >= V3NODE.thermal.throttle_c:
            assert cap == V3NODE.compute.idle_w
