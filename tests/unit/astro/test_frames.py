"""Frames: what is of one frame is not taken for another, by the type checker and at the first call."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from astro import frames, shadow, sight, sun
from astro.frames import FrameError, Itrf, Teme, TemeTrack
from icd.timebase import NS_PER_S, MissionTime
from tests.unit.astro.orbits import START

HIGH = (0.0, 0.0, 7000.0)

MIXED = """
from astro import frames, shadow, sight, sun
from astro.frames import Itrf, Teme
from icd.timebase import MissionTime

at = MissionTime(0)
itrf = frames.teme_to_itrf(Teme(0.0, 0.0, 7000.0), at)
sight.range_km(itrf, Itrf(0.0, 0.0, 1.0))
frames.teme_to_itrf(itrf, at)
sight.range_km(itrf, sun.position(at))
shadow.sunlit_frac(itrf, sun.position(at))
frames.geodetic(Teme(0.0, 0.0, 7000.0))
sight.clearance_km((0.0, 0.0, 7000.0), (0.0, 7000.0, 0.0))
"""


def test_a_point_of_another_frame_raises_at_the_first_call() -> None:
    with pytest.raises(FrameError, match="a Teme is wanted here, not a Itrf"):
        frames.teme_to_itrf(Itrf(*HIGH), START)  # type: ignore[arg-type]
    with pytest.raises(FrameError):
        sight.range_km(Itrf(*HIGH), Teme(*HIGH))  # type: ignore[type-var]
    with pytest.raises(FrameError):
        shadow.sunlit_frac(Itrf(*HIGH), sun.position(START))  # type: ignore[arg-type]
    with pytest.raises(FrameError):
        frames.geodetic(Teme(*HIGH))  # type: ignore[arg-type]
    with pytest.raises(FrameError):
        frames.teme_to_itrf_many(frames.ItrfTrack(np.zeros((1, 3))), np.array([START]))  # type: ignore[arg-type]
    with pytest.raises(FrameError):
        shadow.margins_km(TemeTrack(np.zeros((1, 3))), frames.ItrfTrack(np.zeros((1, 3))), umbra=True)  # type: ignore[arg-type]


def test_the_place_below_a_satellite_is_its_geodetic_one() -> None:
    at = np.array([START, START + 3_600 * NS_PER_S])
    points = np.array([[6900.0, -100.0, 50.0], [-3000.0, 2000.0, -5800.0]])

    places = frames.geodetic_many(frames.teme_to_itrf_many(TemeTrack(points), at))
    latitudes, longitudes = frames.below_many(TemeTrack(points), at)

    assert latitudes == pytest.approx(places[0], abs=1e-14)
    assert np.cos(longitudes - places[1]) == pytest.approx(1.0, abs=1e-14)
    for place, point, instant in zip(
        zip(latitudes, longitudes, strict=True), points.tolist(), at.tolist(), strict=True
    ):
        assert frames.below(Teme(*point), MissionTime(instant)) == pytest.approx(place, abs=1e-14)
    with pytest.raises(FrameError):
        frames.below(Itrf(*HIGH), START)  # type: ignore[arg-type]


@pytest.mark.parametrize("height_km", [-10.0, 0.0, 550.0, 36_000.0])
def test_the_geodetic_place_comes_back_to_ten_nanometres(height_km: float) -> None:
    latitude = np.radians(np.linspace(-90.0, 90.0, 1_001))
    normal = frames.WGS84_A_KM / np.sqrt(1.0 - frames.WGS84_E2 * np.sin(latitude) ** 2)
    out, north = (
        (normal + height_km) * np.cos(latitude),
        (normal * (1.0 - frames.WGS84_E2) + height_km) * np.sin(latitude),
    )

    found, _, height = frames.geodetic_many(frames.ItrfTrack(np.stack([out, 0.0 * out, north], axis=1)))

    assert float(np.abs(found - latitude).max()) < 2e-15
    assert float(np.abs(height - height_km).max()) < 1e-10


@pytest.mark.slow
def test_a_point_of_another_frame_does_not_pass_the_type_checker(tmp_path: Path) -> None:
    source = tmp_path / "mixed.py"
    source.write_text(MIXED)
    command = [sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path / "cache"), "--no-error-summary", str(source)]

    answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)

    flagged = [int(line.split(":")[1]) for line in answer.stdout.splitlines() if "error:" in line]
    assert sorted(set(flagged)) == [9, 10, 11, 12, 13], answer.stdout
