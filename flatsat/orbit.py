"""A vehicle class flown for two orbits: the simulator's own world, a bench that works it, and what its readings said.

The satellite flies with as many neighbours as it has laser terminals: one ahead and one behind in its plane, one in the
next plane, and one whose plane crosses its own, which comes and goes. The bench gives it a plausible load: typical work
as far as charging leaves power for it, the share that the profile allows in eclipse, full power for a while each orbit.
"""

import math
from contextlib import suppress
from dataclasses import dataclass, field

from astro import contacts, seasons, sight, sun, walker
from astro.orbit import Ephemeris
from astro.walker import Shell
from hwsim.craft import CraftMake
from hwsim.errors import OrderRefusedError
from hwsim.kernel import Kernel
from hwsim.world import Outputs, World
from icd import hw
from icd.hw import (
    ComputeReading,
    DeviceCommand,
    DeviceFrame,
    DeviceOrder,
    EpsReading,
    PatState,
    TerminalReading,
    ThermalReading,
)
from icd.params import ElementSet
from icd.timebase import MissionTime, after, from_iso, seconds_between
from icd.vehicle import VehicleProfile

SEED = 7
SAMPLE_S = 10.0  # mission time between two looks at all units; what changes in between is told as well
LOOK_S = 60.0  # mission time between two decisions of the bench
WARM_ORBITS = 4  # flown before the picture begins, until temperatures repeat
ORBITS = 2
CHARGE_ORBIT_FRAC = 0.25  # of an orbit: at each look, what is missing from the battery should be back after it
BURST = (0.45, 0.65)  # of an orbit, from leaving the eclipse: when the module works at full power
# A dawn-dusk orbit meets the shadow for three months of the year; its picture is taken in the middle of them.
EPOCH = from_iso("2026-03-20T12:00:00Z")
DAWN_DUSK_EPOCH = from_iso("2026-06-21T12:00:00Z")

STAR = "star"  # the satellite in the picture
PEERS = ("ahead", "behind", "beside", "crossing")  # in the order in which terminals are given to them
_AHEAD_DEG = 20.0
_BESIDE_DEG = 5.0
_SLOTS = 60  # places in a plane, 6 degrees apart
_COOL_K = 10.0  # below its throttle temperature a module that has cut itself off is switched on again


@dataclass(slots=True)
class Track:
    """What the readings of one satellite said: times in minutes from leaving the first eclipse, and values beside."""

    minutes: list[float] = field(default_factory=list)
    sunlit_frac: list[float] = field(default_factory=list)
    solar_w: list[float] = field(default_factory=list)
    load_w: list[float] = field(default_factory=list)
    soc_frac: list[float] = field(default_factory=list)
    compute_w: list[float] = field(default_factory=list)
    temps_c: dict[str, list[float]] = field(default_factory=dict)  # by the name of the reading's field


@dataclass(frozen=True, slots=True)
class Phase:
    """One state of a terminal, from one minute to another."""

    start_min: float
    end_min: float
    state: PatState
    peer: str
    rate_bps: float  # the highest told of while it lasted


@dataclass(frozen=True, slots=True)
class Orbit:
    """Two orbits of one vehicle class."""

    profile: VehicleProfile
    period_min: float
    span_min: float
    beta_deg: float
    eclipses: tuple[tuple[float, float], ...]  # minutes between half light and half light
    track: Track
    terminals: tuple[tuple[Phase, ...], ...]


class NoEclipseError(ValueError):
    """The orbit of a profile meets no eclipse at the time of its picture."""


