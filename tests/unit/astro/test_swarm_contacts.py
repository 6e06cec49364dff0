"""Passes, sights and eclipses of many satellites, held against those of one, and against fine grids."""

import numpy as np
import pytest

from astro import contacts, eclipses, encounters, frames, saa, shadow, sight, sun
from astro.contacts import Eclipse
from astro.eclipses import Eclipses
from astro.frames import TemeTrack
from astro.orbit import Ephemeris
from astro.sight import Limits
from astro.swarm import Swarm, hermite
from icd.timebase import NS_PER_S, MissionTime, after
from tests.unit.astro.swarms import START, Spot, one, real, shell

DAY_S = 86_400.0
END = after(START, DAY_S)
MS = 1_000_000
SITES = [frames.site(spot) for spot in (Spot(40.4, -3.7), Spot(-53.2, -70.9, 0.0, 25.0), Spot(68.0, 16.0, 0.1, 5.0))]

pytestmark = pytest.mark.slow


def edges(found: Eclipses, index: int) -> tuple[int | None, ...]:
    umbral = bool(found.umbral[index])
    inner = (int(found.umbra_in[index]), int(found.umbra_out[index])) if umbral else (None, None)
    return int(found.penumbra_in[index]), *inner, int(found.penumbra_out[index])


def furthest_ms(ours: tuple[int | None, ...], theirs: Eclipse) -> float:
    alone = (theirs.penumbra_in, theirs.umbra_in, theirs.umbra_out, theirs.penumbra_out)
    assert [edge is None for edge in ours] == [edge is None for edge in alone]
    return max(abs(a - b) / MS for a, b in zip(ours, alone, strict=True) if a is not None and b is not None)


@pytest.mark.parametrize("flattening", [0.0, shadow.EARTH_FLATTENING])
def test_eclipse_edges_of_a_swarm_are_those_of_each_satellite_within_a_millisecond(flattening: float) -> None:
    satellites = real()[::2]

    found = eclipses.eclipses(Swarm.of(satellites), START, END, flattening)

    checked, worst_ms = 0, 0.0
    for number, satellite in enumerate(satellites):
        alone = contacts.eclipses(Ephemeris(satellite.line1, satellite.line2), START, END, flattening)
        ours = np.flatnonzero(found.satellite == number).tolist()
        assert len(ours) == len(alone), satellite.name
        for index, eclipse in zip(ours, alone, strict=True):
            worst_ms = max(worst_ms, furthest_ms(edges(found, index), eclipse))
            checked += 4
    assert checked > 1000
    assert worst_ms <= 1.0


class Record:
    """One SGP4 record as an ephemeris, by way of a swarm of one."""

    def __init__(self, swarm: Swarm) -> None:
        self._swarm = swarm

    def position(self, at: MissionTime) -> frames.Teme:
        return self._swarm.position(0, at)

    def positions(self, times: frames.TimeArray) -> TemeTrack:
        minutes, into = np.divmod(times, 60 * NS_PER_S)
        zero = np.zeros(len(times), dtype=np.int64)
        left, right = self._swarm.knots(zero, minutes), self._swarm.knots(zero, minutes + 1)
        return TemeTrack(hermite(left, right, into / (60.0 * NS_PER_S)))


def test_grazing_eclipses_are_found_and_none_is_made_up() -> None:
    """Planes at every half degree of node: some leave the shadow, some meet it; held against a fine grid."""
    swarm = Swarm([one(inclination_deg=70.0, node_deg=float(node)) for node in np.arange(0.0, 360.0, 0.5)])
    end = after(START, 6 * 3600.0)

    found = eclipses.eclipses(swarm, START, end)

    parts = [(part.times, part.teme_km.copy()) for part in swarm.dense(START, end, 5)]
    times, track = (np.concatenate(column) for column in zip(*parts, strict=True))
    suns = sun.positions(times)
    counts, short, untouched = np.bincount(found.satellite, minlength=len(swarm)), 0, 0
    for number in range(len(swarm)):
        dark = shadow.margins_km(TemeTrack(track[:, number]), suns, umbra=False) < 0.0
        polled = int((np.diff(dark.astype(np.int8)) == 1).sum()) + int(dark[0])
        mine = found.satellite == number
        lasting = (found.penumbra_out - found.penumbra_in)[mine] > 5 * NS_PER_S
        assert int(lasting.sum()) <= polled <= int(counts[number]), number
        short += int((~found.umbral[mine]).sum())
        untouched += int(polled == 0)
    assert short > 0
    assert untouched > 0


def test_eclipses_of_eccentric_and_polar_and_equatorial_orbits_are_found_too() -> None:
    records = [
        one(inclination_deg=97.6, node_deg=200.0, eccentricity=0.002),
        one(inclination_deg=0.01, node_deg=10.0),
        one(inclination_deg=63.4, node_deg=77.0, eccentricity=0.09, turns=13.0),
        one(inclination_deg=53.0, node_deg=77.0, eccentricity=0.02, turns=14.5),
    ]

    for record in records:
        swarm = Swarm([record])
        found = eclipses.eclipses(swarm, START, after(START, 43_200.0))
        alone = contacts.eclipses(Record(swarm), START, after(START, 43_200.0))  # type: ignore[arg-type]
        assert len(found) == len(alone) >= 5
        for index, eclipse in enumerate(alone):
            assert furthest_ms(edges(found, index), eclipse) <= 1.0


