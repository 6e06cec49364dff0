"""The coupled physics of one satellite: a day, its accuracy, its books, and what befalls it."""

import itertools
import json
import random
from collections.abc import Callable

import pytest

from astro import shadow
from astro.orbit import Ephemeris
from benchmarks import polled
from hwsim.errors import EnergyBookError, HeatBookError
from hwsim.kernel import Kernel
from hwsim.models.compute import HW_SLOWDOWN, HW_THERMAL, POWER_BRAKE, SW_THERMAL
from hwsim.sky import PART_SHARES, PARTS
from hwsim.solo import JOB, LoadChange, Solo
from hwsim.vehicle import Trim, Vehicle
from icd.hw import LoadProfile
from icd.timebase import after
from icd.vehicle import VehicleProfile
from tests.unit.hwsim.bench import EPOCH, fleet, profile

DAY_S = 86_400.0
ENERGY_FRAC = 5e-5  # of the capacity: the requirement on stored energy after a day


def _profile(**tables: dict[str, object]) -> VehicleProfile:
    shipped = profile()
    changed = {name: getattr(shipped, name).model_copy(update=update) for name, update in tables.items()}
    return shipped.model_copy(update=changed)


def _ephemeris() -> Ephemeris:
    element = fleet().elements[0]
    return Ephemeris(element.line1, element.line2)


def _solo(p: VehicleProfile | None = None, loads: tuple[LoadChange, ...] = (), soc_frac: float = 0.8) -> Solo:
    return Solo(p or profile(), _ephemeris(), EPOCH, loads, Trim(soc_frac, 1.0))


def _loads(seed: int, count: int = 1_000, most_w: float = 6_500.0) -> tuple[LoadChange, ...]:
    rng = random.Random(seed)
    return tuple(LoadChange(rng.randrange(864_000) / 10.0, rng.uniform(0.0, most_w)) for _ in range(count))


def _task(vehicle: Vehicle, power_w: float) -> None:
    vehicle.settle()
    vehicle.compute.allocated[JOB] = power_w
    vehicle.predict()


@pytest.mark.req("HWS-002")
@pytest.mark.slow
@pytest.mark.parametrize("name", ["cubesat", "dawndusk", "starcloud1", "v2mini", "v3node"])
def test_stored_energy_after_a_day_agrees_with_a_polled_run(name: str) -> None:
    """A thousand load changes; steps of 0.1 s with the light, the temperatures and the resistance of each."""
    p = profile(name)
    loads = _loads(1, most_w=0.5 * p.compute.typical_w)
    solo = _solo(p, loads, 1.0)

    solo.advance(DAY_S)

    truth = polled.stored_wh(p, _ephemeris(), EPOCH, loads, 0.1)
    off = abs(solo.vehicle.battery.energy_wh - truth) / p.battery.capacity_wh
    print(f"{name}: stored energy within {off:.5%} of capacity of 0.1 s polling, allowed {ENERGY_FRAC:.3%}")
    assert solo.vehicle.brown_outs == 0
    assert off <= ENERGY_FRAC


@pytest.mark.req("HWS-003")
def test_the_books_are_held_against_themselves_at_every_event_of_a_day() -> None:
    solo = _solo(None, _loads(5, 200))

    solo.advance(DAY_S)

    energy, heat = solo.vehicle.battery.book, solo.vehicle.chain.book
    assert energy.solar_wh > 500_000.0
    assert energy.resistance_loss_wh > 500.0
    assert energy.load_wh == pytest.approx(18_000.0 * 24 + heat.compute_j / 3_600.0, rel=1e-9)
    assert heat.background_j == pytest.approx(3_000.0 * DAY_S, rel=1e-9)


@pytest.mark.req("HWS-003")
@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (
            lambda vehicle: setattr(vehicle.battery, "energy_wh", vehicle.battery.energy_wh * (1.0 + 1e-6)),
            EnergyBookError,
        ),
        (
            lambda vehicle: setattr(vehicle.battery.book, "solar_wh", vehicle.battery.book.solar_wh + 1e-3),
            EnergyBookError,
        ),
        (lambda vehicle: setattr(vehicle.chain, "m0", vehicle.chain.m0 * (1.0 + 1e-6)), HeatBookError),
        (lambda vehicle: setattr(vehicle.chain.book, "radiated_j", float("nan")), HeatBookError),
    ],
)
def test_a_planted_error_stops_the_run_at_the_next_event(
    spoil: Callable[[Vehicle], None], error: type[Exception]
) -> None:
    solo = _solo()
    solo.advance(100.0)

    spoil(solo.vehicle)

    with pytest.raises(error):
        solo.advance(3_600.0)