def fly(profile: VehicleProfile) -> Orbit:
    """Fly a vehicle class from its first eclipse on, and return what it said.

    Raises:
        NoEclipseError: the orbit of the profile has none.
    """
    fleet = _fleet(profile)
    star = Ephemeris(fleet[0].line1, fleet[0].line2)
    epoch = _epoch(profile)
    period_s = math.tau / math.sqrt(seasons.MU_KM3_S2 / (seasons.EARTH_RADIUS_KM + profile.orbit.altitude_km) ** 3)
    dark = contacts.eclipses(star, epoch, after(epoch, (WARM_ORBITS + ORBITS + 2) * period_s))
    halves = [(_middle(one.penumbra_in, one.umbra_in), _middle(one.umbra_out, one.penumbra_out)) for one in dark]
    begins = [end for _, end in halves if end > after(epoch, WARM_ORBITS * period_s)]
    if not begins:
        raise NoEclipseError(f"profile {profile.name!r} meets no eclipse on the day of its picture")
    bench = _Bench(profile, fleet, epoch, begins[0], period_s)
    bench.fly(ORBITS * period_s)
    span_min = ORBITS * period_s / 60.0
    edges = [(seconds_between(begins[0], a) / 60.0, seconds_between(begins[0], b) / 60.0) for a, b in halves]
    inside = tuple((max(a, 0.0), min(b, span_min)) for a, b in edges if b > 0.01 and a < span_min)
    beta_deg = _beta_deg(star, begins[0])
    return Orbit(profile, period_s / 60.0, span_min, beta_deg, inside, bench.track, bench.phases(span_min))


class _Silent:
    """Carriers of connections that carry none: nobody talks over the links of a picture."""

    def set_space(self, *told: object, **named: object) -> None:
        pass

    def set_laser(self, *told: object, **named: object) -> None:
        pass


