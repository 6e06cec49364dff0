import itertools

import pytest

from hwsim.models import array
from hwsim.models.array import Light, Step
from hwsim.models.body import ZERO_C_K
from hwsim.models.environment import albedo_w_m2, lit_share
from icd.timebase import NS_PER_S, MissionTime, after
from icd.vehicle import ArrayProfile
from tests.unit.hwsim.bench import EPOCH, profile

CELL_W = 48_600.0
SLACK_J = 2e-5 * 50_000.0 * 3_600.0


def _light(span_s: float = 3_300.0, sun_w_m2: float = 1_361.0, cell_w: float = CELL_W) -> Light:
    return Light(EPOCH, after(EPOCH, span_s), sun_w_m2, cell_w, SLACK_J)


def _exact_w(p: ArrayProfile, temp_k: float) -> float:
    return CELL_W * (1.0 + p.temp_coefficient_per_k * (temp_k - ZERO_C_K - p.reference_c))


@pytest.mark.req("HWS-002")
@pytest.mark.parametrize("temp_k", [160.0, 290.0, 360.0])
def test_stepped_power_has_the_energy_of_the_exact_one_within_its_slack(temp_k: float) -> None:
    p, light = profile().array, _light()
    steps = array.steps(p, light, temp_k)
    sheet = array.body(p, light.sun_w_m2)

    edges = [*(step.at for step in steps), light.end]
    worst, off_j, at_edge = 0.0, 0.0, 0.0
    for step, (low, high) in zip(steps, itertools.pairwise(edges), strict=True):
        count = max(1, (high - low) // (NS_PER_S // 10))
        width_s = (high - low) / NS_PER_S / count
        for number in range(count):
            middle_s = (low - light.start) / NS_PER_S + (number + 0.5) * width_s
            off_j += (step.power_w - _exact_w(p, sheet.after_k(temp_k, middle_s))) * width_s
            worst = max(worst, abs(off_j))
        at_edge = max(at_edge, abs(off_j))

    print(f"array from {temp_k} K: {len(steps)} steps, off by {worst:.0f} J within, {at_edge:.2f} J at edges")
    assert worst <= 2.0 * SLACK_J
    assert at_edge <= 0.02 * SLACK_J


def test_a_cold_array_gives_more() -> None:
    powers = [step.power_w for step in array.steps(profile().array, _light(), 170.0)]

    assert powers == sorted(powers, reverse=True)
    assert powers[0] > 1.35 * powers[-1]


def test_a_dark_array_gives_nothing_and_has_no_steps() -> None:
    assert array.steps(profile().array, _light(sun_w_m2=0.0, cell_w=0.0), 320.0) == [Step(EPOCH, 0.0)]


def test_an_array_that_temperature_leaves_alone_has_one_step() -> None:
    p = profile().array.model_copy(update={"temp_coefficient_per_k": 0.0})

    [step] = array.steps(p, _light(), 200.0)

    assert step == Step(MissionTime(EPOCH), CELL_W)


def test_sunlit_share_of_an_orbit_has_its_textbook_values() -> None:
    """At 550 km an eclipse takes 35.6 of 95.6 minutes at beta 0, and there is none beyond 67 degrees."""
    assert lit_share(1.0, 6_928.1366) == pytest.approx(1.0 - 35.7 / 95.6, abs=0.002)
    assert lit_share(0.37, 6_928.1366) == 1.0


def test_albedo_is_most_under_the_sun_and_none_over_the_terminator() -> None:
    assert albedo_w_m2(1_361.0, 0.0, 6_928.0) == 0.0
    assert albedo_w_m2(1_361.0, 1.0, 6_928.0) == pytest.approx(
        0.3 * 1_361.0 / 3.14159 / lit_share(1.0, 6_928.0), rel=1e-5
    )
