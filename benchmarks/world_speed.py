"""The rows of `python -m benchmarks.world`: how fast the world is beside its peers, and how exact it stays."""

import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache

import numpy as np
from sgp4.api import Satrec, SatrecArray

from astro.frames import FloatArray, TimeArray
from astro.swarm import Dense, Swarm
from benchmarks import one_satellite, peers, sets, timing
from experiments.figures import Row
from hwsim import constellation
from icd.timebase import NS_PER_S, TAI_MINUS_UTC_S, after, from_iso

EPOCH = from_iso("2026-08-22T12:00:00Z")
DAY_S = 86_400.0
SEED = one_satellite.SEED
ROUNDS = 5
PEER_ROUNDS = 3  # where the peer is a process that takes seconds to start

# Hypatia's Starlink-550 shell.
PLANES, IN_PLANE, ALTITUDE_KM, INCLINATION_DEG = 72, 22, 550.0, 53.0
SATELLITES = PLANES * IN_PLANE

LOAD_CHANGES = 1_000  # a day
COUPLED_AT_LEAST = 50.0
POWER_AT_LEAST = 10_000.0
DAY_WALL_S_MAX = 0.3
DENSE_AT_LEAST = 25.0
DENSE_ERROR_M_MAX = 0.5
MEMORY_MIB_MAX = 500.0

# Minutes that Basilisk simulates in one timed run: some tenths of a second of wall time.
_PEER_MINUTES_ONE, _PEER_MINUTES_HUNDRED = 400.0, 3.0
_DENSE_S = 300.0
_JD_1970 = 2440587.5

_BASILISK = (
    "Basilisk integrates attitude and orbit together (six degrees of freedom, RK4) and could point, slew, be pushed; "
    "ours takes the orbit from SGP4 and has no attitude. Basilisk's load is constant, and its panel, battery and heat "
    "are plainer than ours: no resistance, temperature or fade, one node of heat, no compute, no radiation"
)
_POWER = (
    "Basilisk integrates attitude and orbit together (six degrees of freedom, RK4), ours takes the orbit from SGP4 and "
    "has no attitude; Basilisk's battery has no efficiency and no resistance, ours has both"
)
_DENSE = "SatrecArray gives velocities too, and knows no error of interpolation; ours has at most that of the next row"


@cache
def shell() -> tuple[Satrec, ...]:
    """Return the 1,584 satellites."""
    return tuple(sets.shell(PLANES, IN_PLANE, ALTITUDE_KM, INCLINATION_DEG, EPOCH))


def one_satellite_row() -> Row:
    """Time one satellite of class v3node through a day of load changes, beside Basilisk."""
    changes = one_satellite.load_changes(EPOCH, LOAD_CHANGES, "v3node")
    end = after(EPOCH, DAY_S)

    def ours() -> float:
        satellite = one_satellite.OneSatellite(EPOCH, "v3node")
        return DAY_S / timing.wall_s(lambda: satellite.fly(changes, end))

    value, peer = timing.by_turns(PEER_ROUNDS, ours, lambda: peers.basilisk_speed(1, _PEER_MINUTES_ONE, heat=True))
    name = "1 satellite, full coupled physics, 1,000 load changes a day"
    return Row(name, value, "sim-s/s", "Basilisk at 1 s", peer, at_least=COUPLED_AT_LEAST, leaves_out=_BASILISK)


def hundred_satellites_row() -> Row:
    """Time power and eclipse of a hundred satellites over a day, beside Basilisk."""

    def ours() -> float:
        return DAY_S / timing.wall_s(lambda: _fly(100))

    value, peer = timing.by_turns(
        PEER_ROUNDS, ours, lambda: peers.basilisk_speed(100, _PEER_MINUTES_HUNDRED, heat=False)
    )
    name = "100 satellites, power and eclipse"
    return Row(name, value, "sim-s/s", "Basilisk at 1 s", peer, at_least=POWER_AT_LEAST, leaves_out=_POWER)


def constellation_row() -> Row:
    """Time power and eclipse of the whole shell over one day."""
    (wall_s,) = timing.by_turns(ROUNDS, lambda: timing.wall_s(lambda: _fly(SATELLITES)))
    return Row("1,584 satellites, power and eclipse, one day", wall_s, "s", at_most=DAY_WALL_S_MAX)


def dense_rows() -> list[Row]:
    """Time positions every second of the whole shell, beside SatrecArray, and compare the two."""
    swarm, array = Swarm(shell()), SatrecArray(list(shell()))
    times = EPOCH + np.arange(int(_DENSE_S), dtype=np.int64) * NS_PER_S
    days, fractions = _julian(times)
    count = SATELLITES * len(times) / 1e6

    def ours() -> float:
        return count / timing.wall_s(lambda: [block.teme_km.sum() for block in _dense(swarm)])

    def theirs() -> float:
        return count / timing.wall_s(lambda: array.sgp4(days, fractions)[1].sum())

    value, peer = timing.by_turns(ROUNDS, ours, theirs)
    exact = array.sgp4(days, fractions)[1].transpose(1, 0, 2)
    drawn = np.concatenate([block.teme_km.copy() for block in _dense(swarm)])
    error_m = 1e3 * float(np.sqrt(np.max(np.sum((drawn - exact) ** 2, axis=2))))
    return [
        Row(
            "dense positions every second, 1,584 satellites",
            value,
            "M/s",
            "SatrecArray",
            peer,
            at_least=DENSE_AT_LEAST,
            leaves_out=_DENSE,
        ),
        Row("dense positions, worst distance from SGP4", error_m, "m", at_most=DENSE_ERROR_M_MAX),
    ]


def memory_row() -> Row:
    """Take the largest memory of a process that does nothing but fly the shell for a day."""
    program = "from benchmarks import world_speed; world_speed.peak_memory()"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=peers.ROOT, timeout=300.0
    )
    name = "memory of the whole process, 1,584 satellites, one day of events"
    return Row(name, float(json.loads(done.stdout)), "MiB", at_most=MEMORY_MIB_MAX)


def peak_memory() -> None:
    """Fly the shell for a day and print the largest resident memory that this process has had, MiB."""
    import resource  # POSIX only, as the whole project

    _fly(SATELLITES)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0)


def _fly(count: int) -> constellation.Flight:
    profile = one_satellite.profile("v2mini")
    trims = constellation.usual_trims(profile, one_satellite.START_FRAC)
    return constellation.fly(_swarm(count), profile, trims, EPOCH, after(EPOCH, DAY_S))


@cache
def _swarm(count: int) -> Swarm:
    return Swarm(shell()[:count])


def _dense(swarm: Swarm) -> Iterator[Dense]:
    return swarm.dense(EPOCH, after(EPOCH, _DENSE_S), 1)


def _julian(times: TimeArray) -> tuple[FloatArray, FloatArray]:
    days, rest = np.divmod(times - TAI_MINUS_UTC_S * NS_PER_S, 86_400 * NS_PER_S)
    return _JD_1970 + days, rest / (DAY_S * NS_PER_S)
