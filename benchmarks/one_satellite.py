"""One satellite with its full physics and a thousand load changes a day: what the simulator flies, and nothing else."""

import tomllib
from functools import cache
from pathlib import Path

from astro import saa, walker
from astro.orbit import Ephemeris
from astro.walker import Shell
from hwsim.radiation import Radiation, Strike, Victim
from hwsim.solo import LoadChange, Solo
from hwsim.spans import SpanBook
from hwsim.vehicle import Trim
from icd.timebase import MissionTime
from icd.vehicle import VehicleProfile
from runtime import seeds

SEED = 7
START_FRAC = 0.9
NODE_DEG = 70.0
DAY_S = 86_400.0
PROFILES = Path(__file__).parent.parent / "missions" / "profiles"


@cache
def profile(name: str) -> VehicleProfile:
    """Return a vehicle class of the missions folder."""
    return VehicleProfile.model_validate(tomllib.loads((PROFILES / f"{name}.toml").read_text()))


@cache
def load_changes(name: str, a_day: int, days: int, step_s: float = 0.0) -> tuple[LoadChange, ...]:
    """Return when within some days the load of the module changes, and to what; at whole steps, where one is given."""
    rng, compute = seeds.stream(SEED, "load-changes"), profile(name).compute
    times = sorted(rng.uniform(0.0, days * DAY_S) for _ in range(a_day * days))
    if step_s > 0.0:
        times = sorted({round(time_s / step_s) * step_s for time_s in times})
    return tuple(LoadChange(time_s, rng.uniform(0.0, compute.max_w - compute.idle_w)) for time_s in times)


def ephemeris(epoch: MissionTime, name: str) -> Ephemeris:
    """Return an orbit of the class's height and inclination, to be computed anew."""
    orbit = profile(name).orbit
    (one,) = walker.shell(Shell(1, 1, 0, orbit.altitude_km, orbit.inclination_deg, node_deg=NODE_DEG), epoch)
    return Ephemeris(one.line1, one.line2)


class OneSatellite:
    """A satellite of a class on its orbit, under radiation, with load changes ahead of it."""

    def __init__(self, epoch: MissionTime, name: str, changes: tuple[LoadChange, ...]) -> None:
        path, vehicle_class = ephemeris(epoch, name), profile(name)
        self.solo = Solo(vehicle_class, path, epoch, changes, Trim(START_FRAC, 1.0))
        vehicle, anomaly = self.solo.vehicle, SpanBook(lambda start, end: saa.spans(path, start, end))
        victim = Victim(name, lambda: vehicle.compute.powered, self._strike, lambda inside: None)
        self.radiation = Radiation(self.solo.kernel, vehicle_class.radiation, anomaly, SEED, victim)

    def fly(self, span_s: float) -> int:
        """Let a span pass; return how many events it held."""
        return self.solo.advance(span_s)

    def _strike(self, what: Strike) -> None:
        """Let the module feel a strike until the node has power-cycled it, which here is at once."""
        self.solo.vehicle.hang(hung=True)
        self.radiation.power_cycle()
        self.solo.vehicle.hang(hung=False)
