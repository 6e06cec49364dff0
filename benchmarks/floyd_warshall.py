"""Hypatia's Starlink-550 shell and its published way of finding routes, written anew, to measure ours against.

Per time step Hypatia (Kassing et al., ACM IMC 2020; `satgenpy`, algorithm_free_one_only_over_isls) computes the
distances of all pairs of satellites by Floyd-Warshall; then, for every satellite and station, it takes of the station's
satellites the one with the shortest way there and down, and of its own neighbours the one nearest to that. Here the
distances are numpy's, a row operation per satellite, and the choices are plain Python over lists. Left out, to its
favour: ranges by one observer object per pair, and the writing of text files.

The shell is as Hypatia's script for the paper describes it: 72 planes of 22, 53 degrees, 15.19 revolutions a day, every
second plane half a place ahead (that is 509 km up, though its limits are those of 550); links to the same place of the
planes beside; stations use satellites within the range at which a cone of 940.7 km radius from 550 km height ends.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sgp4.api import WGS72, Satrec

from astro import frames, routes
from astro.frames import FloatArray, IndexArray, ItrfTrack, Site, TemeTrack
from astro.routes import MM_PER_KM, Access
from astro.swarm import Swarm
from icd.timebase import MissionTime

HopArray = NDArray[np.int32]  # shape (satellites, stations)

PLANES, PER_PLANE = 72, 22
INCLINATION_DEG = 53.0
REVOLUTIONS_PER_DAY = 15.19
ECCENTRICITY = 1e-7
RADIUS_KM = 6378.135  # WGS-72
ALTITUDE_KM = 550.0
LINK_KM_MAX = 2.0 * math.sqrt((RADIUS_KM + ALTITUDE_KM) ** 2 - (RADIUS_KM + 80.0) ** 2)
STATION_KM_MAX = math.hypot(940.7, ALTITUDE_KM)

_GOLDEN_TURN = math.pi * (3.0 - math.sqrt(5.0))
_LATITUDE_MAX_DEG = 55.0
_EPOCH_1949_DAYS = 18_263.0  # 2000-01-01T00:00 UTC since 1949-12-31T00:00


@dataclass(frozen=True, slots=True)
class Spot:
    """A station at sea level with Hypatia's lowest elevation."""

    latitude_deg: float
    longitude_deg: float
    altitude_km: float = 0.0
    mask_deg: float = 25.0


@dataclass(frozen=True, slots=True)
class Network:
    """The shell at one instant: links with their lengths, and what the stations may use."""

    satellites: int
    links: IndexArray
    lengths_km: FloatArray
    access: Access


def starlink_550(planes: int = PLANES, per_plane: int = PER_PLANE) -> Swarm:
    """Return Hypatia's Starlink-550 shell, satellite s of plane p at index p * per_plane + s; epoch 2000-01-01 UTC."""
    records = []
    for index in range(planes * per_plane):
        plane, place = divmod(index, per_plane)
        record = Satrec()
        anomaly = math.tau * (place + 0.5 * (plane % 2)) / per_plane
        motion = REVOLUTIONS_PER_DAY * math.tau / 1440.0
        node = math.tau * plane / planes
        elements = (0.0, 0.0, 0.0, ECCENTRICITY, 0.0, math.radians(INCLINATION_DEG), anomaly, motion, node)
        record.sgp4init(WGS72, "i", index + 1, _EPOCH_1949_DAYS, *elements)
        records.append(record)
    return Swarm(records)


def stations(count: int = 100) -> list[Site]:
    """Return places spread evenly over the latitudes that the shell serves, where Hypatia has the largest cities."""
    reach = math.sin(math.radians(_LATITUDE_MAX_DEG))
    places = [(reach * (1.0 - (2 * k + 1) / count), k * _GOLDEN_TURN % math.tau) for k in range(count)]
    spots = [Spot(math.degrees(math.asin(sine)), math.degrees(angle) - 180.0) for sine, angle in places]
    return [frames.site(spot) for spot in spots]


def network(swarm: Swarm, links: IndexArray, sites: list[Site], at: MissionTime) -> Network:
    """Return the shell's links and the stations' satellites at one instant.

    Raises:
        ValueError: a link of the grid dips below 80 km, as Hypatia too refuses.
    """
    here = swarm.positions(at)
    lengths = routes.link_lengths_km(here, links)
    if lengths.max() > LINK_KM_MAX:
        raise ValueError(f"a link is {lengths.max():.0f} km long, over {LINK_KM_MAX:.0f} km")
    return Network(len(swarm), links, lengths, routes.in_range(_fixed(here, at), sites, STATION_KM_MAX))


def dawnline_next_hops(swarm: Swarm, links: IndexArray, sites: list[Site], at: MissionTime) -> HopArray:
    """Return next hops by `astro.routes`, from element sets on: what is timed."""
    net = network(swarm, links, sites, at)
    return routes.next_hops(net.satellites, net.links, net.lengths_km, net.access).next_hop


def hypatia_next_hops(swarm: Swarm, links: IndexArray, sites: list[Site], at: MissionTime) -> HopArray:
    """Return next hops by all-pairs Floyd-Warshall, from element sets on: what it is timed against."""
    net = network(swarm, links, sites, at)
    lengths = np.rint(net.lengths_km * MM_PER_KM)
    return choose(net, lengths, distances(net.satellites, net.links, lengths))


def distances(count: int, links: IndexArray, lengths: FloatArray) -> FloatArray:
    """Return the distances of all pairs of satellites by Floyd-Warshall, shape (n, n), in the unit of the lengths."""
    found = np.full((count, count), np.inf)
    np.fill_diagonal(found, 0.0)
    found[links[:, 0], links[:, 1]] = found[links[:, 1], links[:, 0]] = lengths
    for middle in range(count):
        np.minimum(found, found[:, middle, None] + found[None, middle], out=found)
    return found


def choose(net: Network, lengths: FloatArray, between: FloatArray) -> HopArray:
    """Return the next hops that follow from the distances of all pairs, satellite by satellite, station by station."""
    neighbours: list[list[tuple[int, float]]] = [[] for _ in range(net.satellites)]
    for (a, b), length in zip(net.links.tolist(), lengths.tolist(), strict=True):
        neighbours[a].append((b, length))
        neighbours[b].append((a, length))
    attached: list[list[tuple[int, float]]] = [[] for _ in range(net.access.stations)]
    ranges = np.rint(net.access.range_km * MM_PER_KM).tolist()
    for station, satellite, far in zip(net.access.station.tolist(), net.access.satellite.tolist(), ranges, strict=True):
        attached[station].append((satellite, far))
    rows = between.tolist()
    hops = np.full((net.satellites, net.access.stations), routes.NOWHERE, dtype=np.int32)
    for here, row in enumerate(rows):
        around = sorted(neighbours[here])
        for station, usable in enumerate(attached):
            ways = sorted((row[last] + far, last) for last, far in usable if row[last] != math.inf)
            if not ways:
                continue
            last = ways[0][1]
            if last == here:
                hops[here, station] = net.satellites + station
                continue
            best = math.inf
            for other, length in around:
                if length + rows[other][last] < best:
                    best, hops[here, station] = length + rows[other][last], other
    return hops


def _fixed(positions: TemeTrack, at: MissionTime) -> ItrfTrack:
    return frames.teme_to_itrf_many(positions, np.full(len(positions.km), at, dtype=np.int64))
