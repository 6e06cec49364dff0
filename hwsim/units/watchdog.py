"""Hardware watchdog: once served it must be served again in time, or it bites."""

from collections.abc import Callable

from hwsim.kernel import PHYSICS, Kernel
from icd.hw import Quality, WatchdogReading
from icd.timebase import MissionTime, after, seconds_between

WATCHDOG_S = 120.0  # mission time between two services
WATCHDOG_WALL_S = 10.0  # and never less than this wall time: a slow import is not a dead computer


class Watchdog:
    """The watchdog of one satellite. It sleeps until first served, and after a bite until served again."""

    def __init__(self, kernel: Kernel, rate: float, on_bite: Callable[[], None]) -> None:
        self._kernel = kernel
        self._span_s = max(WATCHDOG_S, WATCHDOG_WALL_S * rate)
        self._on_bite = on_bite
        self._slot = kernel.slot(self._bite, PHYSICS)
        self.bites = 0

    @property
    def due(self) -> MissionTime | None:
        """When it bites unless served; None while it sleeps."""
        return self._slot.due

    def truth(self, at: MissionTime) -> WatchdogReading:
        """Return what is left; None while it sleeps."""
        due = self._slot.due
        remaining_s = None if due is None else max(0.0, seconds_between(at, due))
        return WatchdogReading(quality=Quality.GOOD, remaining_s=remaining_s, bites=self.bites)

    def silence(self) -> WatchdogReading:
        """Return the reading of quality LOST; the count of bites is latched outside the sensor."""
        return WatchdogReading(quality=Quality.LOST, remaining_s=None, bites=self.bites)

    def serve(self) -> None:
        """Start its time anew."""
        self._slot.set(after(self._kernel.now, self._span_s))

    def bite(self) -> None:
        """Bite now, and sleep until served; a fault point."""
        self._slot.clear()
        self._bite()

    def _bite(self) -> None:
        self.bites += 1
        self._on_bite()
