"""Navigation receiver: time, position with noise, and whether a ground station is in view."""

from collections.abc import Callable

from astro.orbit import Ephemeris
from icd.hw import GnssReading, Quality
from icd.timebase import MissionTime
from runtime import seeds

NOISE_KM = 0.003  # one sigma and axis: single-frequency receivers in low orbit, a few metres


class Gnss:
    """The receiver of one satellite."""

    def __init__(self, ephemeris: Ephemeris, seed: int, node: str, in_view: Callable[[], bool]) -> None:
        self._ephemeris = ephemeris
        self._noise = seeds.stream(seed, f"gnss/{node}")
        self._in_view = in_view

    def truth(self, at: MissionTime) -> GnssReading:
        """Return time and noisy position."""
        x, y, z = self._ephemeris.position(at)
        gauss = self._noise.gauss
        return GnssReading(
            quality=Quality.GOOD,
            at=at,
            position_km=(x + gauss(0.0, NOISE_KM), y + gauss(0.0, NOISE_KM), z + gauss(0.0, NOISE_KM)),
            ground_in_view=self._in_view(),
        )

    def silence(self) -> GnssReading:
        """Return the reading of quality LOST."""
        return GnssReading(quality=Quality.LOST, at=None, position_km=None, ground_in_view=None)
