"""The link budget falls with range and loss, whatever the terminals; turns and directions keep their length."""

import math

from hypothesis import given
from hypothesis import strategies as st

from astro.frames import Vector
from hwsim.models import optics, pointing
from icd.vehicle import RATE_MODES_BPS, LasersProfile
from tests.unit.hwsim.bench import profile

ranges = st.floats(1.0, 50_000.0)
losses = st.floats(0.0, 60.0)
angles = st.floats(-math.pi, math.pi)


@st.composite
def terminals(draw: st.DrawFn) -> LasersProfile:
    rates = sorted(draw(st.sets(st.sampled_from(RATE_MODES_BPS), min_size=1)))
    changes = {
        "rates_bps": tuple(rates),
        "transmit_w": draw(st.floats(0.01, 50.0)),
        "aperture_m": draw(st.floats(0.005, 0.5)),
        "optics_frac": draw(st.floats(0.05, 1.0)),
        "jitter_rad": draw(st.floats(0.0, 2e-5)),
        "photons_per_bit": draw(st.floats(1.0, 10_000.0)),
        "margin_db": draw(st.floats(0.0, 10.0)),
    }
    return LasersProfile.model_validate(profile().lasers.model_dump() | changes)


@st.composite
def directions(draw: st.DrawFn) -> Vector:
    azimuth, elevation = draw(angles), draw(angles) / 2.0
    level = math.cos(elevation)
    return level * math.cos(azimuth), level * math.sin(azimuth), math.sin(elevation)


@given(terminals(), ranges, ranges, losses)
def test_rates_never_rise_with_range_or_loss(lasers: LasersProfile, one: float, other: float, loss_db: float) -> None:
    budget, (near, far) = optics.budget(lasers), sorted((one, other))

    assert budget.rate_bps(near, loss_db) >= budget.rate_bps(far, loss_db)
    assert budget.rate_bps(near) >= budget.rate_bps(near, loss_db)
    reaches = budget.reaches_km(loss_db)
    assert list(reaches) == sorted(reaches, reverse=True)


@given(terminals(), ranges, losses)
def test_the_rate_in_use_is_the_highest_that_keeps_the_margin(
    lasers: LasersProfile, range_km: float, loss_db: float
) -> None:
    budget = optics.budget(lasers)

    closing = [rate for rate in lasers.rates_bps if budget.over_db(range_km, rate, loss_db) > lasers.margin_db + 1e-9]

    assert budget.rate_bps(range_km, loss_db) >= max(closing, default=0.0)
    used = budget.rate_bps(range_km, loss_db)
    assert used == 0.0 or budget.over_db(range_km, used, loss_db) >= lasers.margin_db - 1e-9


@given(directions(), directions(), st.floats(0.0, 1.0))
def test_a_part_of_a_turn_is_that_part_of_its_angle(before: Vector, after: Vector, share: float) -> None:
    whole = pointing.angle_rad(before, after)

    reached = pointing.turned(before, after, share * whole)

    assert math.hypot(*reached) == 1.0 or abs(math.hypot(*reached) - 1.0) < 1e-9
    assert abs(pointing.angle_rad(before, reached) - share * whole) < 1e-6


@given(directions(), st.floats(-1.0, 0.0), st.floats(0.0, 1.0))
def test_a_reachable_direction_is_a_unit_vector_within_the_field_of_regard(
    aim: Vector, sin_min: float, sin_max: float
) -> None:
    reached = pointing.raised_between(aim, sin_min, sin_max)

    assert abs(math.hypot(*reached) - 1.0) < 1e-6
    assert sin_min - 1e-12 <= reached[2] <= sin_max + 1e-12
