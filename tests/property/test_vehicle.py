"""Whatever befalls a satellite, its books close, its state stays possible, and a copy of it does the same."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astro.orbit import Ephemeris
from hwsim.solo import JOB, Solo
from hwsim.vehicle import Trim, Vehicle
from icd.hw import LoadProfile
from icd.timebase import seconds_between
from tests.unit.hwsim.bench import EPOCH, MISSIONS, fleet, profile

PROFILES = sorted(path.stem for path in (MISSIONS / "profiles").glob("*.toml"))
ELEMENT = fleet().elements[0]

Deed = Callable[[Vehicle], None]


def _changed(change: Deed) -> Deed:
    def deed(vehicle: Vehicle) -> None:
        vehicle.settle()
        change(vehicle)
        vehicle.predict()

    return deed


def _task(share: float) -> Deed:
    def change(vehicle: Vehicle) -> None:
        if vehicle.compute.powered:
            vehicle.compute.allocated[JOB] = share * vehicle.compute.max_w

    return _changed(change)


def _cap(share: float) -> Deed:
    return _changed(lambda vehicle: setattr(vehicle.compute, "cap_w", share * vehicle.compute.max_w))


def _load(profile: LoadProfile) -> Deed:
    return _changed(lambda vehicle: setattr(vehicle, "load_profile", profile))


SHARES = st.floats(0.0, 1.0)
DEEDS: st.SearchStrategy[Deed] = st.one_of(
    SHARES.map(_task),
    SHARES.map(_cap),
    st.sampled_from(LoadProfile).map(_load),
    st.just(_changed(lambda vehicle: vehicle.compute.reset())),
    st.just(_changed(lambda vehicle: vehicle.compute.power_off())),
    st.just(lambda vehicle: vehicle.brown_out()),
    SHARES.map(lambda frac: lambda vehicle: vehicle.set_array_health(frac)),
    st.floats(0.05, 1.0).map(lambda frac: lambda vehicle: vehicle.set_battery_health(frac)),
    st.booleans().map(lambda on: lambda vehicle: vehicle.set_heater(on)),
    st.booleans().map(lambda hung: lambda vehicle: vehicle.hang(hung)),
    SHARES.map(lambda share: lambda vehicle: vehicle.set_latchup_w(share * 0.1 * vehicle.compute.max_w)),
    SHARES.map(lambda share: lambda vehicle: vehicle.set_terminals_w(500.0 * share)),
)
STORIES = st.lists(st.tuples(st.floats(0.0, 4_000.0), DEEDS), min_size=1, max_size=25)


def _possible(vehicle: Vehicle, damage_before: float) -> None:
    battery, chain = vehicle.battery, vehicle.chain
    battery.book.check(battery.energy_wh)
    chain.book.check(chain.stored_j)
    assert 0.0 <= battery.energy_wh <= battery.capacity_wh * (1.0 + 1e-12)
    assert battery.flow.damage_frac >= damage_before
    if battery.temp_c < vehicle._profile.battery.charge_min_c - 1e-6:
        assert battery.rate_w <= 0.0
    if vehicle.compute.powered and not vehicle.too_hot:
        assert chain.die_c <= vehicle._profile.thermal.die_trip_c
    assert min(chain.die_c, chain.plate_c, chain.loop_c, chain.radiator_c) > -273.15
    assert vehicle.compute.power_w >= 0.0


@pytest.mark.req("HWS-003")
@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(name=st.sampled_from(PROFILES), soc=st.floats(0.01, 1.0), story=STORIES)
def test_books_close_and_states_stay_possible_whatever_happens(
    name: str, soc: float, story: list[tuple[float, Deed]]
) -> None:
    solo = Solo(profile(name), Ephemeris(ELEMENT.line1, ELEMENT.line2), EPOCH, (), Trim(soc, 1.0))

    for span_s, deed in story:
        damage = solo.vehicle.battery.flow.damage_frac
        solo.advance(span_s, look=lambda vehicle: _possible(vehicle, 0.0), every_s=300.0)
        deed(solo.vehicle)
        _possible(solo.vehicle, damage)
    assert seconds_between(EPOCH, solo.kernel.now) == pytest.approx(sum(span_s for span_s, _ in story), abs=1e-6)


@pytest.mark.req("HWS-011")
@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(name=st.sampled_from(PROFILES), story=STORIES, at=st.integers(0, 24))
def test_a_copy_made_at_any_moment_does_the_same_to_the_last_bit(
    name: str, story: list[tuple[float, Deed]], at: int
) -> None:
    ephemeris = Ephemeris(ELEMENT.line1, ELEMENT.line2)
    solo = Solo(profile(name), ephemeris, EPOCH, (), Trim(0.7, 1.0))
    copy: Solo | None = None

    for number, (span_s, deed) in enumerate(story):
        for one in (solo, copy):
            if one is not None:
                one.advance(span_s)
        if number == at % len(story):
            copy = Solo(profile(name), ephemeris, solo.kernel.now, (), Trim(1.0, 1.0))
            copy.vehicle.restore(json.loads(json.dumps(solo.vehicle.dump())))
        for one in (solo, copy):
            if one is not None:
                deed(one.vehicle)

    assert copy is not None
    assert copy.vehicle.dump() == solo.vehicle.dump()
