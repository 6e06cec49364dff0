"""Acquisition times and the link budget."""

import math
import random
import statistics
import tomllib
from pathlib import Path

import pytest

from hwsim.models import optics
from hwsim.models.optics import Prior
from icd.vehicle import LasersProfile, VehicleProfile
from tests.unit.hwsim.bench import MISSIONS, profile

PROFILES = sorted((MISSIONS / "profiles").glob("*.toml"))
QUARTER = Prior(math.pi / 2.0, held_just_now=False)


def _lasers(**changes: object) -> LasersProfile:
    return LasersProfile.model_validate(profile().lasers.model_dump() | changes)


def _draws(prior: Prior) -> list[float | None]:
    rng, lasers = random.Random(3), _lasers()
    return [optics.acquisition_s(rng, lasers, prior) for _ in range(20_000)]


def _median(prior: Prior) -> float:
    return statistics.median(100.0 if draw is None else draw for draw in _draws(prior))


@pytest.mark.req("HWS-019")
def test_acquisition_after_a_quarter_turn_takes_about_the_median_of_the_profile_and_never_beyond_its_limits() -> None:
    draws = _draws(QUARTER)
    held = [draw for draw in draws if draw is not None]

    assert min(held) >= 12.0
    assert max(held) <= 100.0
    assert statistics.median(held) == pytest.approx(30.0, abs=2.5)
    assert 0.005 < (len(draws) - len(held)) / len(draws) < 0.05


@pytest.mark.req("HWS-019")
def test_the_longer_the_turn_the_longer_the_search_and_a_peer_just_lost_is_found_fast() -> None:
    just_lost = _median(Prior(math.pi, held_just_now=True))
    medians = [_median(Prior(turn, held_just_now=False)) for turn in (0.0, 1.0, 2.0, math.pi)]

    assert medians == sorted(medians)
    assert medians[-1] > 2.0 * medians[0]
    assert just_lost < 15.0 < medians[0]


def test_an_acquisition_without_spread_takes_its_least_time_or_resets_first() -> None:
    lasers = _lasers(acquire_min_s=10.0, acquire_median_s=10.0, acquire_limit_s=10.0)

    draws = {optics.acquisition_s(random.Random(seed), lasers, QUARTER) for seed in range(40)}

    assert draws == {10.0, None}


@pytest.mark.req("HWS-020")
@pytest.mark.parametrize(("range_km", "dbm"), [(2_000.0, -30.7), (5_000.0, -38.7)])
def test_the_budget_agrees_with_the_worked_examples(range_km: float, dbm: float) -> None:
    """1 W, 80 mm, 1550 nm, 80 % optics at either end, 3 dB of pointing loss."""
    lasers = _lasers(transmit_w=1.0, aperture_m=0.08, wavelength_m=1.55e-6, optics_frac=0.8)

    assert optics.received_dbm(lasers, range_km, 3.0) == pytest.approx(dbm, abs=0.05)


def test_pointing_by_the_half_angle_of_the_beam_costs_8_69_db() -> None:
    beam = optics.beam_rad(1.55e-6, 0.12)

    assert optics.pointing_loss_db(beam, beam) == pytest.approx(8.69, abs=0.005)
    assert 8.0 / beam**2 == pytest.approx((math.pi * 0.12 / 1.55e-6) ** 2)


@pytest.mark.req("HWS-020")
def test_each_rate_keeps_just_its_margin_at_its_greatest_range() -> None:
    budget = optics.budget(_lasers())

    for rate, reach_km in zip(budget.rates_bps, budget.reaches_km(), strict=True):
        assert budget.over_db(reach_km, rate) == pytest.approx(3.0, abs=1e-9)
        assert budget.rate_bps(reach_km * 0.999, 0.0) == rate
    assert budget.rate_bps(budget.reaches_km()[0] * 1.001) == 0.0


def test_a_sensitivity_is_its_photons_per_bit() -> None:
    """100 photons of 1550 nm a bit, 1.28e-19 J each, at 100 Gbit/s: 1.28 uW."""
    budget = optics.budget(_lasers(rates_bps=(100e9,)))

    assert budget.needs_dbm[0] == pytest.approx(10.0 * math.log10(1.2816e-6 * 1e3), abs=1e-3)


def test_a_loss_of_twenty_decibels_takes_nine_tenths_of_the_reach() -> None:
    budget = optics.budget(_lasers())

    assert budget.reaches_km(20.0) == pytest.approx([reach / 10.0 for reach in budget.reaches_km()])


@pytest.mark.req("HWS-020")
@pytest.mark.parametrize("file", PROFILES, ids=lambda file: file.stem)
def test_every_class_closes_its_lowest_rate_at_its_longest_link(file: Path) -> None:
    """Planners forecast by range alone: a link within it must stand."""
    lasers = VehicleProfile.model_validate(tomllib.loads(file.read_text())).lasers

    assert optics.budget(lasers).rate_bps(lasers.range_km) > 0.0
