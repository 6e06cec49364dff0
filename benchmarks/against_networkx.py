"""Next hops beside networkx: its Dijkstra, in Python integers, from each station against the traffic's direction."""

from typing import Any

import networkx
import numpy as np

from astro import frames, routes
from astro.frames import Site
from astro.routes import MM_PER_KM
from astro.swarm import Swarm
from benchmarks import floyd_warshall
from benchmarks.floyd_warshall import HopArray, Network
from experiments.figures import Row
from icd.timebase import MissionTime, from_iso

AT = from_iso("2026-08-22T12:00:00Z")


def next_hops(planes: int, per_plane: int, stations: int, range_km: float) -> Row:
    """Return how many next hops of a shell of that size differ."""
    swarm, sites = floyd_warshall.starlink_550(planes, per_plane), floyd_warshall.stations(stations)
    net = _network(swarm, planes, per_plane, sites, range_km)
    ours = routes.next_hops(net.satellites, net.links, net.lengths_km, net.access).next_hop
    differing = float(np.count_nonzero(ours != _by_networkx(net)))
    name = f"next hops beside networkx, {planes * per_plane:,} satellites, {stations} stations"
    return Row(name, differing, f"of {ours.size:,}", at_most=0.0)


def all_next_hops() -> Row:
    """Return the same for Hypatia's Starlink-550 shell and a hundred stations."""
    return next_hops(floyd_warshall.PLANES, floyd_warshall.PER_PLANE, 100, floyd_warshall.STATION_KM_MAX)


def _network(swarm: Swarm, planes: int, per_plane: int, sites: list[Site], range_km: float) -> Network:
    here, at = swarm.positions(AT), MissionTime(AT)
    fixed = frames.teme_to_itrf_many(here, np.full(len(swarm), at, dtype=np.int64))
    links = routes.plus_grid(planes, per_plane)
    return Network(len(swarm), links, routes.link_lengths_km(here, links), routes.in_range(fixed, sites, range_km))


def _by_networkx(net: Network) -> HopArray:
    """Return next hops from shortest distances: the station itself, else the nearest neighbour of the lowest index."""
    graph: Any = networkx.DiGraph()
    graph.add_nodes_from(range(net.satellites + net.access.stations))
    lengths = np.rint(net.lengths_km * MM_PER_KM).astype(np.int64).tolist()
    for (a, b), length in zip(net.links.tolist(), lengths, strict=True):
        graph.add_edge(a, b, weight=length)
        graph.add_edge(b, a, weight=length)
    ranges = np.rint(net.access.range_km * MM_PER_KM).astype(np.int64).tolist()
    down: dict[tuple[int, int], int] = {}
    for station, satellite, far in zip(net.access.station.tolist(), net.access.satellite.tolist(), ranges, strict=True):
        graph.add_edge(net.satellites + station, satellite, weight=far)  # against the traffic; stations relay nothing
        down[satellite, station] = far
    hops = np.full((net.satellites, net.access.stations), routes.NOWHERE, dtype=np.int32)
    for station in range(net.access.stations):
        far = networkx.single_source_dijkstra_path_length(graph, net.satellites + station)
        for satellite in range(net.satellites):
            if satellite not in far:
                continue
            if down.get((satellite, station)) == far[satellite]:
                hops[satellite, station] = net.satellites + station
                continue
            around = graph.adj[satellite].items()
            nearest = [other for other, edge in around if far.get(other, -1) + edge["weight"] == far[satellite]]
            hops[satellite, station] = min(nearest)
    return hops
