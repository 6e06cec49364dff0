"""The modes of the cooling chain about one temperature of its radiator.

With the radiator's T^4 replaced by its tangent at Tg the chain is linear, C dT/dt = q - G T. Scaled by the roots of the
heat capacities the matrix is symmetric, so it has real modes with rates of decay not below zero, and each goes its own
way: m(t) = a + (m(0) - a) exp(-rate t). Source: modal analysis of a symmetric linear system, as in any text on it.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hwsim.models.body import STEFAN_BOLTZMANN_W_M2_K4
from hwsim.models.crossing import Four
from icd.vehicle import ThermalProfile

GRID_K = 4.0  # temperatures of the radiator at which modes are computed lie this far apart
CACHE_MAX = 1_024  # sets of modes kept, of all satellites together


@dataclass(frozen=True, slots=True)
class Modes:
    """Four modes, slowest first. Nodes in the order die, plate, loop, radiator."""

    grid_k: float  # the radiator's temperature that the tangent touches at
    remainder: tuple[float, float, float]  # beyond the tangent: a^2, a^3 and a^4 times these, a = T - Tg, W
    slope_w_k: float  # of the tangent, 4 k Tg^3
    offset_w: float  # heat radiated is offset + slope x T + remainder
    rates: Four  # 1/s
    die: Four  # temperature of a node: sum of these times the modes
    plate: Four
    loop: Four
    radiator: Four
    stored: Four  # heat stored, J: the same
    to_die: Four  # modes that a watt in the die tends to
    to_loop: Four
    to_radiator: Four  # the same as radiator / rates
    from_kelvin: tuple[Four, Four, Four, Four]  # each mode: sum of these times the temperatures
    radiator_speed: Four  # |radiator x rates|

    def place(self, temps: Four) -> Four:
        """Return the modes of four temperatures, K."""
        a, b, c, d = temps
        m0, m1, m2, m3 = (row[0] * a + row[1] * b + row[2] * c + row[3] * d for row in self.from_kelvin)
        return m0, m1, m2, m3

    def temps(self, modes: Four) -> Four:
        """Return the four temperatures, K."""
        a, b, c, d = modes
        rows = (self.die, self.plate, self.loop, self.radiator)
        t0, t1, t2, t3 = (row[0] * a + row[1] * b + row[2] * c + row[3] * d for row in rows)
        return t0, t1, t2, t3


def grid_of(temp_k: float) -> int:
    """Return the number of the grid temperature next to a temperature; the first lies above absolute zero."""
    return max(1, round(temp_k / GRID_K))


@lru_cache(maxsize=CACHE_MAX)
def modes_at(profile: ThermalProfile, grid: int) -> Modes:
    """Return the modes about a grid temperature."""
    grid_k = grid * GRID_K
    radiance = profile.emissivity_frac * STEFAN_BOLTZMANN_W_M2_K4 * profile.radiator_m2
    slope = 4.0 * radiance * grid_k**3
    capacity = np.array([profile.die_j_k, profile.plate_j_k, profile.loop_j_k, profile.radiator_j_k])
    matrix = np.zeros((4, 4))
    for node, w_k in enumerate((profile.die_plate_w_k, profile.plate_loop_w_k, profile.loop_radiator_w_k)):
        matrix[node : node + 2, node : node + 2] += w_k * np.array([[1.0, -1.0], [-1.0, 1.0]])
    matrix[3, 3] += slope
    root = np.sqrt(capacity)
    rates, vectors = np.linalg.eigh(matrix / np.outer(root, root))
    to_kelvin = vectors / root[:, None]
    from_kelvin = vectors.T * root[None, :]
    per_watt = to_kelvin / rates[None, :]  # row of a node: what a watt there moves each mode to
    return Modes(
        grid_k=grid_k,
        remainder=(6.0 * radiance * grid_k * grid_k, 4.0 * radiance * grid_k, radiance),
        slope_w_k=slope,
        offset_w=-0.75 * slope * grid_k,
        rates=_four(rates),
        die=_four(to_kelvin[0]),
        plate=_four(to_kelvin[1]),
        loop=_four(to_kelvin[2]),
        radiator=_four(to_kelvin[3]),
        stored=_four(capacity @ to_kelvin),
        to_die=_four(per_watt[0]),
        to_loop=_four(per_watt[2]),
        to_radiator=_four(per_watt[3]),
        from_kelvin=(_four(from_kelvin[0]), _four(from_kelvin[1]), _four(from_kelvin[2]), _four(from_kelvin[3])),
        radiator_speed=_four(np.abs(to_kelvin[3] * rates)),
    )


def _four(row: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]") -> Four:
    a, b, c, d = (float(value) for value in row)
    return a, b, c, d
