"""Routes of a constellation: who is linked to whom, how far it is, and which neighbour is next on the way to a station.

Traffic runs over laser links between satellites and down to a station from a satellite that has it in view; stations
relay nothing. A shortest-path tree grown from each station against the traffic's direction gives all satellites' next
hops to it at once, so the work is that of the stations asked for, not of all pairs.
Lengths are counted in whole millimetres: sums are then exact whatever their order, two algorithms agree to the last
hop, and of equally short ways the one through the satellite with the lowest index is taken.
The rules are those of Hypatia's `algorithm_free_one_only_over_isls` (Kassing et al., "Exploring the Internet from space
with Hypatia", ACM IMC 2020). Shortest paths: Dijkstra, by scipy. This is the one module that loads scipy.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from astro.frames import FloatArray, IndexArray, ItrfTrack, Site, TemeTrack, expect
from astro.sight import sin_elevations

MM_PER_KM = 1_000_000.0
NOWHERE = -1  # next hop where no way leads to the station
RING_MIN = 3  # planes, and satellites in each, that make a grid


@dataclass(frozen=True, slots=True)
class Access:
    """Which satellites each station may use, by station and then by satellite.

    Attributes:
        station: index of the station, shape (m,).
        satellite: index of the satellite, shape (m,).
        range_km: distance between them, shape (m,).
        stations: how many stations there are.
    """

    station: IndexArray
    satellite: IndexArray
    range_km: FloatArray
    stations: int


@dataclass(frozen=True, slots=True)
class Routes:
    """The way from every satellite to every station.

    Attributes:
        next_hop: shape (n, stations): the satellite that is next; n + station where it is the station itself; NOWHERE.
        length_km: shape (n, stations), infinite where there is no way.
    """

    next_hop: NDArray[np.int32]
    length_km: FloatArray

    def path(self, satellite: int, station: int) -> tuple[int, ...]:
        """Return the satellites on the way from one to a station, both ends among them; empty where there is none."""
        count, here, found = len(self.next_hop), satellite, [satellite]
        while (here := int(self.next_hop[here, station])) < count:
            if here == NOWHERE:
                return ()
            found.append(here)
        return tuple(found)


def plus_grid(planes: int, per_plane: int, shift: int = 0) -> IndexArray:
    """Return the links of a +grid: fore and aft in the plane, and one in each plane beside it.

    Args:
        planes: orbit planes, numbered eastward; satellite s of plane p has index p * per_plane + s.
        per_plane: satellites in each plane, numbered in the direction of flight.
        shift: satellite s is linked with s + shift of the next plane.

    Returns:
        Two indices a row, the lower one first, shape (2 * planes * per_plane, 2).

    Raises:
        ValueError: fewer than three planes, or satellites in one, make no ring.
    """
    if min(planes, per_plane) < RING_MIN:
        raise ValueError(
            f"a grid needs {RING_MIN} planes and {RING_MIN} satellites in each, not {planes} x {per_plane}"
        )
    plane, place = np.divmod(np.arange(planes * per_plane), per_plane)
    ahead = plane * per_plane + (place + 1) % per_plane
    beside = (plane + 1) % planes * per_plane + (place + shift) % per_plane
    own = np.arange(planes * per_plane)
    links = np.concatenate([np.stack([own, ahead], axis=1), np.stack([own, beside], axis=1)])
    links.sort(axis=1)
    result: IndexArray = links
    return result


def link_lengths_km(positions: TemeTrack, links: IndexArray) -> FloatArray:
    """Return the lengths of links, shape (m,).

    Args:
        positions: of all satellites, shape (n, 3).
        links: two indices a row, shape (m, 2).

    Raises:
        FrameError: the positions are not in TEME.
    """
    expect(TemeTrack, positions)
    line = positions.km[links[:, 0]] - positions.km[links[:, 1]]
    result: FloatArray = np.sqrt(np.einsum("ij,ij->i", line, line))
    return result


def in_view(positions: ItrfTrack, sites: Sequence[Site]) -> Access:
    """Return the satellites that stand above each site's elevation mask.

    Raises:
        FrameError: the positions are not Earth-fixed.
    """
    seen = np.stack([sin_elevations(positions, site) >= site.sin_mask for site in sites])
    return _access(positions, sites, seen)


def in_range(positions: ItrfTrack, sites: Sequence[Site], range_max_km: float) -> Access:
    """Return the satellites that are within a range of each site, whatever their elevation, as Hypatia has it.

    Raises:
        FrameError: the positions are not Earth-fixed.
    """
    expect(ItrfTrack, positions)
    places = np.array([site.position for site in sites])
    square = np.einsum("ij,ij->i", places, places)[:, None] + np.einsum("ij,ij->i", positions.km, positions.km)
    square -= 2.0 * (places @ positions.km.T)
    return _access(positions, sites, square <= range_max_km * range_max_km)


def next_hops(count: int, links: IndexArray, lengths_km: FloatArray, access: Access) -> Routes:
    """Return the shortest way from each satellite to each station.

    Args:
        count: number of satellites.
        links: two indices a row, shape (m, 2); leave out those that are down or too long.
        lengths_km: of the links, shape (m,), each above a millimetre.
        access: which satellites each station may use.
    """
    nodes = count + access.stations
    lengths, ranges = np.rint(lengths_km * MM_PER_KM), np.rint(access.range_km * MM_PER_KM)
    tails = np.concatenate([links[:, 0], links[:, 1], count + access.station])
    heads = np.concatenate([links[:, 1], links[:, 0], access.satellite])
    weights = np.concatenate([lengths, lengths, ranges])
    graph = csr_array((weights, (tails, heads)), shape=(nodes, nodes))
    trees = dijkstra(graph, directed=True, indices=np.arange(count, nodes))
    distance = np.ascontiguousarray(trees[:, :count].T)
    hop = np.full(distance.shape, NOWHERE, dtype=np.int32)
    neighbours, steps = _neighbours(count, links, lengths)
    for place in range(neighbours.shape[1] - 1, -1, -1):  # the lowest index is written last and stays
        nearer = distance[neighbours[:, place]]
        nearer += steps[:, place, None]
        np.copyto(hop, neighbours[:, place, None], where=nearer == distance, casting="same_kind")
    hop[np.isinf(distance)] = NOWHERE
    direct = distance[access.satellite, access.station] == ranges
    hop[access.satellite[direct], access.station[direct]] = count + access.station[direct]
    return Routes(hop, distance / MM_PER_KM)


def _access(positions: ItrfTrack, sites: Sequence[Site], chosen: NDArray[np.bool_]) -> Access:
    station, satellite = np.nonzero(chosen)
    line = positions.km[satellite] - np.array([site.position for site in sites])[station]
    return Access(station, satellite, np.sqrt(np.einsum("ij,ij->i", line, line)), len(sites))


def _neighbours(count: int, links: IndexArray, lengths: FloatArray) -> tuple[IndexArray, FloatArray]:
    """Return each satellite's neighbours, rising, and how far they are, mm; padded with itself, infinitely far."""
    own, other = np.concatenate([links, links[:, ::-1]]).T
    order = np.lexsort((other, own))
    own, other, far = own[order], other[order], np.concatenate([lengths, lengths])[order]
    place = np.arange(len(own)) - np.searchsorted(own, own)
    width = int(place.max()) + 1 if len(own) else 0
    neighbours = np.tile(np.arange(count)[:, None], (1, width))
    steps = np.full((count, width), np.inf)
    neighbours[own, place], steps[own, place] = other, far
    return neighbours, steps
