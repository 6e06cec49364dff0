"""The rows of `python -m benchmarks.world`: how fast the world is beside its peers, and how exact it stays."""

import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache, partial

import numpy as np
from sgp4.api import SatrecArray

from astro import routes, sight
from astro.frames import FloatArray, TimeArray
from astro.shadow import EARTH_RADIUS_KM
from astro.swarm import Dense, Swarm
from benchmarks import explicit_sight, floyd_warshall, one_satellite, peers, polled, timing
from benchmarks.one_satellite import OneSatellite
from experiments.figures import Row
from hwsim import constellation
from hwsim.solo import Solo
from icd.timebase import NS_PER_S, TAI_MINUS_UTC_S, after, from_iso

EPOCH = from_iso("2026-08-22T12:00:00Z")
DAY_S = 86_400.0
SEED = one_satellite.SEED
ROUNDS = 5
PEER_ROUNDS = 3  # where the peer is a process that takes seconds to start

PLANES, IN_PLANE = floyd_warshall.PLANES, floyd_warshall.PER_PLANE
SATELLITES = PLANES * IN_PLANE

LOAD_CHANGES = 1_000  # a day
HEAT_NODES = 4
COUPLED_AT_LEAST = 50.0
POWER_AT_LEAST = 10_000.0
DAY_WALL_S_MAX = 0.3
DENSE_AT_LEAST = 25.0
DENSE_ERROR_M_MAX = 0.5
SIGHT_AT_LEAST = 50.0
GRAZE_KM = 80.0
ROUTES_AT_LEAST = 200.0
MEMORY_MIB_MAX = 500.0
ENERGY_PERCENT_MAX = 0.005
POLL_S = 0.1

# Minutes that Basilisk simulates in one timed run: some tenths of a second of wall time.
_PEER_MINUTES_ONE, _PEER_MINUTES_HUNDRED = 400.0, 3.0
_ONE_DAYS, _ONE_IN_A_RUN = 5, 3
_HUNDRED_DAYS = 3  # flown at once
_DENSE_S = 300.0
_IN_A_RUN = 10  # pieces of our work in one timed run, which is then about as long as the peer's
_JD_1970 = 2440587.5

_BASILISK = (
    "Basilisk integrates attitude and orbit together (six degrees of freedom, RK4) and could point, slew, be pushed; "
    "ours takes the orbit from SGP4 and has no attitude. Basilisk has as many load changes and heat nodes, but they "
    "do not touch, panel and battery know no temperature, resistance or fade, and there is no compute module and no "
    "radiation. Its making is not counted, ours is"
)
_POWER = (
    "Basilisk integrates attitude and orbit together (six degrees of freedom, RK4), ours takes the orbit from SGP4 and "
    "has no attitude; Basilisk's battery has no efficiency and no resistance, ours has both"
)
_DENSE = "SatrecArray gives velocities too, and knows no error of interpolation; ours has at most that of the next row"
_SIGHT = (
    "explicit vectors are plain numpy in double precision, a pair once, and tell which point of the line is nearest; "
    "ours is one product of matrices in single precision, doubtful pairs decided in double"
)
_ROUTES = (
    "Floyd-Warshall knows the distances of all pairs of satellites, ours those to the stations asked for; both begin "
    "at the element sets. Hypatia itself takes longer still: ranges by one object a pair, tables written as text"
)
_POLLED = "the peer has the light of the cone at every step instead of steps of light, and integrates heat by steps too"


@cache
def shell() -> Swarm:
    """Return the 1,584 satellites of Hypatia's Starlink-550 shell."""
    return floyd_warshall.starlink_550()


def one_satellite_row() -> Row:
    """Time one satellite of class v3node through days of load changes, beside Basilisk."""
    changes, span_s = one_satellite.load_changes("v3node", LOAD_CHANGES, _ONE_DAYS), _ONE_DAYS * DAY_S

    def ours() -> float:
        # Made within what is timed: making one finds its first eclipses and passes through the anomaly.
        return span_s / timing.wall_s(*[lambda: OneSatellite(EPOCH, "v3node", changes).fly(span_s)] * _ONE_IN_A_RUN)

    def theirs() -> float:
        return peers.basilisk_speed(1, _PEER_MINUTES_ONE, nodes=HEAT_NODES, changes=LOAD_CHANGES)

    value, peer = timing.by_turns(PEER_ROUNDS, ours, theirs)
    name = "1 satellite, full coupled physics, 1,000 load changes a day"
    return Row(name, value, "sim-s/s", "Basilisk at 1 s", peer, at_least=COUPLED_AT_LEAST, leaves_out=_BASILISK)


def hundred_satellites_row() -> Row:
    """Time power and eclipse of a hundred satellites over three days, beside Basilisk."""

    def ours() -> float:
        return _HUNDRED_DAYS * DAY_S / timing.wall_s(*[lambda: _fly(100, _HUNDRED_DAYS)] * _IN_A_RUN)

    value, peer = timing.by_turns(
        PEER_ROUNDS, ours, lambda: peers.basilisk_speed(100, _PEER_MINUTES_HUNDRED, nodes=0, changes=0)
    )
    name = "100 satellites, power and eclipse"
    return Row(name, value, "sim-s/s", "Basilisk at 1 s", peer, at_least=POWER_AT_LEAST, leaves_out=_POWER)


