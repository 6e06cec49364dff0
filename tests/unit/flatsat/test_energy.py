"""Every shipped vehicle lives on its orbit, and one that could not is named before it flies."""

import math
import tomllib
from pathlib import Path

import pytest

from astro import seasons, sun
from astro.seasons import Circle
from flatsat import energy
from flatsat.mission import MissionError, load_mission
from icd.timebase import from_iso
from icd.vehicle import RATE_MODES_BPS, Tracking, VehicleProfile
from tests.unit.flatsat import missions

START = from_iso("2026-08-22T18:25:30Z")
FILES = sorted(Path("missions/profiles").glob("*.toml"))
CLASSES = {"cubesat", "dawndusk", "starcloud1", "v2mini", "v3node"}


def shipped(name: str) -> VehicleProfile:
    return VehicleProfile.model_validate(tomllib.loads(Path(f"missions/profiles/{name}.toml").read_text()))


def orbit(profile: VehicleProfile) -> Circle:
    x, y, _ = sun.position(START)
    noon = math.atan2(y, x)
    own = profile.orbit
    node = noon if own.ltan_h is None else noon + math.radians(15.0 * (own.ltan_h - 12.0))
    return Circle.under_j2(seasons.EARTH_RADIUS_KM + own.altitude_km, math.radians(own.inclination_deg), node)


def changed(profile: VehicleProfile, table: str, **values: object) -> VehicleProfile:
    return profile.model_copy(update={table: getattr(profile, table).model_copy(update=values)})


def test_the_five_classes_are_shipped() -> None:
    assert {path.stem for path in FILES} == CLASSES
    assert all(shipped(path.stem).name == path.stem for path in FILES)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.stem))
def test_every_number_of_a_profile_names_its_source(path: Path) -> None:
    numbers = [line for line in path.read_text().splitlines() if "=" in line and not line.startswith(("#", "name"))]

    assert numbers
    assert [line for line in numbers if not line.partition("#")[2].strip()] == []


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_the_energy_of_every_class_closes_on_its_own_orbit(name: str) -> None:
    profile = shipped(name)

    found = energy.check(profile, orbit(profile), START)

    assert found.harvest_w > found.need_w
    assert 0.0 < found.depth_frac <= profile.battery.dod_routine_frac


def test_the_longest_eclipses_are_those_of_the_published_table() -> None:
    """350 km at 53 degrees: 36.3 of 91.54 min; dawn-dusk at 650 km: 19.7 of 97.73 min."""
    low, dawn = (energy.balance(shipped(name), orbit(shipped(name)), START) for name in ("v3node", "dawndusk"))

    assert (low.eclipse_min, dawn.eclipse_min) == pytest.approx((36.3, 19.7), abs=0.05)
    assert (low.period_min, dawn.period_min) == pytest.approx((91.54, 97.73), abs=0.01)


def test_a_class_whose_array_carries_less_than_its_bus_is_refused() -> None:
    profile = changed(shipped("v3node"), "array", nameplate_w=40_000.0)

    with pytest.raises(
        energy.EnergyError,
        match=r"gives \d+ W, and bus.full_w, lasers and .* need \d+ W; raise array",
    ):
        energy.check(profile, orbit(profile), START)


def test_a_class_whose_battery_does_not_last_the_night_is_refused() -> None:
    profile = changed(shipped("v3node"), "battery", capacity_wh=20_000.0)

    with pytest.raises(energy.EnergyError, match=r"takes 68% of the battery .*; dod_hard_frac allows 45%"):
        energy.check(profile, orbit(profile), START)


def test_fixed_panels_and_one_axis_catch_less_than_an_array_that_follows_the_sun() -> None:
    profile = shipped("v3node")
    tilted = Circle.under_j2(seasons.EARTH_RADIUS_KM + 350.0, math.radians(53.0), 0.0)

    got = {
        tracking: energy.balance(changed(profile, "array", tracking=tracking), tilted, START).harvest_w
        for tracking in Tracking
    }

    assert got[Tracking.BODY] < got[Tracking.PITCH] < got[Tracking.SUN]


def test_a_mission_on_which_the_vehicle_cannot_live_is_refused_in_one_line(tmp_path: Path) -> None:
    path = missions.copy(tmp_path)
    missions.edit(path.parent / "profiles" / "v3node.toml", "nameplate_w = 60_000.0", "nameplate_w = 40_000.0")

    with pytest.raises(MissionError) as refused:
        load_mission(path)

    assert str(refused.value).startswith(f"{path}: vehicle.profile: on the orbit of STARLINK-")
    assert "\n" not in str(refused.value)


def test_rate_modes_are_those_of_the_standard_terminals() -> None:
    assert [rate / 1e9 for rate in RATE_MODES_BPS] == [2.0, 2.5, 25.0, 100.0, 200.0, 400.0, 1000.0]
