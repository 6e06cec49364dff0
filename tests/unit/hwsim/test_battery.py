import math
import random

import pytest

from hwsim.errors import EnergyBookError
from hwsim.models.battery import RESISTANCE_BAND_K, Battery
from hwsim.models.body import ZERO_C_K
from hwsim.models.fade import TURNS_MAX, Rainflow
from icd.vehicle import BatteryProfile
from tests.unit.hwsim.bench import profile


def _profile(**changes: object) -> BatteryProfile:
    plain = {"capacity_wh": 100.0, "resistance_ohm": 0.0, "voltage_v": 28.0}
    return profile().battery.model_copy(update=plain | changes)


def _battery(soc_frac: float = 0.5, **changes: object) -> Battery:
    return Battery(_profile(**changes), soc_frac)


def _pass(battery: Battery, solar_w: float, load_w: float, span_s: float) -> None:
    """Let a span pass as the vehicle does: from crossing to crossing."""
    left_s = span_s
    while left_s > 0.0:
        battery.feed(solar_w, load_w)
        step_s = min(left_s, max(1e-9, battery.next_s()))
        battery.advance(step_s)
        left_s -= step_s


@pytest.mark.req("HWS-002")
@pytest.mark.parametrize("seed", range(8))
def test_charge_and_pack_temperature_agree_with_integration(seed: int) -> None:
    """Tenth-of-a-second steps with the resistance at the temperature of each."""
    rng = random.Random(seed)
    p = _profile(capacity_wh=1_000.0, resistance_ohm=0.02, heat_capacity_j_k=8_000.0, bay_w_k=2.0)
    battery = Battery(p, 0.5)
    energy, temp_k = 500.0, battery.temp_k

    for _ in range(20):
        solar_w, load_w, span_s = rng.uniform(0, 4_000), rng.uniform(0, 3_000), rng.randrange(1, 600)
        _pass(battery, solar_w, load_w, span_s)
        for _ in range(span_s * 10):
            net = solar_w - load_w
            r = p.resistance_ohm * math.exp(p.resistance_k * (1 / temp_k - 1 / (p.reference_c + ZERO_C_K)))
            current = 0.0
            if net > 0.0 and energy < battery.capacity_wh:
                current = (-p.voltage_v + math.sqrt(p.voltage_v**2 + 4 * r * net)) / (2 * r)
                energy += p.voltage_v * current * p.charge_efficiency_frac / 36_000.0
            elif net < 0.0 < energy:
                current = (p.voltage_v - math.sqrt(p.voltage_v**2 + 4 * r * net)) / (2 * r)
                energy -= p.voltage_v * current / p.discharge_efficiency_frac / 36_000.0
            energy = min(battery.capacity_wh, max(0.0, energy))
            temp_k += 0.1 / 8_000.0 * (r * current**2 - 2.0 * (temp_k - p.bay_c - ZERO_C_K))

        assert battery.energy_wh == pytest.approx(energy, abs=0.3), f"seed {seed}"
        assert battery.temp_k == pytest.approx(temp_k, abs=0.1), f"seed {seed}"


@pytest.mark.req("HWS-003")
def test_the_book_names_where_all_energy_went() -> None:
    battery = _battery()

    battery.feed(1_000.0, 100.0)
    battery.advance(3_600.0)  # 900 Wh over: 50 Wh fit, which take 55.6
    battery.flow.damage_frac = 0.0
    battery.feed(0.0, 200.0)
    battery.advance(3_600.0)  # 95 Wh can be had of 200

    book = battery.book
    assert battery.energy_wh == 0.0
    assert book.curtailed_wh == pytest.approx(900 - 50 / 0.9)
    assert book.unserved_wh == pytest.approx(200 - 95)
    assert book.conversion_loss_wh == pytest.approx(50 / 0.9 - 50 + 5)


def test_resistance_costs_its_current_squared() -> None:
    battery = _battery(resistance_ohm=0.5, resistance_k=0.0)

    battery.feed(0.0, 100.0)
    current = -battery.current_a
    battery.advance(360.0)

    assert 28.0 * current - 0.5 * current**2 == pytest.approx(100.0)
    assert battery.resistive_w == pytest.approx(0.5 * current**2)
    assert battery.book.resistance_loss_wh == pytest.approx(0.05 * current**2)


def test_a_cold_pack_has_a_higher_resistance() -> None:
    warm, cold = _battery(resistance_ohm=0.05), _battery(resistance_ohm=0.05, bay_c=-10.0)

    for battery in (warm, cold):
        battery.feed(0.0, 100.0)

    assert cold.resistive_w > 1.9 * warm.resistive_w


def test_a_load_beyond_what_the_resistance_passes_is_not_served() -> None:
    battery = _battery(resistance_ohm=0.5, resistance_k=0.0)  # 28^2 / 2 = 392 W at most

    battery.feed(0.0, 500.0)

    assert battery.unserved_w == pytest.approx(500.0 - 392.0)
    assert battery.rate_w == pytest.approx(-2 * 392.0 / 0.95)