def test_parts_of_a_penumbra_have_the_mean_of_their_half_and_join() -> None:
    """The lightest part of the darker half and the darkest of the lighter one lie about one half."""
    dark, light = (
        [share * half for share in PART_SHARES[half]]
        for half in (shadow.PENUMBRA_DARK_HALF_FRAC, shadow.PENUMBRA_LIGHT_HALF_FRAC)
    )

    assert [sum(dark) / PARTS, sum(light) / PARTS] == pytest.approx([0.2122066, 0.7877934], abs=1e-6)
    assert [*dark, *light] == sorted([*dark, *light])
    assert [a + b for a, b in zip(dark, reversed(light), strict=True)] == pytest.approx([1.0] * PARTS, abs=1e-6)


def test_after_an_eclipse_the_cold_array_gives_more() -> None:
    solo, seen = _solo(), list[tuple[float, float, float]]()

    solo.advance(12_000.0, look=lambda v: seen.append((v.sunlit_frac, v.solar_w, v.array_temp_c)), every_s=20.0)

    dawns = [later for before, later in itertools.pairwise(seen) if before[0] < 1.0 and later[0] == 1.0]
    warm_w = max(power for light, power, temp in seen if light == 1.0 and temp > 45.0)
    assert dawns
    assert min(power for _, power, _ in dawns) > 1.3 * warm_w
    assert max(temp for _, _, temp in dawns) < -60.0


@pytest.mark.req("HWS-016")
def test_the_software_slows_a_module_on_a_hot_plate_and_lets_it_go_when_cooler() -> None:
    solo, reached = _solo(_profile(thermal={"radiator_m2": 17.0})), list[tuple[bool, float]]()
    _task(solo.vehicle, 9_200.0)

    def look(vehicle: Vehicle) -> None:
        if not reached or reached[-1][0] != vehicle.compute.hot_plate:
            reached.append((vehicle.compute.hot_plate, vehicle.chain.plate_c))

    solo.advance(36_000.0, look=look)

    assert [state for state, _ in reached[:4]] == [False, True, False, True]
    assert max(temp for _, temp in reached) < 70.5
    assert min(temp for _, temp in reached[2:]) > 64.0


@pytest.mark.req("HWS-016")
def test_the_hardware_halves_the_clock_of_a_hot_die() -> None:
    solo = _solo(_profile(thermal={"die_throttle_c": 40.0, "throttle_c": 80.0}))
    _task(solo.vehicle, 9_200.0)
    seen = set[int]()

    solo.advance(3_600.0, look=lambda v: seen.add(v.compute.throttle_reasons), every_s=5.0)

    assert HW_THERMAL | HW_SLOWDOWN in seen
    assert not any(reasons & SW_THERMAL for reasons in seen)


def test_the_module_switches_itself_off_when_its_plate_trips() -> None:
    solo = _solo(_profile(thermal={"background_w": 30_000.0}))

    solo.advance(7_200.0)

    assert not solo.vehicle.compute.powered
    assert solo.vehicle.too_hot


def test_the_module_switches_itself_off_when_its_die_trips() -> None:
    solo, dies = _solo(_profile(thermal={"die_trip_c": 36.0, "die_throttle_c": 36.0})), list[float]()
    _task(solo.vehicle, 9_200.0)

    solo.advance(3_600.0, look=lambda v: dies.append(v.chain.die_c), every_s=1.0)

    assert not solo.vehicle.compute.powered
    assert 35.0 < max(dies) <= 36.0 + 1e-6


def test_an_empty_battery_browns_out_and_brakes_the_module() -> None:
    solo = _solo(None, soc_frac=0.05)

    solo.advance(1_800.0)

    assert solo.vehicle.brown_outs == 1
    assert solo.vehicle.load_profile is LoadProfile.MINIMAL
    assert solo.vehicle.compute.throttle_reasons & POWER_BRAKE


