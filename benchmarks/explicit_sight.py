"""All-pairs line of sight the plain way: for each pair the vector between them, and how near it passes to the Earth.

This is what a simulator does that asks pair by pair, written for whole arrays: the peer of `astro.sight`'s all-pairs
test, and the brute force that it is checked against.
"""

import numpy as np
from numpy.typing import NDArray

from astro.frames import FloatArray

BoolArray = NDArray[np.bool_]
IndexArray = NDArray[np.int64]


def pairs(count: int) -> tuple[IndexArray, IndexArray]:
    """Return the indices of all pairs of `count` satellites, the lesser first."""
    first, second = np.triu_indices(count, 1)
    return first, second


def visible(km: FloatArray, first: IndexArray, second: IndexArray, sphere_km: float) -> BoolArray:
    """Return which of the pairs have a straight line between them that stays outside a sphere about the centre.

    Args:
        km: positions, shape (n, 3).
        first: index of one of each pair.
        second: index of the other.
        sphere_km: radius of what must not be touched.
    """
    start = km[first]
    along = km[second] - start
    share = np.clip(-(start * along).sum(axis=1) / (along * along).sum(axis=1), 0.0, 1.0)
    nearest = start + share[:, None] * along
    outside: BoolArray = (nearest * nearest).sum(axis=1) >= sphere_km * sphere_km
    return outside
