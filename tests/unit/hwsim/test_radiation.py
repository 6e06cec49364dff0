"""Radiation: counts and gaps as theory has them, more of it inside the anomaly, and what it does to the module."""

import math
import statistics

import pytest

from astro.contacts import Interval
from hwsim.kernel import Kernel
from hwsim.models.radiation import DAY_S, YEAR_S, Arrivals, Exposure, Upsets, Weights, dose_rad, generator
from hwsim.radiation import Radiation, Strike, Victim, inside_frac
from hwsim.spans import SpanBook
from icd import hw
from icd.timebase import MissionTime, after
from icd.vehicle import RadiationProfile
from runtime.seeds import stream
from tests.unit.hwsim.bench import Table, config, profile

NS = 1_000_000_000
ORBIT_S = 5_760.0
INSIDE_S = 345.6  # 6 % of an orbit


def anomaly() -> SpanBook:
    """Return a book in which the last 6 % of each orbit lie inside."""

    def spans(start: MissionTime, end: MissionTime) -> tuple[Interval, ...]:
        first, last = int(start / NS / ORBIT_S) - 1, int(end / NS / ORBIT_S) + 1
        found = [
            Interval(
                MissionTime(round(((n + 1) * ORBIT_S - INSIDE_S) * NS)), MissionTime(round((n + 1) * ORBIT_S * NS))
            )
            for n in range(max(0, first), last)
        ]
        cut = [Interval(max(span.start, start), min(span.end, end)) for span in found]
        return tuple(span for span in cut if span.start < span.end)

    return SpanBook(spans)


class Sky:
    """One satellite under radiation, and what struck it when: instant in seconds, kind, inside or not."""

    def __init__(self, seed: int, **rates: float) -> None:
        base = profile().radiation.model_dump() | rates
        self.kernel = Kernel(MissionTime(0))
        self.struck: list[tuple[float, Strike, bool]] = []
        self.doses: list[float] = []  # at each strike
        self.edges: list[bool] = []
        self.rad_per_s = base["dose_rad_per_year"] / YEAR_S
        victim = Victim("node-1", lambda: True, self._on_strike, self.edges.append)
        self.radiation = Radiation(self.kernel, RadiationProfile(**base), anomaly(), seed, victim)

    def _on_strike(self, what: Strike) -> None:
        self.struck.append((self.kernel.now / NS, what, self.radiation.inside))
        self.doses.append(self.radiation.dose_rad)

    def fly(self, span_s: float) -> None:
        self.kernel.advance_to(after(self.kernel.now, span_s))


def test_the_weights_have_the_factor_between_them_and_a_mean_of_one() -> None:
    weights = Weights.of(23.5, 0.06)

    assert weights.inside / weights.outside == pytest.approx(23.5)
    assert 0.06 * weights.inside + 0.94 * weights.outside == pytest.approx(1.0)
    assert 0.06 * weights.inside == pytest.approx(0.6, abs=0.005)  # the 60 % of upsets in 6 % of the time


def test_a_satellite_that_never_meets_the_anomaly_has_the_mean_rate() -> None:
    assert Weights.of(23.5, 0.0).outside == 1.0
    assert Weights.of(23.5, 1.0).inside == pytest.approx(1.0)


def test_the_next_event_over_an_edge_is_found_by_the_exposure_that_is_left() -> None:
    exposure = Exposure(Weights(0.5, 10.0))

    exposure.advance(100.0)
    assert exposure.reaches_s(80.0) == pytest.approx(60.0)
    exposure.inside = True

    assert exposure.reaches_s(80.0) == pytest.approx(3.0)
    assert exposure.reaches_s(10.0) == 0.0


def test_a_process_without_a_rate_never_strikes() -> None:
    arrivals = Arrivals(0.0)

    arrivals.draw(stream(7, "x"))

    assert math.isinf(arrivals.next_at)


@pytest.mark.req("HWS-024")
def test_upset_counts_have_the_mean_and_the_variance_of_poisson() -> None:
    seed = 17
    upsets = Upsets(86_400.0 * 30.0, generator(stream(seed, "upsets")))
    counts, before = [], 0

    for minute in range(1, 4_001):
        total = upsets.read(minute * 2.0)
        counts.append(total - before)
        before = total

    assert statistics.fmean(counts) == pytest.approx(60.0, abs=4.0 * math.sqrt(60.0 / 4_000)), seed
    assert statistics.variance(counts) == pytest.approx(60.0, rel=0.1), seed
    assert upsets.read(8_000.0) == before


@pytest.mark.req("HWS-024")
def test_interrupts_come_as_often_as_the_profile_says_and_crowd_inside_the_anomaly() -> None:
    seed = 3
    sky = Sky(seed, interrupts_per_day=40.0, latchups_per_day=0.0, multi_bit_frac=0.0)

    sky.fly(60.0 * DAY_S)

    inside = sum(one[2] for one in sky.struck)
    expected = 40.0 * 60.0
    assert {one[1] for one in sky.struck} == {Strike.INTERRUPT}
    assert len(sky.struck) == pytest.approx(expected, abs=4.0 * math.sqrt(expected)), seed
    assert inside / len(sky.struck) == pytest.approx(0.6, abs=0.04), seed
    factor = (inside / 0.06) / ((len(sky.struck) - inside) / 0.94)
    assert factor == pytest.approx(23.5, rel=0.2), seed