@pytest.mark.req("HWS-014")
def test_with_its_heaters_lost_a_pack_takes_no_charge_below_its_limit() -> None:
    solo = _solo(_profile(battery={"heat_capacity_j_k": 20_000.0}))
    solo.vehicle.set_heater(on=False)
    seen = list[tuple[float, float]]()

    solo.advance(20_000.0, look=lambda v: seen.append((v.battery.temp_c, v.battery.rate_w)), every_s=10.0)
    frozen = [rate for temp, rate in seen if temp < 0.0]
    solo.vehicle.set_heater(on=True)
    solo.advance(DAY_S / 4)

    assert len(frozen) > 100
    assert max(frozen) <= 0.0
    assert solo.vehicle.battery.temp_c > 10.0
    assert solo.vehicle.battery.soc_frac > 0.5


def test_what_befalls_a_satellite_changes_its_powers_at_once() -> None:
    vehicle = _solo().vehicle
    whole_w, load_w = vehicle.solar_w, vehicle.load_w

    vehicle.set_array_health(0.5)
    vehicle.set_terminals_w(480.0)
    vehicle.set_latchup_w(100.0)

    assert vehicle.solar_w == 0.5 * whole_w
    assert vehicle.load_w == load_w + 580.0
    assert vehicle.battery.load_w == vehicle.load_w
    assert vehicle.chain.compute_w == 900.0

    vehicle.brown_out()
    assert (vehicle.load_w, vehicle.compute.latchup_w, vehicle.brown_outs) == (3_980.0, 0.0, 1)


@pytest.mark.parametrize("frac", [-0.1, 1.1, float("nan")])
def test_a_health_that_cannot_be_is_refused(frac: float) -> None:
    vehicle = _solo().vehicle

    with pytest.raises(ValueError, match="health"):
        vehicle.set_array_health(frac)
    with pytest.raises(ValueError, match="health"):
        vehicle.set_battery_health(frac)


@pytest.mark.req("HWS-015")
def test_capacity_only_falls_while_nothing_is_repaired() -> None:
    solo, seen = _solo(None, _loads(4, 300)), list[float]()

    solo.advance(DAY_S, look=lambda v: seen.append(v.battery.capacity_wh), every_s=600.0)

    assert seen == sorted(seen, reverse=True)
    assert seen[-1] < seen[0]


@pytest.mark.req("HWS-010")
@pytest.mark.parametrize("at_s", [0.0, 777.7, 5_000.0, 40_000.5])
def test_a_vehicle_that_was_put_away_goes_on_to_the_last_bit(at_s: float) -> None:
    loads = _loads(9, 120)
    solo = _solo(None, loads)
    solo.vehicle.set_heater(on=False)
    solo.advance(at_s)
    saved = json.loads(json.dumps(solo.vehicle.dump()))

    rest = [LoadChange(change.after_s - at_s, change.power_w) for change in loads if change.after_s > at_s]
    again = Solo(profile(), _ephemeris(), after(EPOCH, at_s), rest, Trim(0.8, 1.0))
    again.vehicle.restore(saved)
    assert again.vehicle.dump() == solo.vehicle.dump()
    for one in (solo, again):
        one.advance(DAY_S - at_s)

    assert again.vehicle.dump() == solo.vehicle.dump()


@pytest.mark.parametrize("spoil", ["battery", "chain", "compute", "sky", "load_profile", "heat_due"])
def test_a_state_of_something_else_is_refused(spoil: str) -> None:
    vehicle = _solo().vehicle
    saved = vehicle.dump()
    saved[spoil] = {"what": "ever"}

    with pytest.raises((KeyError, TypeError, ValueError)):
        vehicle.restore(saved)


def test_looking_changes_nothing() -> None:
    """A reading settles the state; how often that happens moves it by rounding alone."""
    seldom, often = _solo(None, _loads(3, 50)), _solo(None, _loads(3, 50))

    seldom.advance(20_000.0)
    often.advance(20_000.0, look=lambda vehicle: None, every_s=7.0)

    assert often.vehicle.battery.energy_wh == pytest.approx(seldom.vehicle.battery.energy_wh, rel=1e-12)
    assert often.vehicle.chain.die_c == pytest.approx(seldom.vehicle.chain.die_c, rel=1e-9)


def test_nobody_is_told_of_a_deadband_that_nobody_listens_to() -> None:
    kernel, told = Kernel(EPOCH), list[str]()
    vehicle = Vehicle(kernel, profile(), _ephemeris(), Trim(0.8, 1.0), told.append)
    vehicle.predict()

    kernel.advance_to(after(EPOCH, 3_000.0))

    assert {"eps", "thermal"} <= set(told)
