import numpy as np
import pytest
from sgp4.api import SatrecArray

from astro.frames import FloatArray, TimeArray
from astro.orbit import Ephemeris, PropagationError
from astro.swarm import Swarm
from icd.timebase import NS_PER_S, MissionTime, after
from tests.unit.astro.swarms import START, real, shell

DAY_S = 86_400.0
UTC_OFFSET_NS = 37 * NS_PER_S
DAY_NS = 86_400 * NS_PER_S


def by_sgp4(swarm: Swarm, times: TimeArray) -> FloatArray:
    days, rest = np.divmod(times - UTC_OFFSET_NS, DAY_NS)
    errors, positions, _ = SatrecArray(list(swarm.records)).sgp4(2440587.5 + days, rest / DAY_NS)
    assert not errors.any()
    result: FloatArray = positions.transpose(1, 0, 2)
    return result


@pytest.mark.slow
@pytest.mark.parametrize("swarm", [Swarm.of(real()), shell(6, 5)], ids=["real", "shell"])
def test_positions_every_second_stay_within_half_a_metre_of_sgp4_over_a_day(swarm: Swarm) -> None:
    """Every twentieth minute is held against SGP4, second by second."""
    worst_km = 0.0

    for number, minute in enumerate(swarm.dense(START, after(START, DAY_S), 1)):
        if number % 20 == 0:
            off = np.linalg.norm(minute.teme_km - by_sgp4(swarm, minute.times), axis=2)
            worst_km = max(worst_km, float(off.max()))

    assert 0.0 < worst_km < 0.5e-3


def test_a_swarm_and_an_ephemeris_place_a_satellite_alike() -> None:
    at, satellites = after(START, 4_321.987), real()[:5]

    many = Swarm.of(satellites).positions(at).km

    alone = np.array([Ephemeris(one.line1, one.line2).position(at) for one in satellites])
    assert many == pytest.approx(alone, abs=1e-9)
    assert Swarm.of(satellites).position(3, at) == pytest.approx(tuple(alone[3]), abs=1e-9)


def test_dense_instants_are_the_multiples_of_the_step_from_start_to_before_end() -> None:
    swarm, end = shell(1, 3), after(START, 170.0)

    times = np.concatenate([part.times for part in swarm.dense(START, end, 5)])

    # The start is 7 s and 37 s of leap seconds past a whole minute of mission time.
    assert times[0] == after(START, 1.0)
    assert set(np.diff(times).tolist()) == {5 * NS_PER_S}
    assert times[-1] < end <= times[-1] + 5 * NS_PER_S


def test_one_instant_of_dense_positions_is_that_instant() -> None:
    swarm = shell(2, 4)

    for part in swarm.dense(START, after(START, 61.0), 20):
        for place, at in enumerate(part.times.tolist()):
            assert part.track(place).km == pytest.approx(swarm.positions(MissionTime(at)).km, abs=1e-9)


@pytest.mark.parametrize("step_s", [0, -1, 7, 61])
def test_a_step_that_does_not_divide_a_minute_is_refused(step_s: int) -> None:
    with pytest.raises(ValueError, match="does not divide"):
        next(shell(1, 3).dense(START, after(START, 60.0), step_s))


def test_elements_that_decayed_are_named() -> None:
    swarm = Swarm.of(real()[:3])
    late = after(START, 40 * 365 * DAY_S)

    for ask in (lambda: swarm.positions(late), lambda: swarm.knots(np.array([1]), np.array([late // (60 * NS_PER_S)]))):
        with pytest.raises(PropagationError, match="for satellite"):
            ask()
