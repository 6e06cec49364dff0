"""One satellite alone: its whole physics on a kernel of its own, without units, frames or links.

For measuring, for comparing with other simulators, and for drawing: what a vehicle does is the same here as in a fleet.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from astro.orbit import Ephemeris
from hwsim.kernel import PHYSICS, Kernel
from hwsim.vehicle import Trim, Vehicle
from icd.timebase import MissionTime, after
from icd.vehicle import VehicleProfile

WHOLE = Trim(1.0, 1.0)  # full, and pointing perfectly
JOB = "job"  # the one job whose power the load changes set


@dataclass(frozen=True, slots=True)
class LoadChange:
    """From `after_s` on the job asks for `power_w` above idle; 0 ends it."""

    after_s: float
    power_w: float


class Solo:
    """A vehicle on its own kernel, with load changes known ahead."""

    def __init__(
        self,
        profile: VehicleProfile,
        ephemeris: Ephemeris,
        start: MissionTime,
        loads: Iterable[LoadChange] = (),
        trim: Trim = WHOLE,
    ) -> None:
        self.kernel = Kernel(start)
        self.vehicle = Vehicle(self.kernel, profile, ephemeris, trim, None)
        self._start = start
        self._loads = sorted(loads, key=lambda change: change.after_s)[::-1]  # the next one last
        self._slot = self.kernel.slot(self._change, PHYSICS)
        self.vehicle.predict()
        self._next()

    def advance(self, span_s: float, *, look: Callable[[Vehicle], None] | None = None, every_s: float = 60.0) -> int:
        """Let a span pass; return how many events it held.

        Args:
            span_s: from the present instant.
            look: called with the settled vehicle every `every_s`, and at the end.
            every_s: how often `look` is called.
        """
        start, events, passed_s = self.kernel.now, 0, 0.0
        while passed_s < span_s:
            passed_s = min(span_s, passed_s + every_s) if look is not None else span_s
            events += self.kernel.advance_to(after(start, passed_s))
            if look is not None:
                self.vehicle.settle()
                look(self.vehicle)
        self.vehicle.settle()
        return events

    def _next(self) -> None:
        self._slot.set(after(self._start, self._loads[-1].after_s) if self._loads else None)

    def _change(self) -> None:
        change, vehicle = self._loads.pop(), self.vehicle
        vehicle.settle()
        if change.power_w > 0.0:
            vehicle.compute.allocated[JOB] = change.power_w
        else:
            vehicle.compute.allocated.pop(JOB, None)
        vehicle.predict()
        self._next()
