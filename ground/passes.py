"""What the ground foresees for each node: passes over stations, eclipses, sights of other nodes, where it is now.

Computed when first asked for, from the fleet's element sets, and kept for an hour of mission time.
"""

import math
from dataclasses import dataclass
from typing import TypeVar

from astro import contacts, frames, sight
from astro.orbit import Ephemeris, PropagationError
from icd.params import Fleet
from icd.timebase import NS_PER_S, MissionTime, seconds_between

_HOUR_NS = 3600 * NS_PER_S
BACK_HOURS = 1  # what is foreseen at any instant reaches at least this far back
AHEAD_HOURS = 4  # and at least this far ahead
_KEPT_PER_NODE = 2

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Window:
    """A span of mission time with whom or what it concerns: a station, a node, or nobody."""

    who: str
    start: MissionTime
    end: MissionTime


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is foreseen for one node around one hour, each in order of time."""

    passes: tuple[Window, ...]
    eclipses: tuple[Window, ...]


_NOTHING = Outlook((), ())


class Passes:
    """The forecasts of all nodes."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._ephemerides = {e.node: Ephemeris(e.line1, e.line2) for e in fleet.elements}
        self._sites = tuple((station.name, frames.site(station)) for station in fleet.stations)
        self._outlooks: dict[tuple[str, int], Outlook] = {}
        self._sights: dict[tuple[str, int], tuple[Window, ...]] = {}

    def outlook(self, node: str, at: MissionTime) -> Outlook:
        """Return the passes and eclipses around an instant; empty when the elements give no position there."""
        key = (node, at // _HOUR_NS)
        found = self._outlooks.get(key)
        if found is None:
            try:
                found = self._look(node, *_span(key[1]))
            except PropagationError:
                found = _NOTHING
            _keep(self._outlooks, key, found)
        return found

    def sights(self, node: str, at: MissionTime) -> tuple[Window, ...]:
        """Return when the node sees each other node within the limits of its lasers, around an instant."""
        key = (node, at // _HOUR_NS)
        found = self._sights.get(key)
        if found is None:
            try:
                found = self._see(node, *_span(key[1]))
            except PropagationError:
                found = ()
            _keep(self._sights, key, found)
        return found

    def contact_in_s(self, node: str, at: MissionTime) -> float | None:
        """Return the time until a station sees the node, 0 when one does; None when none is foreseen."""
        for window in self.outlook(node, at).passes:
            if window.end > at:
                return max(0.0, seconds_between(at, window.start))
        return None

    def in_contact(self, node: str, at: MissionTime) -> bool:
        """Return whether a station sees the node."""
        return self.contact_in_s(node, at) == 0.0

    def next_contact(self, node: str, at: MissionTime) -> MissionTime | None:
        """Return when the next pass begins."""
        return _next(self.outlook(node, at).passes, at)

    def next_eclipse(self, node: str, at: MissionTime) -> MissionTime | None:
        """Return when the next eclipse begins."""
        return _next(self.outlook(node, at).eclipses, at)

    def under(self, node: str, at: MissionTime) -> tuple[float, float] | None:
        """Return geodetic latitude and longitude of the point under a node, degrees."""
        try:
            itrf = frames.teme_to_itrf(self._ephemerides[node].position(at), at)
        except PropagationError:
            return None
        latitude, longitude, _ = frames.geodetic(itrf)
        return math.degrees(latitude), math.degrees(longitude)

    def _look(self, node: str, start: MissionTime, end: MissionTime) -> Outlook:
        ephemeris = self._ephemerides[node]
        passes = [
            Window(name, span.start, span.end)
            for name, site in self._sites
            for span in contacts.passes(ephemeris, site, start, end)
        ]
        eclipses = [
            Window("", eclipse.penumbra_in, eclipse.penumbra_out)
            for eclipse in contacts.eclipses(ephemeris, start, end)
        ]
        return Outlook(_in_order(passes), _in_order(eclipses))

    def _see(self, node: str, start: MissionTime, end: MissionTime) -> tuple[Window, ...]:
        limits, own = sight.limits(self._fleet.profile.lasers), self._ephemerides[node]
        found = [
            Window(peer, span.start, span.end)
            for peer, ephemeris in self._ephemerides.items()
            if peer != node
            for span in contacts.sights(own, ephemeris, start, end, limits)
        ]
        return _in_order(found)


def _span(hour: int) -> tuple[MissionTime, MissionTime]:
    return MissionTime((hour - BACK_HOURS) * _HOUR_NS), MissionTime((hour + 1 + AHEAD_HOURS) * _HOUR_NS)


def _in_order(windows: list[Window]) -> tuple[Window, ...]:
    return tuple(sorted(windows, key=lambda window: (window.start, window.who)))


def _next(windows: tuple[Window, ...], at: MissionTime) -> MissionTime | None:
    return next((window.start for window in windows if window.start > at), None)


def _keep(kept: dict[tuple[str, int], V], key: tuple[str, int], value: V) -> None:
    """Keep a value under its node and hour, and forget the hour that this node asked for longest ago."""
    hours = [other for other in kept if other[0] == key[0]]
    if len(hours) >= _KEPT_PER_NODE:
        del kept[hours[0]]
    kept[key] = value
