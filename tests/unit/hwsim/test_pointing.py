"""Where a terminal points, and how long its turns take."""

import math

import pytest

from astro.frames import Teme, TemeRate
from hwsim.models import pointing

RATE, ACCEL = math.radians(1.0), math.radians(0.5)


def test_a_quarter_turn_takes_its_angle_over_the_rate_and_the_time_to_speed_up_and_down() -> None:
    assert pointing.slew_s(math.pi / 2.0, RATE, ACCEL) == pytest.approx(90.0 + 2.0)


def test_a_short_turn_never_reaches_the_rate() -> None:
    """Half a degree: up for a second at 0.5 degrees per second squared, down for another."""
    assert pointing.slew_s(math.radians(0.5), RATE, ACCEL) == pytest.approx(2.0)
    assert pointing.slew_s(0.0, RATE, ACCEL) == 0.0


@pytest.mark.parametrize("turn_deg", [0.3, 1.9, 2.0, 2.1, 40.0, 180.0])
def test_a_turn_agrees_with_its_rate_integrated(turn_deg: float) -> None:
    turn, whole_s = math.radians(turn_deg), pointing.slew_s(math.radians(turn_deg), RATE, ACCEL)
    steps = 20_000
    step_s, came, rate = whole_s / steps, 0.0, 0.0
    for step in range(steps):
        at_s = (step + 0.5) * step_s
        rate = min(RATE, ACCEL * at_s, ACCEL * (whole_s - at_s))
        came += rate * step_s
        if step % 1_999 == 0:
            assert pointing.slewed_rad(turn, RATE, ACCEL, (step + 1) * step_s) == pytest.approx(came, abs=1e-7)

    assert came == pytest.approx(turn, rel=1e-6)
    assert pointing.slewed_rad(turn, RATE, ACCEL, whole_s + 5.0) == pytest.approx(turn)


def test_the_local_frame_is_forward_left_up() -> None:
    """Over the equator and flying east, north is left."""
    here, speed = Teme(7_000.0, 0.0, 0.0), TemeRate(0.0, 7.5, 0.0)

    assert pointing.local(here, speed, (1.0, 0.0, 0.0)) == pytest.approx((0.0, 0.0, 1.0))
    assert pointing.local(here, speed, (0.0, 1.0, 0.0)) == pytest.approx((1.0, 0.0, 0.0))
    assert pointing.local(here, speed, (0.0, 0.0, 1.0)) == pytest.approx((0.0, 1.0, 0.0))


def test_azimuth_goes_from_forward_to_the_right() -> None:
    assert pointing.azimuth_elevation_deg((1.0, 0.0, 0.0)) == (0.0, 0.0)
    assert pointing.azimuth_elevation_deg((0.0, -1.0, 0.0)) == (90.0, 0.0)
    assert pointing.azimuth_elevation_deg((0.0, 1.0, 0.0)) == (270.0, 0.0)
    assert pointing.azimuth_elevation_deg((0.0, 0.0, -1.0))[1] == -90.0


def test_a_direction_outside_the_field_of_regard_stops_at_its_edge() -> None:
    low, high = -0.5, math.sin(math.radians(30.0))
    steep = (0.0, math.cos(math.radians(70.0)), math.sin(math.radians(70.0)))

    assert pointing.raised_between(steep, low, high) == pytest.approx((0.0, math.cos(math.radians(30.0)), 0.5))
    assert pointing.raised_between((0.0, 0.0, 1.0), low, high)[2] == high
    assert pointing.raised_between((1.0, 0.0, 0.0), low, high) == (1.0, 0.0, 0.0)


def test_part_of_a_turn_lies_on_the_way_and_a_half_turn_has_one() -> None:
    assert pointing.turned((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), math.pi / 4.0) == pytest.approx(
        (math.sqrt(0.5), math.sqrt(0.5), 0.0)
    )
    assert pointing.turned((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), 3.0) == (0.0, 1.0, 0.0)
    for aim in ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0)):
        back = (-aim[0], -aim[1], -aim[2])
        halfway = pointing.turned(aim, back, math.pi / 2.0)
        assert pointing.angle_rad(aim, halfway) == pytest.approx(math.pi / 2.0)


def test_point_ahead_is_twice_the_speed_across_over_that_of_light() -> None:
    assert pointing.point_ahead_rad((1.0, 0.0, 0.0), (9.0, 7.5, 0.0)) == pytest.approx(50e-6, rel=2e-3)
    assert pointing.point_ahead_rad((1.0, 0.0, 0.0), (9.0, 0.0, 0.0)) == 0.0
