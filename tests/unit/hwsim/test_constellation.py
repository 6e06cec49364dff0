"""A whole constellation in arrays, held against a run of the same model polled every tenth of a second."""

import math
import tomllib
from pathlib import Path

import numpy as np
import pytest

from astro import eclipses, elements, shadow, sun
from astro.frames import Teme, TemeTrack
from astro.orbit import Ephemeris
from astro.swarm import Swarm, hermite
from hwsim import constellation, spans
from hwsim.constellation import Flight, Trims
from hwsim.errors import EnergyBookError
from hwsim.models.battery import Battery
from icd.timebase import NS_PER_S, MissionTime, after
from icd.vehicle import Tracking, VehicleProfile
from tests.unit.astro.swarms import START, one, real, shell

DAY_S = 86_400.0
END = after(START, DAY_S)
PROFILES = Path(__file__).parents[3] / "missions/profiles"


def profile(name: str = "v3node") -> VehicleProfile:
    return VehicleProfile.model_validate(tomllib.loads((PROFILES / f"{name}.toml").read_text()))


def flight(swarm: Swarm, *, soc_frac: float = 0.9, end: MissionTime = END) -> Flight:
    return constellation.fly(swarm, profile(), constellation.usual_trims(profile(), soc_frac), START, end)


def rate_w(net_w: float, of: VehicleProfile) -> float:
    """Return the rate of stored energy, W, from the battery's equation solved anew: V I +- R I^2 = P."""
    battery = of.battery
    cold = 1.0 / (battery.bay_c + 273.15) - 1.0 / (battery.reference_c + 273.15)
    resistance, volts = battery.resistance_ohm * math.exp(battery.resistance_k * cold), battery.voltage_v
    if net_w > 0.0:
        amperes = (-volts + math.sqrt(volts * volts + 4.0 * resistance * net_w)) / (2.0 * resistance)
        return volts * amperes * battery.charge_efficiency_frac
    amperes = (volts - math.sqrt(volts * volts + 4.0 * resistance * net_w)) / (2.0 * resistance)
    return -volts * amperes / battery.discharge_efficiency_frac


def lit_fracs(swarm: Swarm, satellite: int, times: np.ndarray) -> np.ndarray:
    """Return the visible fraction of the Sun, sample by sample."""
    minutes, into = np.divmod(times, 60 * NS_PER_S)
    first = int(minutes[0])
    table = swarm.minute_knots(np.array([satellite]), first, int(minutes[-1]) - first + 2)[0]
    track = TemeTrack(hermite(table[minutes - first], table[minutes - first + 1], into / (60.0 * NS_PER_S)))
    suns = sun.positions(times)
    fractions = (shadow.margins_km(track, suns, umbra=False) >= 0.0).astype(float)
    partly = (fractions == 0.0) & (shadow.margins_km(track, suns, umbra=True) > 0.0)
    for place in np.flatnonzero(partly).tolist():
        fractions[place] = shadow.sunlit_frac(Teme(*track.km[place].tolist()), Teme(*suns.km[place].tolist()))
    return fractions


def polled_wh(swarm: Swarm, satellite: int, step_s: float, of: VehicleProfile) -> float:
    """Return the stored energy after a day, polled: each step holds the light of its middle."""
    count = round(DAY_S / step_s)
    times = START + np.rint((np.arange(count) + 0.5) * step_s * NS_PER_S).astype(np.int64)
    fractions = lit_fracs(swarm, satellite, times)
    full_w = of.array.nameplate_w * of.array.derate_frac
    light_w = of.bus.full_w + of.compute.typical_w
    dark_w = of.bus.full_w + of.compute.typical_w * of.compute.eclipse_frac
    energy, hours, sun_au = 0.9 * of.battery.capacity_wh, step_s / 3600.0, 1.0
    known: dict[float, float] = {}
    for place, frac in enumerate(fractions.tolist()):
        if place % 6000 == 0:
            sun_au, known = sun.distance_au(MissionTime(int(times[place]))), {}
        if frac not in known:
            known[frac] = rate_w(full_w * frac / sun_au**2 - (light_w if frac == 1.0 else dark_w), of)
        energy = min(max(energy + known[frac] * hours, 0.0), of.battery.capacity_wh)
    return energy


@pytest.mark.slow
def test_stored_energy_after_a_day_is_that_of_polling_every_tenth_of_a_second() -> None:
    """At most 0.005 % of capacity apart. Full batteries are where a whole penumbra at its mean would err."""
    swarm = Swarm.of(real()[9:28:18])

    flown = flight(swarm)

    for satellite in range(len(swarm)):
        polled = polled_wh(swarm, satellite, 0.1, profile())
        assert abs(flown.energy_wh[-1, satellite] - polled) <= 5e-5 * flown.capacity_wh
    assert len(flown.eclipses) >= 30


