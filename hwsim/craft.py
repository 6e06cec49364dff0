"""One satellite as the simulator holds it: physics, units behind their fault points, frames, stations in view."""

from collections.abc import Callable
from dataclasses import dataclass

from astro import contacts, frames, saa, sight
from astro.frames import Site
from astro.orbit import Ephemeris
from hwsim.feed import FrameFeed
from hwsim.kernel import FRAMES, LINKS, Kernel
from hwsim.network import Gateway
from hwsim.radiation import Radiation, Strike, Victim
from hwsim.spans import SpanBook
from hwsim.units.compute_module import ComputeModule
from hwsim.units.eps import Eps
from hwsim.units.gnss import Gnss
from hwsim.units.laser_terminal import LaserTerminal
from hwsim.units.sensor import Sensor, Unit
from hwsim.units.thermal_sensors import ThermalSensors
from hwsim.units.watchdog import Watchdog
from hwsim.vehicle import Trim, Vehicle
from icd.faults import FaultEvent
from icd.hw import FRAMES_PER_S_MAX, DeviceFrame
from icd.params import Station
from icd.timebase import MissionTime
from icd.vehicle import VehicleProfile
from runtime import seeds

POINTING_FRAC_MIN = 0.97  # assumed: what imperfect Sun pointing leaves of the array's power, drawn once per satellite
LATCHUP_FRAC = 0.05  # assumed: of the module's maximal power, what a latch-up by radiation draws on top


class Contacts:
    """The stations that one satellite stands above, kept up to date by events. `on_change` follows each change."""

    def __init__(
        self, kernel: Kernel, ephemeris: Ephemeris, stations: tuple[Station, ...], on_change: Callable[[], None]
    ) -> None:
        self._kernel = kernel
        self._ephemeris = ephemeris
        self._on_change = on_change
        self._stations = [(station.name, site, _passes(ephemeris, site)) for station, site in _sites(stations)]
        self._slot = kernel.slot(self._look, LINKS)
        self._in_view: tuple[str, ...] = ()

    @property
    def in_view(self) -> tuple[str, ...]:
        """The stations in view, in the fleet's order."""
        return self._in_view

    def begin(self) -> None:
        """Look for the first time."""
        self._look()

    def nearest(self, rate_bps: float) -> Gateway | None:
        """Return the way down through the nearest station in view."""
        now = self._kernel.now
        best: tuple[float, str] | None = None
        itrf = frames.teme_to_itrf(self._ephemeris.position(now), now)
        for name, site, _ in self._stations:
            if name in self._in_view:
                distance = sight.range_km(itrf, site.position)
                best = min(best, (distance, name)) if best else (distance, name)
        return Gateway(best[1], best[0] / sight.LIGHT_KM_S, rate_bps) if best else None

    def _look(self) -> None:
        now, before = self._kernel.now, self._in_view
        self._in_view = tuple(name for name, _, book in self._stations if book.covering(now) is not None)
        if self._stations:
            self._slot.set(min(book.next_change(now) for _, _, book in self._stations))
        if self._in_view != before:
            self._on_change()


@dataclass(frozen=True, slots=True)
class Hooks:
    """Whom a satellite tells: of a frame to send, of a watchdog's bite, of a change of its stations.

    And of what a fault may wait for, and of a strike of radiation on its compute module.
    """

    send: Callable[[DeviceFrame], None]
    on_bite: Callable[[str], None]
    on_contacts: Callable[[], None]
    on_event: Callable[[str, FaultEvent], None]
    on_strike: Callable[[str], None]


