import random
import statistics

import pytest

from hwsim.models import optics


def test_acquisition_times_have_the_least_the_median_and_the_limit() -> None:
    rng = random.Random(3)
    draws = [optics.acquisition_s(rng, 12.0, 30.0, 100.0) for _ in range(20_000)]

    assert min(draws) >= 12.0
    assert max(draws) <= 100.0
    assert statistics.median(draws) == pytest.approx(30.0, abs=0.4)
    assert optics.acquisition_s(random.Random(1), 10.0, 10.0, 10.0) == 10.0


def test_a_quarter_turn_takes_its_angle_over_the_rate() -> None:
    assert optics.slew_s((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), 0.01) == pytest.approx(157.0796, abs=1e-3)