def test_eclipses_under_way_at_start_and_end_are_whole() -> None:
    swarm = Swarm.of(real()[:6])
    long = eclipses.eclipses(swarm, START, END)
    middle = MissionTime(int(long.umbra_in[2] + long.umbra_out[2]) // 2)
    later = MissionTime(int(long.umbra_in[5] + long.umbra_out[5]) // 2)

    found = eclipses.eclipses(swarm, middle, later)

    first = np.flatnonzero(found.satellite == long.satellite[2])
    assert furthest_ms(edges(found, int(first[0])), whole(long, 2)) <= 1.0
    assert furthest_ms(edges(found, int(first[-1])), whole(long, 5)) <= 1.0


def whole(found: Eclipses, index: int) -> Eclipse:
    first, second, third, last = edges(found, index)
    assert first is not None
    assert last is not None
    return Eclipse(
        MissionTime(first),
        None if second is None else MissionTime(second),
        None if third is None else MissionTime(third),
        MissionTime(last),
    )


def test_passes_of_a_swarm_are_those_of_each_satellite_within_a_millisecond() -> None:
    satellites = real()[:8]

    found = encounters.passes(Swarm.of(satellites), SITES, START, END)

    alone = [
        (number, station, int(span.start), int(span.end))
        for number, satellite in enumerate(satellites)
        for station, site in enumerate(SITES)
        for span in contacts.passes(Ephemeris(satellite.line1, satellite.line2), site, START, END)
    ]
    assert list(zip(found.satellite.tolist(), found.station.tolist(), strict=True)) == [key[:2] for key in alone]
    assert len(alone) > 60
    assert np.abs(found.start - np.array([span[2] for span in alone])).max() <= MS
    assert np.abs(found.end - np.array([span[3] for span in alone])).max() <= MS


def test_no_pass_shorter_than_the_grid_is_missed() -> None:
    swarm = shell(4, 3)
    sites = [frames.site(Spot(30.0, float(longitude), 0.0, 25.0)) for longitude in range(-180, 180, 12)]
    times = np.concatenate([part.times for part in swarm.dense(START, END, 2)])
    track = np.concatenate([part.teme_km.copy() for part in swarm.dense(START, END, 2)])

    found = encounters.passes(swarm, sites, MissionTime(int(times[0])), MissionTime(int(times[-1])))

    checked = briefest = 0
    for satellite in range(len(swarm)):
        itrf = frames.teme_to_itrf_many(TemeTrack(track[:, satellite]), times)
        for station, site in enumerate(sites):
            up = sight.sin_elevations(itrf, site) > site.sin_mask
            polled = int((np.diff(up.astype(np.int8)) == 1).sum()) + int(up[0])
            mine = (found.satellite == satellite) & (found.station == station)
            lasts = (found.end - found.start)[mine]
            assert int((lasts > 2 * NS_PER_S).sum()) <= polled <= int(mine.sum())
            checked += polled
            briefest += int((lasts < 30 * NS_PER_S).sum())
    assert checked > 300
    assert briefest > 3


@pytest.mark.parametrize("range_max_km", [1500.0, 4000.0])
def test_sights_of_pairs_are_those_of_each_pair_within_a_millisecond(range_max_km: float) -> None:
    satellites = real()[:7]
    pairs = np.array([(a, b) for a in range(7) for b in range(a)])

    found = encounters.sights(Swarm.of(satellites), pairs, START, END, range_max_km=range_max_km, graze_km=80.0)

    ephemerides = [Ephemeris(one.line1, one.line2) for one in satellites]
    alone = [
        (row, int(span.start), int(span.end))
        for row, (a, b) in enumerate(pairs.tolist())
        for span in contacts.sights(
            ephemerides[a], ephemerides[b], START, END, Limits(range_max_km, 80.0, -1.0, 1.0, 1.0)
        )
    ]
    assert found.row.tolist() == [span[0] for span in alone]
    assert len(alone) > 10
    assert np.abs(found.start - np.array([span[1] for span in alone])).max() <= MS
    assert np.abs(found.end - np.array([span[2] for span in alone])).max() <= MS


def test_anomaly_crossings_of_a_swarm_are_those_of_each_satellite_within_a_millisecond() -> None:
    satellites = real()[:8]

    found = encounters.anomalies(Swarm.of(satellites), START, END)

    alone = [
        (number, int(span.start), int(span.end))
        for number, satellite in enumerate(satellites)
        for span in saa.spans(Ephemeris(satellite.line1, satellite.line2), START, END)
    ]
    assert found.row.tolist() == [span[0] for span in alone]
    assert len(alone) > 40
    assert np.abs(found.start - np.array([span[1] for span in alone])).max() <= MS
    assert np.abs(found.end - np.array([span[2] for span in alone])).max() <= MS


def test_nothing_asked_for_is_nothing_found() -> None:
    swarm = shell(1, 3)

    assert len(encounters.passes(Swarm([]), SITES, START, END)) == 0
    assert len(encounters.passes(swarm, [], START, END)) == 0
    assert (
        len(encounters.sights(swarm, np.empty((0, 2), dtype=np.int64), START, END, range_max_km=9.0, graze_km=0.0)) == 0
    )
    assert len(encounters.anomalies(Swarm([]), START, END)) == 0
    assert len(eclipses.eclipses(Swarm([]), START, END)) == 0
