import numpy as np
import pytest

from astro import sight
from astro.frames import FrameError, ItrfTrack, TemeTrack
from astro.shadow import EARTH_RADIUS_KM
from tests.unit.astro.swarms import START, shell

GRAZE_KM = 80.0


def brute_force(positions: TemeTrack) -> np.ndarray:
    """Return every pair's sight from the height of its line, one by one."""
    count = len(positions.km)
    a, b = np.triu_indices(count, 1)
    clear = sight.clearances_km(TemeTrack(positions.km[a]), TemeTrack(positions.km[b])) >= GRAZE_KM
    found = np.zeros((count, count), dtype=np.bool_)
    found[a, b] = found[b, a] = clear
    return found


@pytest.mark.slow
@pytest.mark.parametrize("minutes", [0, 17, 43])
def test_pairs_in_sight_are_those_of_brute_force(minutes: int) -> None:
    positions = shell(36, 11).positions(START + minutes * 60_000_000_000)  # type: ignore[arg-type]

    found = sight.visible_pairs(positions, GRAZE_KM)

    assert np.array_equal(found, brute_force(positions))
    assert 0.05 < found.mean() < 0.5


def test_pairs_within_rounding_of_the_limit_are_decided_in_float64() -> None:
    """Pairs whose line passes micrometres to metres above and below the limit: float32 cannot tell them."""
    radius, limit = EARTH_RADIUS_KM + 550.0, EARTH_RADIUS_KM + GRAZE_KM
    points = []
    for k in range(40):
        height = limit + (-1.0) ** k * 10.0 ** -(k / 4.0)  # km: from 1 to 1e-10
        half, turn = np.arccos(height / radius), 0.37 * k
        for angle in (turn - half, turn + half):
            points.append([radius * np.cos(angle), radius * np.sin(angle), 0.0])
    positions = TemeTrack(np.array(points))

    found = sight.visible_pairs(positions, GRAZE_KM)

    assert np.array_equal(found, brute_force(positions))
    assert [bool(found[2 * k, 2 * k + 1]) for k in range(36)] == [k % 2 == 0 for k in range(36)]


def test_no_satellite_sees_itself_and_sight_is_mutual() -> None:
    found = sight.visible_pairs(shell(5, 7).positions(START), GRAZE_KM)

    assert not found.diagonal().any()
    assert np.array_equal(found, found.T)


def test_a_satellite_below_the_grazing_height_is_refused() -> None:
    positions = TemeTrack(np.array([[7000.0, 0.0, 0.0], [6400.0, 0.0, 0.0]]))

    with pytest.raises(ValueError, match="satellite 1 stands below"):
        sight.visible_pairs(positions, GRAZE_KM)


def test_earth_fixed_positions_are_refused() -> None:
    with pytest.raises(FrameError):
        sight.visible_pairs(ItrfTrack(np.array([[7000.0, 0.0, 0.0]])), GRAZE_KM)  # type: ignore[arg-type]
