import itertools
import math

import numpy as np
import pytest

from astro import frames, routes
from astro.frames import FrameError, ItrfTrack, TemeTrack
from astro.routes import MM_PER_KM, NOWHERE, Access
from benchmarks import floyd_warshall
from icd.timebase import from_iso
from tests.unit.astro.swarms import START, Spot, shell

PLANES, PER_PLANE = 12, 8
SITES = [frames.site(Spot(lat, lon)) for lat, lon in ((40.0, -3.0), (-33.0, 151.0), (0.5, 77.0), (51.0, -114.0))]


def network(sites: list[frames.Site]) -> tuple[int, np.ndarray, np.ndarray, Access]:
    positions = shell(PLANES, PER_PLANE).positions(START)
    links = routes.plus_grid(PLANES, PER_PLANE)
    itrf = frames.teme_to_itrf_many(positions, np.full(len(positions.km), START))
    return PLANES * PER_PLANE, links, routes.link_lengths_km(positions, links), routes.in_range(itrf, sites, 2500.0)


def test_a_grid_links_each_satellite_with_four_neighbours() -> None:
    links = routes.plus_grid(5, 4)

    assert len(links) == 2 * 5 * 4
    assert np.bincount(links.ravel()).tolist() == [4] * 20
    assert (links[:, 0] < links[:, 1]).all()
    assert [0, 1] in links.tolist()
    assert [0, 3] in links.tolist()
    assert [0, 4] in links.tolist()
    assert [0, 16] in links.tolist()


def test_a_shifted_grid_links_a_place_further_in_the_next_plane() -> None:
    links = routes.plus_grid(4, 5, shift=2).tolist()

    assert [0, 7] in links
    assert [4, 6] in links


@pytest.mark.parametrize(("planes", "per_plane"), [(2, 9), (9, 2)])
def test_what_makes_no_ring_is_refused(planes: int, per_plane: int) -> None:
    with pytest.raises(ValueError, match="a grid needs 3"):
        routes.plus_grid(planes, per_plane)


@pytest.mark.slow
def test_next_hops_are_those_of_networkx() -> None:
    """Each next hop begins a way that an independent library finds as short as any, and no lower neighbour does."""
    networkx = pytest.importorskip("networkx")
    count, links, lengths, access = network(SITES)
    ways = routes.next_hops(count, links, lengths, access)
    rounded = np.rint(lengths * MM_PER_KM)
    checked = 0
    for station in range(len(SITES)):
        graph = networkx.Graph()
        graph.add_nodes_from(range(count))
        graph.add_weighted_edges_from((a, b, w) for (a, b), w in zip(links.tolist(), rounded.tolist(), strict=True))
        mine = access.station == station
        graph.add_weighted_edges_from(
            (count + station, int(satellite), float(far))
            for satellite, far in zip(access.satellite[mine], np.rint(access.range_km[mine] * MM_PER_KM), strict=True)
        )
        theirs = networkx.single_source_dijkstra_path_length(graph, count + station)
        for satellite in range(count):
            best = [
                n for n in sorted(graph[satellite]) if theirs[n] + graph[satellite][n]["weight"] == theirs[satellite]
            ]
            hop = int(ways.next_hop[satellite, station])
            assert hop == (count + station if count + station in best else best[0])
            assert ways.length_km[satellite, station] == theirs[satellite] / MM_PER_KM
            checked += 1
    assert checked == count * len(SITES)


@pytest.mark.slow
def test_next_hops_are_those_of_all_pairs_floyd_warshall() -> None:
    swarm, links = floyd_warshall.starlink_550(18, 11), routes.plus_grid(18, 11)
    sites, at = floyd_warshall.stations(24), from_iso("2000-01-01T00:41:00Z")

    ours = floyd_warshall.dawnline_next_hops(swarm, links, sites, at)

    assert np.array_equal(ours, floyd_warshall.hypatia_next_hops(swarm, links, sites, at))
    assert (ours >= len(swarm)).any()


def test_a_way_ends_at_a_satellite_that_the_station_may_use() -> None:
    count, links, lengths, access = network(SITES)

    ways = routes.next_hops(count, links, lengths, access)

    for station in range(len(SITES)):
        usable = access.satellite[access.station == station].tolist()
        for satellite in range(0, count, 5):
            path = ways.path(satellite, station)
            assert path[0] == satellite
            assert path[-1] in usable
            assert all(sorted(pair) in links.tolist() for pair in itertools.pairwise(path))


