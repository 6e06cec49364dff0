"""Frames: what is of one frame is not taken for another, by the type checker and at the first call."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from astro import frames, shadow, sight, sun
from astro.frames import FrameError, Itrf, Teme, TemeTrack
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


@pytest.mark.slow
def test_a_point_of_another_frame_does_not_pass_the_type_checker(tmp_path: Path) -> None:
    source = tmp_path / "mixed.py"
    source.write_text(MIXED)
    command = [sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path / "cache"), "--no-error-summary", str(source)]

    answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)

    flagged = [int(line.split(":")[1]) for line in answer.stdout.splitlines() if "error:" in line]
    assert sorted(set(flagged)) == [9, 10, 11, 12, 13], answer.stdout