@pytest.mark.req("HWS-014")
def test_below_its_limit_no_charge_is_taken_and_the_array_feeds_only_loads() -> None:
    battery = _battery(bay_c=-5.0, charge_min_c=0.0)

    battery.feed(300.0, 100.0)
    battery.advance(1_000.0)

    assert battery.energy_wh == 50.0
    assert battery.book.curtailed_wh == pytest.approx(200.0 / 3.6)
    battery.feed(0.0, 100.0)
    assert battery.rate_w < 0.0


@pytest.mark.req("HWS-014")
def test_a_pack_that_warms_takes_charge_again_at_the_limit_to_the_nanosecond() -> None:
    battery = _battery(bay_c=-5.0, charge_min_c=0.0)
    battery.set_bay_c(10.0)
    battery.feed(300.0, 100.0)

    warm_s, passed_s = battery._tau_s * math.log(15.0 / 10.0), 0.0
    while battery.rate_w == 0.0:
        step_s = battery.next_s()
        battery.advance(step_s)
        passed_s += step_s
        battery.feed(300.0, 100.0)

    assert passed_s == pytest.approx(warm_s, abs=1e-6)
    assert battery.temp_c == pytest.approx(0.0, abs=1e-9)


def test_the_resistance_is_looked_at_again_when_the_pack_has_moved() -> None:
    battery = _battery(resistance_ohm=0.5, heat_capacity_j_k=1_000.0)
    battery.feed(0.0, 200.0)
    before = battery.temp_k

    battery.advance(battery.next_s())

    assert battery.temp_k - before == pytest.approx(RESISTANCE_BAND_K)


@pytest.mark.req("HWS-003")
def test_a_book_that_does_not_close_is_a_named_error() -> None:
    battery = _battery()
    battery.feed(10.0, 5.0)
    battery.energy_wh += 0.001

    with pytest.raises(EnergyBookError, match="energy book"):
        battery.advance(1.0)


def test_charge_crossings_are_exact_and_one_sided() -> None:
    battery = _battery()

    battery.feed(0.0, 95.0)
    assert battery.crossing_s(0.0) == battery.next_s() == pytest.approx(1_800.0)
    battery.feed(100.0, 0.0)
    assert battery.crossing_s(95.0) == pytest.approx(1_800.0)
    assert battery.crossing_s(40.0) is None
    assert battery.crossing_s(101.0) is None
    battery.feed(100.0, 100.0)
    assert battery.crossing_s(60.0) is None
    assert battery.next_s() == math.inf


def test_lost_cells_take_their_charge_and_come_back_empty() -> None:
    battery = _battery(0.8)

    battery.set_health(0.75)
    assert [battery.energy_wh, battery.soc_frac, battery.book.cells_lost_wh] == pytest.approx([60.0, 0.8, 20.0])

    battery.set_health(1.0)
    assert [battery.energy_wh, battery.soc_frac] == pytest.approx([60.0, 0.6])


@pytest.mark.req("HWS-015")
def test_a_battery_cycled_for_its_life_has_the_end_of_life_capacity_left() -> None:
    p = _profile(cycle_life=50.0, cycle_life_dod_frac=0.8, end_of_life_frac=0.8)
    battery = Battery(p, 1.0)

    before = 1.0
    for _ in range(51):
        while battery.soc_frac > 0.2 + 1e-9:
            battery.feed(0.0, 100.0)
            target_s = battery.crossing_s(0.2 * battery.capacity_wh)
            battery.advance(target_s if target_s is not None else 1.0)
        while battery.soc_frac < 1.0:
            battery.feed(100.0, 0.0)
            battery.advance(battery.next_s())
        assert battery.left_frac <= before
        before = battery.left_frac

    assert battery.left_frac == pytest.approx(0.8, abs=0.005)
    assert battery.book.faded_wh > 0.0


@pytest.mark.req("HWS-015")
def test_rainflow_counts_the_example_of_the_standard() -> None:
    """ASTM E1049-85, figure 6: -2, 1, -3, 5, -1, 3, -4, 4, -2. The one full cycle in it is -1 to 3, of range 4."""
    flow = Rainflow(_profile(cycle_life=1.0, cycle_life_dod_frac=4.0, cycle_life_exponent=1.0))

    closed = [flow.turn(value) for value in (-2.0, 1.0, -3.0, 5.0, -1.0, 3.0, -4.0, 4.0, -2.0)]

    assert [place for place, full in enumerate(closed) if full] == [6]
    assert flow.damage_frac == pytest.approx(1.0)
    assert flow.turns == [-2.0, 1.0, -3.0, 5.0, -4.0, 4.0, -2.0]


def test_turning_points_are_bounded() -> None:
    flow = Rainflow(_profile())

    for number in range(500):  # ever smaller ranges: nothing closes on its own
        flow.turn(0.5 + (0.5 if number % 2 else -0.5) / (1.0 + number))

    assert len(flow.turns) <= TURNS_MAX
    assert flow.damage_frac > 0.0