@pytest.mark.parametrize("net_w", [-2e6, -60_000.0, -25_000.0, -1.0, 0.0, 1.0, 20_000.0, 48_600.0])
@pytest.mark.parametrize("bay_c", [-5.0, 0.0, 20.0])
def test_powers_are_those_of_a_single_battery(net_w: float, bay_c: float) -> None:
    of = profile().battery.model_copy(update={"bay_c": bay_c})
    solar, load = np.array([[max(net_w, 0.0)]]), np.array([[max(-net_w, 0.0)]])
    alone = Battery(of, 0.5)
    alone.feed(float(solar[0, 0]), float(load[0, 0]))

    powers = constellation._charging(of, solar, load)

    assert float(powers.rate[0, 0]) == pytest.approx(alone.rate_w, rel=1e-12, abs=1e-9)
    assert float(powers.conversion[0, 0]) == pytest.approx(alone.conversion_w, rel=1e-9, abs=1e-6)
    assert float(powers.resistive[0, 0]) == pytest.approx(alone.resistive_w, rel=1e-9, abs=1e-6)
    assert float(powers.refused[0, 0]) == pytest.approx(alone.curtailed_w + alone.unserved_w, rel=1e-9, abs=1e-6)


def test_light_steps_are_those_of_a_single_satellite() -> None:
    satellites = real()[:4]
    swarm = Swarm.of(satellites)

    flown = flight(swarm)

    for number, satellite in enumerate(satellites):
        ephemeris = Ephemeris(satellite.line1, satellite.line2)
        book = spans.LightBook(ephemeris)
        for into_s in np.arange(11.3, DAY_S, 777.7).tolist():
            at = after(START, into_s)
            assert flown.look(number, at).sunlit_frac == book.frac(at)


@pytest.mark.slow
def test_light_steps_of_an_eclipse_without_umbra_are_those_of_a_single_satellite() -> None:
    """Nodes at every tenth of a degree where a steep orbit leaves the shadow: one of them only grazes the penumbra."""
    records = [one(inclination_deg=70.0, node_deg=node) for node in np.arange(0.0, 360.0, 0.25).tolist()]
    end = after(START, 7_200.0)
    grazing = eclipses.eclipses(Swarm(records), START, end)
    chosen = int(grazing.satellite[~grazing.umbral][0])
    satellite = elements.from_record("GRAZER", 1, records[chosen])
    book = spans.LightBook(Ephemeris(satellite.line1, satellite.line2))

    flown = flight(Swarm.of([satellite]), end=end)

    assert not flown.eclipses.umbral.all()
    fractions = set()
    for into_s in np.arange(0.9, 7_200.0, 1.7).tolist():
        seen = flown.look(0, after(START, into_s)).sunlit_frac
        assert seen == pytest.approx(book.frac(after(START, into_s)), abs=1e-4)
        fractions.add(seen)
    assert len([frac for frac in fractions if 0.0 < frac < 1.0]) >= 4


@pytest.mark.parametrize("soc_frac", [0.0, 0.4, 1.0])
def test_books_close_for_every_satellite(soc_frac: float) -> None:
    books = flight(shell(8, 3), soc_frac=soc_frac).books

    gained = books.start_wh + books.solar_wh + books.unserved_wh
    spent = books.load_wh + books.conversion_loss_wh + books.resistance_loss_wh + books.curtailed_wh + books.end_wh
    assert np.abs(gained - spent).max() <= 1e-9 * gained.max()
    assert (books.resistance_loss_wh > 0.0).all()
    assert (books.unserved_wh.max() > 0.0) == (soc_frac == 0.0)


def test_a_book_that_does_not_close_names_satellite_and_event() -> None:
    flown = flight(shell(3, 3))
    powers = constellation._charging(profile().battery, flown.solar_w, flown.load_w)
    hours = np.diff(flown.begin_s, axis=0, append=DAY_S) / 3600.0
    energy = flown.energy_wh.copy()
    between = (energy[1:, 2] > 0.0) & (energy[1:, 2] < flown.capacity_wh)
    event = int(np.flatnonzero(between)[20])
    energy[event + 1 :, 2] -= 1e-3

    with pytest.raises(EnergyBookError, match=rf"satellite 42, event {event}: .* do not add up"):
        constellation._books(powers, hours, energy, (flown.capacity_wh, 40))