class Craft:
    """Everything of one satellite but its place in the fleet."""

    def __init__(
        self,
        kernel: Kernel,
        node: str,
        ephemeris: Ephemeris,
        make: "CraftMake",
        terminals: tuple[LaserTerminal, ...],
        hooks: Hooks,
    ) -> None:
        self.node = node
        self.latchup_w = LATCHUP_FRAC * make.profile.compute.max_w
        self._kernel = kernel
        self._hooks = hooks
        pointing = seeds.stream(make.seed, f"array/{node}").uniform(POINTING_FRAC_MIN, 1.0)
        trim = Trim(make.soc_start_frac.get(node, 1.0), pointing)
        self.vehicle = Vehicle(kernel, make.profile, ephemeris, trim, self.touch)
        self.eps = Eps(self.vehicle)
        anomaly = SpanBook(lambda start, end: saa.spans(ephemeris, start, end))
        victim = Victim(node, lambda: self.vehicle.compute.powered, self._on_strike, self._on_anomaly)
        self.radiation = Radiation(kernel, make.profile.radiation, anomaly, make.seed, victim)
        self.compute = ComputeModule(self.vehicle, self.radiation)
        self.watchdog = Watchdog(kernel, make.rate, self._on_bite)
        self.contacts = Contacts(kernel, ephemeris, make.stations, self._on_contacts)
        self._sunlit = self.vehicle.sunlit_frac >= 1.0
        self._in_view = False
        gnss = Gnss(ephemeris, make.seed, node, lambda: bool(self.contacts.in_view))
        units: dict[str, Unit] = {
            "eps": self.eps,
            "thermal": ThermalSensors(self.vehicle),
            "compute": self.compute,
            "gnss": gnss,
            "watchdog": self.watchdog,
            **{f"terminal{terminal.key.index}": terminal for terminal in terminals},
        }
        self.sensors = {name: Sensor(unit, make.seed, self._waker(name)) for name, unit in units.items()}
        gap_s = make.rate / FRAMES_PER_S_MAX
        self.feed = FrameFeed(kernel, node, self.vehicle, self.sensors, gap_s, hooks.send)

    def touch(self, key: str) -> None:
        """Have a unit told of in the next frame."""
        self.feed.touch(key)
        sunlit = self.vehicle.sunlit_frac >= 1.0
        if sunlit is not self._sunlit:
            self._sunlit = sunlit
            self._hooks.on_event(self.node, FaultEvent.ECLIPSE_OUT if sunlit else FaultEvent.ECLIPSE_IN)

    def sensors_of(self, unit: str, terminal: int | None) -> list[str]:
        """Return the sensors that a fault order means."""
        if unit != "terminal":
            return [unit]
        wanted = "terminal" if terminal is None else f"terminal{terminal}"
        return [key for key in self.sensors if key == wanted or (terminal is None and key.startswith("terminal"))]

    def _waker(self, key: str) -> Callable[[MissionTime], None]:
        return self._kernel.slot(lambda: self.touch(key), FRAMES).set

    def _on_bite(self) -> None:
        self.touch("watchdog")
        self._hooks.on_bite(self.node)

    def _on_contacts(self) -> None:
        self.touch("gnss")
        in_view = bool(self.contacts.in_view)
        if in_view is not self._in_view:
            self._in_view = in_view
            self._hooks.on_event(self.node, FaultEvent.PASS_BEGINS if in_view else FaultEvent.PASS_ENDS)
        self._hooks.on_contacts()

    def _on_strike(self, what: Strike) -> None:
        self.touch("compute")
        self._hooks.on_strike(self.node)

    def _on_anomaly(self, inside: bool) -> None:
        self._hooks.on_event(self.node, FaultEvent.SAA_IN if inside else FaultEvent.SAA_OUT)


@dataclass(frozen=True, slots=True)
class CraftMake:
    """What all satellites of a run are made with."""

    profile: VehicleProfile
    stations: tuple[Station, ...]
    seed: int
    rate: float
    soc_start_frac: dict[str, float]


def _sites(stations: tuple[Station, ...]) -> list[tuple[Station, Site]]:
    return [(station, frames.site(station)) for station in stations]


def _passes(ephemeris: Ephemeris, site: Site) -> SpanBook:
    return SpanBook(lambda start, end: contacts.passes(ephemeris, site, start, end))