class _Bench:
    """The world on a table, worked from outside by orders, and seen from outside by its frames."""

    def __init__(
        self,
        profile: VehicleProfile,
        fleet: tuple[ElementSet, ...],
        epoch: MissionTime,
        zero: MissionTime,
        period_s: float,
    ) -> None:
        self._profile, self._zero, self._period_s = profile, zero, period_s
        self._kernel = Kernel(epoch)
        make = CraftMake(profile, (), SEED, 1.0, {})
        self._world = World(self._kernel, fleet, make, Outputs(self._hear, _Silent(), lambda node: None, lambda: None))
        self._peers = [one.node for one in fleet[1:]]
        self._ephemerides = {one.node: Ephemeris(one.line1, one.line2) for one in fleet}
        self._latest: dict[str, hw.Reading] = {}
        self._changes: dict[int, list[tuple[float, PatState, str, float]]] = {}
        self._orders = 0
        self.track = Track()

    def fly(self, span_s: float) -> None:
        """Fly from the epoch to `span_s` after the picture's zero."""
        world, kernel = self._world, self._kernel
        world.begin()
        until, look = after(self._zero, span_s), kernel.now
        while kernel.now < until:
            if kernel.now >= look:
                self._decide()
                look = after(look, LOOK_S)
            for key in world.crafts[STAR].sensors:
                world.crafts[STAR].touch(key)
            kernel.advance_to(MissionTime(min(after(kernel.now, SAMPLE_S), until)))

    def phases(self, span_min: float) -> tuple[tuple[Phase, ...], ...]:
        """Return what each terminal went through from minute 0 to the end."""
        told = []
        for index in range(self._profile.lasers.terminals):
            changes = self._changes.get(index, [])
            ends = [change[0] for change in changes[1:]] + [span_min]
            rows = [
                Phase(max(minute, 0.0), end, state, peer, rate_bps)
                for (minute, state, peer, rate_bps), end in zip(changes, ends, strict=True)
                if end > 0.0
            ]
            told.append(tuple(rows))
        return tuple(told)

    def _hear(self, frame: DeviceFrame) -> None:
        if frame.node != STAR:
            return
        minute = seconds_between(self._zero, MissionTime(frame.at)) / 60.0
        for reading in frame.readings:
            key = f"terminal{reading.terminal}" if isinstance(reading, TerminalReading) else reading.unit
            self._latest[key] = reading
            if isinstance(reading, TerminalReading) and reading.state is not None:
                seen = self._changes.setdefault(reading.terminal, [])
                if seen and seen[-1][1:3] == (reading.state, reading.peer):
                    began, state, peer, rate_bps = seen.pop()
                    seen.append((began, state, peer, max(rate_bps, reading.rate_bps)))
                else:
                    seen.append((minute, reading.state, reading.peer, reading.rate_bps))
        if minute >= 0.0:
            self._keep(minute)

    def _keep(self, minute: float) -> None:
        eps, compute = self._latest.get("eps"), self._latest.get("compute")
        if not isinstance(eps, EpsReading) or not isinstance(compute, ComputeReading):
            return
        track = self.track
        track.minutes.append(minute)
        track.sunlit_frac.append(eps.sunlit_frac or 0.0)
        track.solar_w.append(eps.solar_w or 0.0)
        track.load_w.append(eps.load_w or 0.0)
        track.soc_frac.append(eps.soc_frac or 0.0)
        track.compute_w.append(compute.power_w or 0.0)
        for reading in self._latest.values():
            for name, value in reading:
                if name.endswith("_temp_c") and isinstance(value, float):
                    track.temps_c.setdefault(name, []).append(value)

    def _decide(self) -> None:
        """Work the module as a power manager would, and point every terminal that rests at a peer in sight."""
        self._work_module()
        for index, peer in enumerate(self._peers):
            reading = self._latest.get(f"terminal{index}")
            rests = isinstance(reading, TerminalReading) and reading.state in (PatState.IDLE, PatState.LOST)
            if rests and self._in_sight(peer):
                self._order(STAR, hw.TerminalPoint(terminal=index, peer=peer, peer_terminal=0))
                self._order(peer, hw.TerminalPoint(terminal=0, peer=STAR, peer_terminal=index))

    def _work_module(self) -> None:
        compute, eps, told = self._profile.compute, self._latest.get("eps"), self._latest.get("compute")
        if not isinstance(eps, EpsReading) or not isinstance(told, ComputeReading):
            return
        if not told.powered:
            thermal = self._latest.get("thermal")
            temp_c = thermal.module_temp_c if isinstance(thermal, ThermalReading) else None
            if temp_c is not None and temp_c < self._profile.thermal.throttle_c - _COOL_K:
                self._order(STAR, hw.ComputePower(on=True))
            return
        self._order(STAR, hw.ComputeSetCap(cap_w=self._cap_w(eps, told)))
        share = seconds_between(self._zero, self._kernel.now) / self._period_s % 1.0
        wanted = {"work": compute.typical_w - compute.idle_w}
        if BURST[0] <= share < BURST[1]:
            wanted["burst"] = compute.max_w - compute.typical_w
        for job_id, power_w in wanted.items():
            if power_w > 0.0 and job_id not in (told.allocated or ()):
                self._order(STAR, hw.ComputeAllocate(job_id=job_id, power_w=power_w))
        for job_id in told.allocated or ():
            if job_id not in wanted:
                self._order(STAR, hw.ComputeRelease(job_id=job_id))

    def _cap_w(self, eps: EpsReading, told: ComputeReading) -> float:
        """Return what the module may draw: in the dark its share, in sunlight what charging for the night leaves."""
        compute, battery = self._profile.compute, self._profile.battery
        soc_frac = eps.soc_frac or 0.0
        if (eps.sunlit_frac or 0.0) < 0.5:
            allowed = compute.eclipse_frac * compute.typical_w if soc_frac > 1.0 - battery.dod_hard_frac else 0.0
            return max(compute.idle_w, allowed)
        charge_h = CHARGE_ORBIT_FRAC * self._period_s / 3600.0
        charge_w = (1.0 - soc_frac) * battery.capacity_wh / battery.charge_efficiency_frac / charge_h
        others_w = (eps.load_w or 0.0) - (told.power_w or 0.0)
        left_w = (eps.solar_w or 0.0) - others_w - charge_w
        return min(compute.max_w, max(compute.idle_w, left_w))

    def _in_sight(self, peer: str) -> bool:
        lasers, now = self._profile.lasers, self._kernel.now
        a, b = self._ephemerides[STAR].position(now), self._ephemerides[peer].position(now)
        return sight.in_sight(a, b, lasers.range_km, lasers.graze_km)

    def _order(self, node: str, order: DeviceOrder) -> None:
        self._orders += 1
        command = DeviceCommand(node=node, request_id=f"bench-{self._orders}", order=order)
        with suppress(OrderRefusedError):  # by a module that has just cut itself off: the next look sees it
            self._world.order(command)


