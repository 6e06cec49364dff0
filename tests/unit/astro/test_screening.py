import pytest
from sgp4.api import Satrec

from astro import elements, screening
from astro.elements import Reason, Satellite
from icd.timebase import MissionTime, after, from_iso, seconds_between
from tests.unit.astro.orbits import LINE1, LINE2, START
from tests.unit.astro.test_elements import SAMPLE, mended

DAY_S = 86_400.0
FOUND, _ = elements.load(SAMPLE.read_text())
NEWEST = max(one.epoch for one in FOUND)


def screen(age_days: float = 14.0, horizon_days: float = 30.0) -> dict[str, str]:
    _, left_out = screening.screen(FOUND, NEWEST, age_days_max=age_days, horizon_days=horizon_days)
    return {one.name: str(one) for one in left_out}


def test_stale_and_decaying_sets_are_left_out_each_with_row_found_and_allowed() -> None:
    said = screen()

    assert said == {
        "STARLINK-1623": "row 5: STARLINK-1623: decayed: SGP4 gives a perigee of 112.1 km at 2026-08-22T14:21:25.121Z;"
        " allowed is a perigee of 120 km or more for 30 days",
        "STARLINK-1279": "row 8: STARLINK-1279: decayed: SGP4 has its perigee under 120 km from"
        " 2026-09-06T20:36:11.059Z, 15.3 days after 2026-08-22T14:21:25.121Z;"
        " allowed is a perigee of 120 km or more for 30 days",
        "STARLINK-5885": "row 11: STARLINK-5885: stale: its epoch 2026-07-30T14:04:58.000Z is 23.0 days from"
        " 2026-08-22T14:21:25.121Z; at most 14 are allowed",
    }


def test_the_horizon_and_the_age_are_the_callers() -> None:
    assert sorted(screen(age_days=30.0, horizon_days=10.0)) == ["STARLINK-1623"]
    assert sorted(screen(age_days=30.0, horizon_days=16.0)) == ["STARLINK-1279", "STARLINK-1623"]


def test_those_that_serve_are_kept_in_order() -> None:
    kept, _ = screening.screen(FOUND, NEWEST, age_days_max=14.0, horizon_days=30.0)

    assert [one.name for one in kept] == ["STARLINK-1008", "STARLINK-3308", "STARLINK-37440", "STARLINK-38086"]


def test_an_orbit_that_sgp4_cannot_place_says_its_error() -> None:
    line1 = mended(LINE1[:53] + " 90000+0" + LINE1[61:])
    gone = elements.parse_pair("X", line1, LINE2)

    found = screening.fault(gone, after(gone.epoch, 10 * DAY_S), age_days_max=14.0, horizon_days=1.0)

    assert found is not None
    assert found.reason is Reason.DECAYED
    assert "SGP4 gives no orbit (error " in found.text


@pytest.mark.parametrize("drag", ["89842-3", "20000-2", "80000-2", "50000-1", "50000+0", "-50000-3"])
def test_a_decay_is_found_where_polling_every_half_hour_finds_it(drag: str) -> None:
    """Also where the drag is so great that SGP4's axis falls through zero and rises again before the horizon."""
    line1 = mended(LINE1[:53] + drag.rjust(8) + LINE1[61:])
    satellite = elements.parse_pair("X", line1, LINE2)
    end = after(satellite.epoch, 60 * DAY_S)

    found = screening.decay(satellite, satellite.epoch, end)

    polled = _polled(satellite, end)
    assert (found is None) == (polled is None)
    if found is not None and polled is not None:
        assert 0.0 <= seconds_between(found, polled) < 1800.0 + 60.0


def test_a_set_may_be_asked_about_before_its_epoch() -> None:
    satellite = elements.parse_pair("X", LINE1, LINE2)

    assert screening.decay(satellite, after(satellite.epoch, -5 * DAY_S), after(START, DAY_S)) is None
    assert screening.fault(satellite, from_iso("2026-08-01T00:00:00Z"), age_days_max=14.0, horizon_days=1.0) is not None


def _polled(satellite: Satellite, end: MissionTime) -> MissionTime | None:
    record = Satrec.twoline2rv(satellite.line1, satellite.line2)
    for half_hour in range(int(seconds_between(satellite.epoch, end) / 1800.0) + 1):
        error, _, _ = record.sgp4_tsince(30.0 * half_hour)
        if error or (record.am * (1.0 - record.em) - 1.0) * 6378.135 < 120.0:
            return after(satellite.epoch, 1800.0 * half_hour)
    return None
