import random

import pytest

from hwsim.errors import EnergyBookError
from hwsim.models import array
from hwsim.models.battery import Battery
from hwsim.models.compute import POWER_CAP, THERMAL, Compute
from hwsim.models.thermal import STEFAN_BOLTZMANN_W_M2_K4, Radiator


def _radiator(temp_k: float) -> Radiator:
    return Radiator(17.0, 0.9, 400_000.0, temp_k)


def _integrate(temp_k: float, heat_w: float, span_s: float) -> float:
    """Fourth-order Runge-Kutta of C dT/dt = Q - k T^4 in small steps."""
    k = 17.0 * 0.9 * STEFAN_BOLTZMANN_W_M2_K4

    def slope(temp: float) -> float:
        return (heat_w - k * temp**4) / 400_000.0

    steps = max(1, int(span_s))
    h = span_s / steps
    for _ in range(steps):
        a = slope(temp_k)
        b = slope(temp_k + h / 2 * a)
        c = slope(temp_k + h / 2 * b)
        d = slope(temp_k + h * c)
        temp_k += h / 6 * (a + 2 * b + 2 * c + d)
    return temp_k


@pytest.mark.req("HWS-002")
@pytest.mark.parametrize("temp_k", [180.0, 260.0, 293.15, 340.0])
@pytest.mark.parametrize("heat_w", [0.0, 40.0, 3_800.0, 10_000.0, 13_000.0])
@pytest.mark.parametrize("span_s", [0.5, 60.0, 5_000.0])
def test_temperature_agrees_with_integration(temp_k: float, heat_w: float, span_s: float) -> None:
    radiator = _radiator(temp_k)

    radiator.advance(heat_w, span_s)

    assert radiator.temp_k == pytest.approx(_integrate(temp_k, heat_w, span_s), abs=1e-7)


@pytest.mark.req("HWS-002")
@pytest.mark.parametrize(
    ("temp_k", "heat_w", "target_k"),
    [(293.15, 13_000.0, 343.15), (343.15, 3_800.0, 338.15), (300.0, 0.0, 250.0), (260.0, 10_000.0, 327.0)],
)
def test_a_crossing_is_met_when_it_was_predicted(temp_k: float, heat_w: float, target_k: float) -> None:
    radiator = _radiator(temp_k)

    span_s = radiator.crossing_s(heat_w, target_k)

    assert span_s is not None
    radiator.advance(heat_w, span_s)
    assert radiator.temp_k == pytest.approx(target_k, abs=1e-8)


@pytest.mark.parametrize(
    ("heat_w", "target_k"), [(10_000.0, 343.15), (3_800.0, 300.0), (0.0, 310.0), (10_000.0, 290.0)]
)
def test_what_is_never_reached_has_no_crossing(heat_w: float, target_k: float) -> None:
    assert _radiator(293.15).crossing_s(heat_w, target_k) is None


def test_a_body_in_equilibrium_stays_there() -> None:
    radiator = _radiator(300.0)
    radiator.temp_k = radiator.equilibrium_k(9_000.0)
    before = radiator.temp_k

    radiator.advance(9_000.0, 1e6)

    assert radiator.temp_k == pytest.approx(before, abs=1e-9)


@pytest.mark.req("HWS-002")
@pytest.mark.parametrize("seed", range(20))
def test_charge_agrees_with_integration(seed: int) -> None:
    rng = random.Random(seed)
    battery = Battery.at(1_000.0, 0.5, 0.9, 0.95)
    polled = 500.0

    for _ in range(30):
        solar_w, load_w, span_s = rng.uniform(0, 4_000), rng.uniform(0, 3_000), rng.randrange(1, 1_200)
        battery.advance(solar_w, load_w, span_s)
        for _ in range(span_s * 10):
            net = (solar_w - load_w) / 36_000.0
            polled = min(1_000.0, max(0.0, polled + (net * 0.9 if net > 0 else net / 0.95)))

        assert battery.energy_wh == pytest.approx(polled, abs=0.05), f"seed {seed}"
    assert 0.0 <= battery.soc_frac <= 1.0


@pytest.mark.req("HWS-003")
def test_the_book_names_where_all_energy_went() -> None:
    battery = Battery.at(100.0, 0.5, 0.9, 0.95)

    battery.advance(1_000.0, 100.0, 3_600.0)  # 900 Wh over: 50 Wh fit, which take 55.6
    battery.advance(0.0, 200.0, 3_600.0)  # 95 Wh can be had of 200

    book = battery.book
    assert battery.energy_wh == 0.0
    assert book.curtailed_wh == pytest.approx(900 - 50 / 0.9)
    assert book.unserved_wh == pytest.approx(200 - 95)
    assert book.conversion_loss_wh == pytest.approx(50 / 0.9 - 50 + 5)


@pytest.mark.req("HWS-003")
def test_a_book_that_does_not_close_is_a_named_error() -> None:
    battery = Battery.at(100.0, 0.5, 0.9, 0.95)
    battery.energy_wh += 0.001

    with pytest.raises(EnergyBookError, match="energy book"):
        battery.advance(10.0, 5.0, 1.0)


def test_charge_crossings_are_exact_and_one_sided() -> None:
    battery = Battery.at(100.0, 0.5, 0.9, 0.95)

    assert battery.crossing_s(0.0, 95.0, 0.0) == pytest.approx(1_800.0)
    assert battery.crossing_s(100.0, 0.0, 95.0) == pytest.approx(1_800.0)
    assert battery.crossing_s(100.0, 0.0, 40.0) is None
    assert battery.crossing_s(100.0, 100.0, 60.0) is None
    assert battery.crossing_s(100.0, 0.0, 101.0) is None


def test_lost_cells_take_their_charge_and_come_back_empty() -> None:
    battery = Battery.at(100.0, 0.8, 0.9, 0.95)

    battery.resize(75.0)
    assert [battery.energy_wh, battery.soc_frac] == pytest.approx([60.0, 0.8])

    battery.resize(100.0)
    assert [battery.energy_wh, battery.soc_frac] == pytest.approx([60.0, 0.6])


def test_array_power_falls_with_light_and_distance() -> None:
    assert array.power_w(1_000.0, 0.8, 1.0, 1.0) == pytest.approx(800.0)
    assert array.power_w(1_000.0, 0.8, 0.5, 2.0) == pytest.approx(100.0)


def test_the_module_draws_idle_plus_jobs_up_to_its_cap() -> None:
    module = Compute(800.0, 10_000.0, 10_000.0)
    module.allocated = {"a": 700.0, "b": 1_500.0}
    assert (module.power_w, module.throttle_reasons) == (3_000.0, 0)

    module.cap_w = 2_000.0
    assert (module.power_w, module.throttle_reasons) == (2_000.0, POWER_CAP)

    module.throttled = True
    assert (module.power_w, module.throttle_reasons) == (1_400.0, POWER_CAP | THERMAL)

    module.hung = True
    assert module.power_w == 800.0

    module.power_off()
    assert (module.power_w, module.allocated) == (0.0, {})