def _fleet(profile: VehicleProfile) -> tuple[ElementSet, ...]:
    """Return the satellite and its neighbours; one with a single terminal meets the one whose plane crosses its own."""
    orbit, lasers = profile.orbit, profile.lasers
    epoch, node_deg = _epoch(profile), _node_deg(profile)
    radius_km = seasons.EARTH_RADIUS_KM + orbit.altitude_km
    over_limb_km = 2.0 * math.sqrt(radius_km**2 - (seasons.EARTH_RADIUS_KM + lasers.graze_km) ** 2)
    reach_deg = 2.0 * math.degrees(math.asin(min(lasers.range_km, over_limb_km) / 2.0 / radius_km))
    ahead = max(1, int(min(_AHEAD_DEG, 0.8 * reach_deg) / 360.0 * _SLOTS))
    # Twice an orbit the crossing planes are near, and twice farther apart than light reaches.
    tilt_deg = min(60.0, 1.6 * reach_deg)
    crossing_deg = orbit.inclination_deg + (-tilt_deg if orbit.inclination_deg >= tilt_deg else tilt_deg)
    places = {
        STAR: (orbit.inclination_deg, node_deg, 0),
        "ahead": (orbit.inclination_deg, node_deg, ahead),
        "behind": (orbit.inclination_deg, node_deg, -ahead),
        "beside": (orbit.inclination_deg, node_deg + _BESIDE_DEG, 0),
        "crossing": (crossing_deg, node_deg, 1),
    }
    near = PEERS[: max(0, min(lasers.terminals, len(PEERS)) - 1)]
    fleet = []
    for name in (STAR, *near, "crossing")[: lasers.terminals + 1]:
        inclination_deg, node, slot = places[name]
        plane = Shell(1, _SLOTS, 0, orbit.altitude_km, inclination_deg, node_deg=node)
        one = walker.shell(plane, epoch)[slot]
        fleet.append(ElementSet(node=name, name=name, line1=one.line1, line2=one.line2))
    return tuple(fleet)


def _epoch(profile: VehicleProfile) -> MissionTime:
    return EPOCH if profile.orbit.ltan_h is None else DAWN_DUSK_EPOCH


def _node_deg(profile: VehicleProfile) -> float:
    """Return the node: at the profile's local time, else in the middle of the morning."""
    return walker.node_deg(9.0 if profile.orbit.ltan_h is None else profile.orbit.ltan_h, _epoch(profile))


def _middle(a: MissionTime | None, b: MissionTime | None) -> MissionTime:
    edges = [at for at in (a, b) if at is not None]
    return MissionTime(sum(edges) // len(edges))


def _beta_deg(star: Ephemeris, at: MissionTime) -> float:
    """Return the Sun's elevation over the plane of the orbit."""
    r, v, s = star.position(at), star.velocity(at), sun.position(at)
    normal = (r[1] * v[2] - r[2] * v[1], r[2] * v[0] - r[0] * v[2], r[0] * v[1] - r[1] * v[0])
    dot = sum(a * b for a, b in zip(normal, s, strict=True))
    return math.degrees(math.asin(dot / math.hypot(*normal) / math.hypot(*s)))
