"""Seasons of circular orbits beside closed forms and published rates."""

import math

import numpy as np
import pytest

from astro import seasons, sun
from astro.frames import TemeTrack
from astro.seasons import Circle, eclipse_min


@pytest.mark.parametrize("beta_deg", [0.0, 30.0, 60.0])
def test_an_eclipse_lasts_as_long_as_the_cylinder_of_the_closed_form(beta_deg: float) -> None:
    """A circle of radius a at beta enters a cylinder of radius R where cos u = sqrt(1 - (R/a)^2) / cos beta."""
    radius_km, beta = 6928.0, math.radians(beta_deg)
    half = math.acos(math.sqrt(1.0 - (6378.1366 / radius_km) ** 2) / math.cos(beta))
    period_min = math.tau * math.sqrt(radius_km**3 / 398_600.4418) / 60.0

    found = eclipse_min(
        radius_km,
        np.array([[0.0, 0.0, 1.0]]),
        TemeTrack(sun.AU_KM * np.array([[math.cos(beta), 0.0, math.sin(beta)]])),
    )

    assert found[0] == pytest.approx(half / math.pi * period_min, abs=0.01)


def test_a_node_drifts_at_the_published_rate() -> None:
    """550 km at 53 degrees: -4.486 degrees a day, as Basilisk integrates it (research note on simulators)."""
    orbit = Circle.under_j2(seasons.EARTH_RADIUS_KM + 550.0, math.radians(53.0), 0.0)

    assert math.degrees(orbit.node_rate_rad_s) * 86_400.0 == pytest.approx(-4.486, abs=0.005)


def test_the_radius_of_a_mean_motion_is_the_one_that_has_it() -> None:
    radius_km = 6_928.137
    motion_rad_s = math.sqrt(seasons.MU_KM3_S2 / radius_km**3)

    assert seasons.radius_of_km(motion_rad_s) == pytest.approx(radius_km, rel=1e-12)


def test_beta_is_the_suns_height_over_the_plane() -> None:
    normals = np.array([[0.0, 0.0, 1.0]])
    suns = TemeTrack(sun.AU_KM * np.array([[0.0, math.cos(0.3), math.sin(0.3)]]))

    assert math.asin(float(seasons.sin_beta(normals, suns)[0])) == pytest.approx(0.3)
