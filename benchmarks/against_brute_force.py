"""All-pairs line of sight beside brute force: every pair, one after the other, with explicit vectors."""

import numpy as np

from astro import sight
from astro.shadow import EARTH_RADIUS_KM
from benchmarks import explicit_sight, floyd_warshall
from experiments.figures import Row
from icd.timebase import after, from_iso

AT = from_iso("2026-08-22T12:00:00Z")
GRAZE_KM = 80.0
STEP_S = 1_234.5  # between the instants looked at


def pairs(planes: int, per_plane: int, instants: int) -> Row:
    """Return how many pairs of a shell are told otherwise, over some instants."""
    swarm = floyd_warshall.starlink_550(planes, per_plane)
    first, second = explicit_sight.pairs(len(swarm))
    differing = 0
    for index in range(instants):
        positions = swarm.positions(after(AT, index * STEP_S))
        ours = sight.visible_pairs(positions, GRAZE_KM)
        theirs = explicit_sight.visible(positions.km, first, second, EARTH_RADIUS_KM + GRAZE_KM)
        differing += int(np.count_nonzero(ours[first, second] != theirs))
        differing += int(np.count_nonzero(ours != ours.T)) + int(np.count_nonzero(np.diagonal(ours)))
    name = f"pairs in sight beside brute force, {len(swarm):,} satellites, {instants} instants"
    return Row(name, float(differing), f"of {instants * len(first):,}", at_most=0.0)


def all_pairs() -> Row:
    """Return the same for all 1,253,736 pairs of Hypatia's Starlink-550 shell."""
    return pairs(floyd_warshall.PLANES, floyd_warshall.PER_PLANE, 5)
