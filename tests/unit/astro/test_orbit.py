import numpy as np
import pytest
from sgp4.api import Satrec

from astro.orbit import BLOCK_KNOTS, BLOCKS_MAX, KNOT_S, Ephemeris, PropagationError
from icd.timebase import NS_PER_S, MissionTime, after, to_utc
from tests.unit.astro.orbits import LINE1, LINE2, START


def test_positions_follow_sgp4_within_a_metre() -> None:
    ephemeris, record = Ephemeris(LINE1, LINE2), Satrec.twoline2rv(LINE1, LINE2)
    times = START + np.arange(0, 86_400, 77, dtype=np.int64) * NS_PER_S
    days = (times - 37 * NS_PER_S) / 86_400e9

    _, expected, _ = record.sgp4_array(2440587.5 + np.floor(days), days - np.floor(days))

    assert float(np.abs(ephemeris.positions(times).km - expected).max()) < 1e-3


def test_scalar_and_vector_agree() -> None:
    ephemeris = Ephemeris(LINE1, LINE2)
    times = START + np.arange(0, 20_000, 333, dtype=np.int64) * 1_000_000_007

    many = ephemeris.positions(times).km

    one = np.array([ephemeris.position(MissionTime(int(at))) for at in times])
    assert float(np.abs(one - many).max()) < 1e-9


def test_velocity_is_the_slope_of_position() -> None:
    ephemeris = Ephemeris(LINE1, LINE2)
    at = after(START, 1234.5)

    slope = (np.array(ephemeris.position(after(at, 0.5))) - np.array(ephemeris.position(after(at, -0.5)))) / 1.0

    assert np.array(ephemeris.velocity(at)) == pytest.approx(slope, abs=1e-5)


def test_skyfield_agrees_on_the_mission_time_scale() -> None:
    api = pytest.importorskip("skyfield.api")
    sgp4lib = pytest.importorskip("skyfield.sgp4lib")
    ts = api.load.timescale(builtin=True)
    satellite = api.EarthSatellite(LINE1, LINE2, "X", ts)
    ours = Ephemeris(LINE1, LINE2).position(START)

    theirs = satellite.at(ts.from_datetime(to_utc(START))).frame_xyz(sgp4lib.TEME).km

    assert np.array(ours) == pytest.approx(theirs, abs=0.002)


def test_memory_stays_bounded_over_a_week() -> None:
    ephemeris = Ephemeris(LINE1, LINE2)

    for block in range(3 * BLOCKS_MAX):
        ephemeris.position(after(START, block * BLOCK_KNOTS * KNOT_S))

    assert len(ephemeris._blocks) <= BLOCKS_MAX


def test_a_decayed_orbit_raises_a_named_error() -> None:
    ephemeris = Ephemeris(LINE1, LINE2)

    with pytest.raises(PropagationError, match="44714"):
        ephemeris.position(after(START, 20 * 365 * 86_400.0))
