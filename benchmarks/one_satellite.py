"""One satellite with its full physics and a thousand load changes a day: what the simulator flies, and nothing else."""

import tomllib
from functools import cache
from pathlib import Path

from astro.orbit import Ephemeris
from benchmarks import sets
from hwsim.kernel import Kernel
from hwsim.units.compute_module import ComputeModule
from hwsim.vehicle import Trim, Vehicle
from icd.timebase import MissionTime, after
from icd.vehicle import VehicleProfile
from runtime import seeds

SEED = 7
START_FRAC = 0.9
DAY_S = 86_400.0
PROFILES = Path(__file__).parent.parent / "missions" / "profiles"


@cache
def profile(name: str) -> VehicleProfile:
    """Return a vehicle class of the missions folder."""
    return VehicleProfile.model_validate(tomllib.loads((PROFILES / f"{name}.toml").read_text()))


@cache
def load_changes(epoch: MissionTime, count: int, name: str) -> tuple[tuple[MissionTime, float], ...]:
    """Return when the module's cap changes within a day, and to what, W."""
    rng, compute = seeds.stream(SEED, "load-changes"), profile(name).compute
    times = sorted(rng.uniform(0.0, DAY_S) for _ in range(count))
    return tuple((after(epoch, time_s), rng.uniform(compute.idle_w, compute.max_w)) for time_s in times)


class OneSatellite:
    """A satellite on a bench of its own."""

    def __init__(self, epoch: MissionTime, name: str) -> None:
        vehicle_class = profile(name)
        orbit = vehicle_class.orbit
        lines = sets.circular(orbit.altitude_km, orbit.inclination_deg, 70.0, 40.0, epoch)
        self.kernel = Kernel(epoch)
        self.vehicle = Vehicle(self.kernel, vehicle_class, Ephemeris(*lines), Trim(START_FRAC, 1.0), lambda unit: None)
        self.module = ComputeModule(self.vehicle)
        self.vehicle.predict()
        self.module.allocate("load", vehicle_class.compute.max_w - vehicle_class.compute.idle_w)

    def fly(self, changes: tuple[tuple[MissionTime, float], ...], end: MissionTime) -> int:
        """Fly to an instant through the load changes; return the number of events."""
        events = 0
        for at, cap_w in changes:
            events += self.kernel.advance_to(at)
            self.module.set_cap(cap_w)
        events += self.kernel.advance_to(end)
        self.vehicle.settle()
        return events + len(changes)