def constellation_row() -> Row:
    """Time power and eclipse of the whole shell over one day."""
    (wall_s,) = timing.by_turns(ROUNDS, lambda: timing.wall_s(lambda: _fly(SATELLITES)))
    return Row("1,584 satellites, power and eclipse, one day", wall_s, "s", at_most=DAY_WALL_S_MAX)


def dense_rows() -> list[Row]:
    """Time positions every second of the whole shell, beside SatrecArray, and compare the two."""
    swarm, array = shell(), SatrecArray(list(shell().records))
    times = EPOCH + np.arange(int(_DENSE_S), dtype=np.int64) * NS_PER_S
    days, fractions = _julian(times)
    count = SATELLITES * len(times) / 1e6

    def ours() -> float:
        return count / timing.wall_s(*[lambda: all(block.times.size for block in _dense(swarm))] * _IN_A_RUN)

    def theirs() -> float:
        return count / timing.wall_s(lambda: array.sgp4(days, fractions))

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


def sight_row() -> Row:
    """Time which of all 1,253,736 pairs see each other at one instant, beside explicit vectors."""
    positions = _swarm(SATELLITES).positions(EPOCH)
    first, second = explicit_sight.pairs(SATELLITES)
    sphere_km = EARTH_RADIUS_KM + GRAZE_KM

    def ours() -> float:
        return 1.0 / timing.wall_s(*[lambda: sight.visible_pairs(positions, GRAZE_KM)] * _IN_A_RUN)

    def theirs() -> float:
        return 1.0 / timing.wall_s(lambda: explicit_sight.visible(positions.km, first, second, sphere_km))

    value, peer = timing.by_turns(3 * ROUNDS, ours, theirs)
    name = "all-pairs line of sight, 1,584 satellites, one instant"
    return Row(name, value, "1/s", "explicit vectors", peer, at_least=SIGHT_AT_LEAST, leaves_out=_SIGHT)


def routes_rows() -> list[Row]:
    """Time next hops from the shell to a hundred stations, beside Floyd-Warshall, and compare the two."""
    swarm, links, sites = shell(), routes.plus_grid(PLANES, IN_PLANE), floyd_warshall.stations()

    def ours() -> float:
        work = partial(floyd_warshall.dawnline_next_hops, swarm, links, sites, EPOCH)
        return 1.0 / timing.wall_s(*[work] * _IN_A_RUN)

    def theirs() -> float:
        return 1.0 / timing.wall_s(lambda: floyd_warshall.hypatia_next_hops(swarm, links, sites, EPOCH))

    value, peer = timing.by_turns(PEER_ROUNDS, ours, theirs)
    mine = floyd_warshall.dawnline_next_hops(swarm, links, sites, EPOCH)
    other = floyd_warshall.hypatia_next_hops(swarm, links, sites, EPOCH)
    name = "routes from 1,584 satellites to 100 stations"
    return [
        Row(name, value, "1/s", "Floyd-Warshall", peer, at_least=ROUTES_AT_LEAST, leaves_out=_ROUTES),
        Row("routes, next hops that differ", float(np.count_nonzero(mine != other)), "of 158,400", at_most=0.0),
    ]


def energy_row() -> Row:
    """Compare stored energy after a day of load changes with the same models polled every 0.1 s."""
    profile = one_satellite.profile("v3node")
    ephemeris = one_satellite.ephemeris(EPOCH, "v3node")
    loads = one_satellite.load_changes("v3node", LOAD_CHANGES, 1, step_s=POLL_S)
    solo = Solo(profile, ephemeris, EPOCH, loads)
    solo.advance(DAY_S)
    polled_wh = polled.stored_wh(profile, ephemeris, EPOCH, loads, POLL_S)
    apart = 100.0 * abs(solo.vehicle.battery.energy_wh - polled_wh) / profile.battery.capacity_wh
    name = "stored energy after a day, beside polling every 0.1 s"
    return Row(name, apart, "% of capacity", at_most=ENERGY_PERCENT_MAX, leaves_out=_POLLED)


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


def _fly(count: int, days: int = 1) -> constellation.Flight:
    profile = one_satellite.profile("v2mini")
    trims = constellation.usual_trims(profile, one_satellite.START_FRAC)
    return constellation.fly(_swarm(count), profile, trims, EPOCH, after(EPOCH, days * DAY_S))


@cache
def _swarm(count: int) -> Swarm:
    return shell().part(0, count)


def _dense(swarm: Swarm) -> Iterator[Dense]:
    return swarm.dense(EPOCH, after(EPOCH, _DENSE_S), 1)


def _julian(times: TimeArray) -> tuple[FloatArray, FloatArray]:
    days, rest = np.divmod(times - TAI_MINUS_UTC_S * NS_PER_S, 86_400 * NS_PER_S)
    return _JD_1970 + days, rest / (DAY_S * NS_PER_S)
