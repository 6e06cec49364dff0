"""One satellite alone: its whole physics on a kernel of its own, without units, frames or links.

For measuring, for comparing with other simulators, and for drawing: what a vehicle does is the same here as in a fleet.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from operator import attrgetter

from astro.orbit import Ephemeris
from hwsim.kernel import Kernel
from hwsim.vehicle import Trim, Vehicle
from icd.timebase import NS_PER_S, MissionTime, after
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
        changes = sorted(loads, key=attrgetter("after_s"), reverse=True)  # the next one last
        self._loads = [(MissionTime(start + round(change.after_s * NS_PER_S)), change.power_w) for change in changes]
        self.vehicle.predict()

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
            events += self._advance_to(after(start, passed_s))
            if look is not None:
                self.vehicle.settle()
                look(self.vehicle)
        self.vehicle.settle()
        return events

    def _advance_to(self, target: MissionTime) -> int:
        kernel, vehicle, loads = self.kernel, self.vehicle, self._loads
        events, allocated = 0, vehicle.compute.allocated
        while loads and loads[-1][0] <= target:
            at, power_w = loads.pop()
            events += kernel.advance_to(at) + 1
            vehicle.settle()
            if power_w > 0.0:
                allocated[JOB] = power_w
            else:
                allocated.pop(JOB, None)
            vehicle.predict()
        return events + kernel.advance_to(target)