@pytest.mark.req("HWS-024")
def test_gaps_in_exposure_are_exponential() -> None:
    """Kolmogorov-Smirnov against the law that inversion must give, at a level of one in a thousand."""
    seed = 5
    sky = Sky(seed, interrupts_per_day=0.0, latchups_per_day=100.0, multi_bit_frac=0.0)
    sky.fly(20.0 * DAY_S)

    exposures = [dose / sky.rad_per_s for dose in sky.doses]
    gaps = sorted(b - a for a, b in zip([0.0, *exposures], exposures, strict=False))
    law = [1.0 - math.exp(-gap * 100.0 / DAY_S) for gap in gaps]
    away = max(max(abs(p - n / len(law)), abs(p - (n + 1) / len(law))) for n, p in enumerate(law))
    assert len(gaps) > 1_500
    assert away < 1.95 / math.sqrt(len(gaps)), seed


def test_looking_a_day_ahead_computes_no_chunk_of_the_anomaly_twice() -> None:
    asked: list[MissionTime] = []

    def compute(start: MissionTime, end: MissionTime) -> tuple[Interval, ...]:
        asked.append(start)
        return (Interval(after(start, 600.0), after(start, 1200.0)),)

    book = SpanBook(compute)
    inside_frac(book, MissionTime(0))
    at = MissionTime(0)
    while at < after(MissionTime(0), DAY_S):
        at = book.next_change(at)

    assert len(asked) == len(set(asked)) >= 4


@pytest.mark.req("HWS-024")
def test_a_day_gives_the_days_dose_wherever_it_was_gathered() -> None:
    sky = Sky(7)

    sky.fly(DAY_S)

    assert inside_frac(anomaly(), MissionTime(0)) == pytest.approx(0.06)
    assert sky.radiation.dose_rad == pytest.approx(150.0 * DAY_S / YEAR_S, rel=1e-9)
    assert dose_rad(150.0, YEAR_S) == pytest.approx(150.0)
    assert sky.edges == [True, False] * 15


@pytest.mark.req("HWS-024")
def test_the_profiles_memory_has_about_two_million_upsets_a_day_and_mends_nearly_all() -> None:
    sky = Sky(7)

    sky.fly(DAY_S)

    expected = 5.5e12 * 4.04e-7
    assert sky.radiation.corrected == pytest.approx(expected, abs=5.0 * math.sqrt(expected))


def test_a_module_without_power_feels_nothing() -> None:
    table = Table()
    radiation = table.sim.world.crafts["node-1"].radiation
    table.order("node-1", hw.ComputePower(on=False))

    for what in Strike:
        radiation.strike(what)

    assert (radiation.hung, radiation.latched, radiation.uncorrectable) == (False, False, 0)


@pytest.mark.req("HWS-024")
def test_an_interrupt_hangs_the_module_and_a_latch_up_overloads_it_until_a_power_cycle() -> None:
    table = Table()
    craft = table.sim.world.crafts["node-1"]
    idle_w = craft.vehicle.load_w

    craft.radiation.strike(Strike.LATCHUP)
    table.fly(2.0)
    latched = table.last("compute")
    craft.radiation.strike(Strike.INTERRUPT)
    table.fly(2.0)
    hung = table.last("compute")
    table.order("node-1", hw.ComputeAllocate(job_id="a", power_w=900.0))
    assert table.sim.counters.refused == 1
    assert craft.vehicle.load_w == pytest.approx(idle_w + 500.0)
    table.order("node-1", hw.UnitReset(unit="compute"))
    table.fly(2.0)
    well = table.last("compute")

    healths = [one.health for one in (latched, hung, well) if isinstance(one, hw.ComputeReading)]
    assert healths == [hw.ModuleHealth.OVER_CURRENT, hw.ModuleHealth.HUNG, hw.ModuleHealth.GOOD]
    assert craft.vehicle.load_w == pytest.approx(idle_w)


@pytest.mark.req("HWS-010")
def test_a_satellite_that_comes_back_is_struck_when_it_would_have_been() -> None:
    rough = profile().radiation.model_copy(update={"interrupts_per_day": 30.0, "multi_bit_frac": 1e-4})
    fleet = config().fleet
    settings = config(fleet=fleet.model_copy(update={"profile": fleet.profile.model_copy(update={"radiation": rough})}))
    table = Table(settings)
    table.fly(3_000.0)
    again = Table(settings, snapshot=table.sim.snapshot())

    for one in (table, again):
        one.fly(20_000.0)

    for node, craft in table.sim.world.crafts.items():
        ours, theirs = craft.radiation, again.sim.world.crafts[node].radiation
        assert (theirs.hung, theirs.uncorrectable) == (ours.hung, ours.uncorrectable)
        assert theirs.dose_rad == pytest.approx(ours.dose_rad)
        assert theirs.corrected == pytest.approx(ours.corrected, rel=0.01)
    assert any(craft.radiation.uncorrectable for craft in table.sim.world.crafts.values())