def test_a_station_that_sees_no_satellite_is_reached_from_nowhere() -> None:
    count, links, lengths, access = network([SITES[0], frames.site(Spot(89.9, 0.0))])

    ways = routes.next_hops(count, links, lengths, access)

    assert (ways.next_hop[:, 1] == NOWHERE).all()
    assert np.isinf(ways.length_km[:, 1]).all()
    assert ways.path(3, 1) == ()
    assert (ways.next_hop[:, 0] != NOWHERE).all()


def test_an_island_reaches_no_station() -> None:
    """Satellites 2 and 3 are linked with each other alone."""
    links = np.array([[0, 1], [2, 3]])
    access = Access(np.array([0]), np.array([1]), np.array([900.0]), 1)

    ways = routes.next_hops(4, links, np.array([1000.0, 1000.0]), access)

    assert ways.next_hop[:, 0].tolist() == [1, 4, NOWHERE, NOWHERE]
    assert ways.length_km[:2, 0].tolist() == [1900.0, 900.0]


def test_of_equally_short_ways_the_lowest_neighbour_is_taken() -> None:
    """A square: from 3 both 1 and 2 are next to 0, and equally far."""
    links = np.array([[0, 2], [2, 3], [0, 1], [1, 3]])
    access = Access(np.array([0]), np.array([0]), np.array([600.0]), 1)

    for order in ([0, 1, 2, 3], [3, 2, 1, 0]):
        ways = routes.next_hops(4, links[order], np.full(4, 1000.0), access)
        assert ways.next_hop[:, 0].tolist() == [4, 0, 0, 1]


def test_a_station_relays_nothing() -> None:
    """Two satellites that see one station and have no link do not reach another station through it."""
    access = Access(np.array([0, 0, 1]), np.array([0, 1, 1]), np.array([600.0, 600.0, 600.0]), 2)

    ways = routes.next_hops(2, np.empty((0, 2), dtype=np.int64), np.empty(0), access)

    assert ways.next_hop.tolist() == [[2, NOWHERE], [2, 3]]


def test_range_and_elevation_decide_who_is_in_view() -> None:
    station = frames.site(Spot(0.0, 0.0, 0.0, 30.0))
    high = station.position[0] + 550.0
    aside = 550.0 / math.tan(math.radians(31.0)), 550.0 / math.tan(math.radians(29.0))
    positions = ItrfTrack(np.array([[high, aside[0], 0.0], [high, aside[1], 0.0], [high, 0.0, 0.0]]))

    assert routes.in_view(positions, [station]).satellite.tolist() == [0, 2]
    assert routes.in_range(positions, [station], 560.0).satellite.tolist() == [2]
    assert routes.in_range(positions, [station], 5_000.0).range_km[2] == pytest.approx(550.0)


def test_the_two_frames_cannot_be_mixed() -> None:
    point = np.array([[7000.0, 0.0, 0.0]])

    with pytest.raises(FrameError):
        routes.link_lengths_km(ItrfTrack(point), np.array([[0, 0]]))  # type: ignore[arg-type]
    with pytest.raises(FrameError):
        routes.in_range(TemeTrack(point), SITES, 1.0)  # type: ignore[arg-type]
    with pytest.raises(FrameError):
        routes.in_view(TemeTrack(point), SITES)  # type: ignore[arg-type]


def test_hypatia_shell_is_the_one_its_paper_flies() -> None:
    swarm = floyd_warshall.starlink_550()
    positions = swarm.positions(from_iso("2000-01-01T00:00:00Z"))

    radii = np.linalg.norm(positions.km, axis=1)
    lengths = routes.link_lengths_km(positions, routes.plus_grid(72, 22))

    assert len(swarm) == 1584
    assert radii.mean() == pytest.approx(6886.9, abs=1.0)  # 15.19 revolutions a day are 509 km, not 550
    assert pytest.approx(5016.6, abs=0.1) == floyd_warshall.LINK_KM_MAX
    assert pytest.approx(1089.7, abs=0.1) == floyd_warshall.STATION_KM_MAX
    assert lengths.max() < floyd_warshall.LINK_KM_MAX
