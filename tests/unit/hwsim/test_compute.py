import pytest

from hwsim.models.compute import HW_SLOWDOWN, HW_THERMAL, POWER_BRAKE, POWER_CAP, SW_THERMAL, Compute, Curve
from tests.unit.hwsim.bench import profile


def _module(**jobs_w: float) -> Compute:
    module = Compute(profile().compute)
    module.allocated = dict(jobs_w)
    return module


def test_the_module_draws_idle_plus_jobs_up_to_its_cap() -> None:
    module = _module(a=700.0, b=1_500.0)
    assert (module.power_w, module.throttle_reasons) == (3_000.0, 0)
    assert module.clock_mhz == pytest.approx(1_980.0, abs=0.01)

    module.cap_w = 2_000.0
    assert (module.power_w, module.throttle_reasons) == (2_000.0, POWER_CAP)

    module.hung = True
    assert module.power_w == 800.0

    module.power_off()
    assert (module.power_w, module.clock_mhz, module.allocated) == (0.0, 0.0, {})


@pytest.mark.req("HWS-016")
def test_a_cap_lowers_the_clock_to_the_highest_that_keeps_it() -> None:
    module, curve = _module(a=9_200.0), Curve(profile().compute)
    clocks = []

    for cap_w in (10_000.0, 8_000.0, 6_000.0, 4_000.0, 2_000.0, 1_200.0, 800.0):
        module.cap_w = cap_w
        clocks.append(module.clock_mhz)
        assert module.power_w == pytest.approx(800.0 + 9_200.0 * curve.share(module.clock_mhz), abs=0.05)
        assert module.power_w <= cap_w

    assert clocks == sorted(clocks, reverse=True)
    assert clocks[0] == pytest.approx(1_980.0, abs=0.01)


def test_the_curve_goes_through_its_points_and_back() -> None:
    p, curve = profile().compute, Curve(profile().compute)
    full = p.clock_mhz[-1] * p.core_v[-1] ** 2

    for clock_mhz, core_v in zip(p.clock_mhz, p.core_v, strict=True):
        assert curve.share(clock_mhz) == pytest.approx(clock_mhz * core_v**2 / full)
        assert curve.clock_mhz(curve.share(clock_mhz)) == pytest.approx(clock_mhz, abs=2e-3)
    assert curve.share(0.0) == 0.0


@pytest.mark.req("HWS-016")
def test_heat_slows_the_clock_and_says_why() -> None:
    module = _module(a=9_200.0)

    module.hot_plate = True
    soft_w = module.power_w
    assert module.throttle_reasons == SW_THERMAL
    assert module.clock_mhz == pytest.approx(0.75 * 1_980.0, abs=0.01)

    module.hot_die = True
    assert module.throttle_reasons == SW_THERMAL | HW_THERMAL | HW_SLOWDOWN
    assert module.clock_mhz == pytest.approx(990.0, abs=0.01)
    assert module.power_w < soft_w < 10_000.0


@pytest.mark.req("HWS-016")
def test_a_brake_is_told_until_the_module_is_switched_on() -> None:
    module = _module(a=900.0)

    module.brake()
    assert (module.power_w, module.throttle_reasons) == (0.0, POWER_BRAKE | HW_SLOWDOWN)

    module.power_on()
    assert module.throttle_reasons == 0


def test_a_latch_up_draws_on_until_the_power_is_cycled() -> None:
    module = _module(a=900.0)
    module.latchup_w = 250.0
    module.cap_w = 1_000.0
    assert module.power_w == 1_250.0

    module.reset()

    assert (module.power_w, module.latchup_w, module.cap_w) == (800.0, 0.0, 10_000.0)