def test_a_full_battery_curtails_and_an_empty_one_leaves_load_unserved() -> None:
    starved = profile().model_copy(update={"array": profile().array.model_copy(update={"nameplate_w": 20_000.0})})
    trims = constellation.usual_trims(starved, 0.5)

    dark = constellation.fly(shell(4, 2), starved, trims, START, END)
    bright = flight(shell(4, 2), soc_frac=1.0)

    assert (dark.energy_wh[-1] == 0.0).any()
    assert (dark.books.unserved_wh > 0.0).all()
    assert (dark.books.curtailed_wh == 0.0).all()
    assert (bright.books.curtailed_wh > 0.0).all()
    assert bright.energy_wh.max() == bright.capacity_wh


def test_whoever_looks_sees_the_state_of_that_instant() -> None:
    flown = flight(shell(5, 3))

    for into_s in (0.0, 1.5, 3_333.3, 43_210.0, DAY_S):
        at = after(START, into_s)
        charges = flown.soc_frac(at)
        for satellite in (0, 7, 14):
            look = flown.look(satellite, at)
            assert look.soc_frac == pytest.approx(float(charges[satellite]), abs=1e-12)
            assert look.energy_wh == pytest.approx(look.soc_frac * flown.capacity_wh)
            assert look.load_w in (25_000.0, 20_800.0)
    assert flown.soc_frac(END) == pytest.approx(flown.end_soc_frac)


def test_nobody_can_look_outside_the_flight() -> None:
    flown = flight(shell(3, 3), end=after(START, 600.0))

    with pytest.raises(ValueError, match="outside the flight"):
        flown.look(0, after(START, 600.1))
    with pytest.raises(ValueError, match="outside the flight"):
        flown.soc_frac(after(START, -0.1))


def test_two_half_days_are_one_day() -> None:
    swarm, noon = shell(6, 2), after(START, 43_200.0)
    whole = flight(swarm)
    first = flight(swarm, end=noon)

    second = constellation.fly(
        swarm,
        profile(),
        constellation.usual_trims(profile(), first.end_soc_frac),
        noon,
        END,
    )

    assert second.end_soc_frac == pytest.approx(whole.end_soc_frac, abs=2e-6)


def test_each_satellite_may_have_loads_and_charge_of_its_own() -> None:
    swarm = shell(3, 3)
    loads = np.linspace(10_000.0, 30_000.0, 9)
    trims = Trims(np.linspace(0.2, 1.0, 9), 1.0, loads, 0.5 * loads)

    flown = constellation.fly(swarm, profile(), trims, START, END)

    assert flown.energy_wh[0] == pytest.approx(50_000.0 * np.linspace(0.2, 1.0, 9))
    assert flown.look(8, START).load_w in (30_000.0, 15_000.0)
    assert (np.diff(flown.books.load_wh) > 0.0).all()


def test_a_dusk_orbit_without_eclipse_has_light_all_day() -> None:
    swarm = Swarm([one(inclination_deg=97.5, node_deg=node) for node in (60.0, 240.0)])

    flown = flight(swarm, end=after(START, 20_000.0))

    assert len(flown.eclipses) == 0
    assert (flown.sunlit_frac == 1.0).all()
    assert flown.energy_wh[-1] == pytest.approx(50_000.0)


def test_one_axis_tracking_loses_the_cosine_of_the_suns_height_over_the_plane() -> None:
    of = profile()
    swarm = Swarm([one(inclination_deg=97.5, node_deg=node) for node in (60.0, 150.0)])
    for_array = {"array": of.array.model_copy(update={"tracking": Tracking.PITCH})}

    flown = constellation.fly(
        swarm, of.model_copy(update=for_array), constellation.usual_trims(of, 0.9), START, after(START, 6_000.0)
    )

    full_w = of.array.nameplate_w * of.array.derate_frac / sun.distance_au(START) ** 2
    towards = np.array(sun.position(START)) / np.linalg.norm(sun.position(START))
    for number, node_deg in enumerate((60.0, 150.0)):
        node, tilt = math.radians(node_deg), math.radians(97.5)
        normal = np.array([math.sin(node) * math.sin(tilt), -math.cos(node) * math.sin(tilt), math.cos(tilt)])
        cosine = math.sqrt(1.0 - float(normal @ towards) ** 2)
        lit = flown.sunlit_frac[:, number] == 1.0
        assert flown.solar_w[lit, number] == pytest.approx(full_w * cosine, abs=0.01 * full_w)


def test_memory_and_order_stay_the_same_however_many_are_taken_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    swarm = shell(5, 3)
    together = flight(swarm)
    monkeypatch.setattr(constellation, "AT_ONCE", 4)
    monkeypatch.setattr("astro.eclipses.AT_ONCE", 7)

    apart = flight(swarm)

    assert np.array_equal(together.energy_wh, apart.energy_wh)
    assert np.array_equal(together.eclipses.penumbra_in, apart.eclipses.penumbra_in)
