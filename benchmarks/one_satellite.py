"""One satellite with its full physics and a thousand load changes a day: what the simulator flies, and nothing else."""

import tomllib
from functools import cache
from pathlib import Path

from astro import walker
from astro.orbit import Ephemeris
from astro.walker import Shell
from hwsim.solo import LoadChange, Solo
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
def load_changes(name: str, count: int, step_s: float = 0.0) -> tuple[LoadChange, ...]:
    """Return when within a day the load of the module changes, and to what; at whole steps, where one is given."""
    rng, compute = seeds.stream(SEED, "load-changes"), profile(name).compute
    times = sorted(rng.uniform(0.0, DAY_S) for _ in range(count))
    if step_s > 0.0:
        times = sorted({round(time_s / step_s) * step_s for time_s in times})
    return tuple(LoadChange(time_s, rng.uniform(0.0, compute.max_w - compute.idle_w)) for time_s in times)


def ephemeris(epoch: MissionTime, name: str) -> Ephemeris:
    """Return an orbit of the class's height and inclination, to be computed anew."""
    orbit = profile(name).orbit
    (one,) = walker.shell(Shell(1, 1, 0, orbit.altitude_km, orbit.inclination_deg, node_deg=NODE_DEG), epoch)
    return Ephemeris(one.line1, one.line2)


def satellite(epoch: MissionTime, name: str, changes: int) -> Solo:
    """Return a satellite of a class, on the class's orbit, with a day of load changes ahead of it."""
    return Solo(profile(name), ephemeris(epoch, name), epoch, load_changes(name, changes), Trim(START_FRAC, 1.0))
