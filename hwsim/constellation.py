"""Power and eclipse of a whole constellation, in arrays: closed form from one step of light to the next.

A satellite's light steps as `hwsim.spans.light_steps` has it, each half of a penumbra at its mean. Between steps array
and load power are constant, so is the current through a battery of constant voltage and resistance, and stored energy
is linear, held at empty and at capacity: P = V I +- R I^2 at the terminals, dE/dt = eta_c V I while charging and
-V I / eta_d while discharging. Whatever happens at any instant of the span follows when someone looks.
The array stands at its reference temperature and the battery at its bay's: what heat, fade and load changes do is for
the satellite that `hwsim.vehicle` flies. Sources: those of `hwsim/models/battery.py` and `hwsim/sky.py`.
"""

import math
from dataclasses import dataclass
from typing import assert_never

import numpy as np

from astro import eclipses, shadow, sun
from astro.eclipses import Eclipses
from astro.frames import FloatArray
from astro.mean_orbits import MeanOrbits
from astro.swarm import Swarm
from hwsim.books import BOOK_TOLERANCE_FRAC
from hwsim.errors import EnergyBookError
from hwsim.models.body import ZERO_C_K
from hwsim.sky import BODY_INCIDENCE_FRAC
from hwsim.spans import GRAZE_STEPS
from icd.timebase import NS_PER_S, MissionTime
from icd.vehicle import BatteryProfile, Tracking, VehicleProfile

STEPS_PER_ECLIPSE = 6
AT_ONCE = 128  # satellites: what is in hand then stays in the cache

_S_PER_H = 3600.0
_MINUTE_NS = 60 * NS_PER_S


@dataclass(frozen=True, slots=True)
class Trims:
    """How satellites differ from their class and from each other; each field a number, or one for every satellite.

    Attributes:
        soc_frac: charge at the start, 0 to 1.
        pointing_frac: what pointing leaves of the array's power, 0 to 1.
        light_w: load in full light.
        eclipse_w: load from the first to the last touch of the penumbra.
    """

    soc_frac: FloatArray | float
    pointing_frac: FloatArray | float
    light_w: FloatArray | float
    eclipse_w: FloatArray | float


@dataclass(frozen=True, slots=True)
class Books:
    """Sums of energy of each satellite over the flight, shape (n,), Wh."""

    start_wh: FloatArray
    solar_wh: FloatArray
    load_wh: FloatArray
    conversion_loss_wh: FloatArray
    resistance_loss_wh: FloatArray
    curtailed_wh: FloatArray
    unserved_wh: FloatArray
    end_wh: FloatArray


@dataclass(frozen=True, slots=True)
class Look:
    """What one satellite does at one instant."""

    sunlit_frac: float
    solar_w: float
    load_w: float
    energy_wh: float
    soc_frac: float


@dataclass(frozen=True, slots=True)
class _Sky:
    """Steps of light on some satellites, both arrays of shape (k, n)."""

    start: MissionTime
    end: MissionTime
    begin_s: FloatArray
    sunlit: FloatArray

    @property
    def span_s(self) -> float:
        return (self.end - self.start) / NS_PER_S

    @property
    def hours(self) -> FloatArray:
        """How long each step lasts."""
        return np.diff(self.begin_s, axis=0, append=self.span_s) / _S_PER_H


@dataclass(frozen=True, slots=True)
class _Powers:
    """What holds during each step, W; all of shape (k, n)."""

    solar: FloatArray
    load: FloatArray
    rate: FloatArray  # of stored energy
    conversion: FloatArray
    resistive: FloatArray
    refused: FloatArray  # surplus that the battery takes none of, or load beyond what it can give


@dataclass(frozen=True, slots=True)
class Flight:
    """Some hours or days of a constellation. Steps run down the first axis, satellites along the second.

    Attributes:
        start: where seconds count from.
        end: how far the flight goes.
        eclipses: all eclipses that touch it.
        begin_s: when each step begins, shape (k, n); steps of no length are there too.
        sunlit_frac: of each step, shape (k, n).
        solar_w: what the array can give, shape (k, n).
        load_w: what is drawn, shape (k, n).
        rate_w: of stored energy while neither empty nor full, shape (k, n).
        energy_wh: at the beginning of each step and at the end, shape (k + 1, n).
        capacity_wh: of each battery.
        books: where the energy came from and went.
    """

    start: MissionTime
    end: MissionTime
    eclipses: Eclipses
    begin_s: FloatArray
    sunlit_frac: FloatArray
    solar_w: FloatArray
    load_w: FloatArray
    rate_w: FloatArray
    energy_wh: FloatArray
    capacity_wh: float
    books: Books

    @property
    def end_soc_frac(self) -> FloatArray:
        """State of charge at the end, shape (n,): where the next flight starts."""
        result: FloatArray = self.energy_wh[-1] / self.capacity_wh
        return result

    def soc_frac(self, at: MissionTime) -> FloatArray:
        """Return the state of charge of all satellites at an instant, shape (n,).

        Raises:
            ValueError: the instant lies outside the flight.
        """
        into_s = self._into_s(at)
        step = (self.begin_s <= into_s).sum(axis=0) - 1
        every = np.arange(len(step))
        hours = (into_s - self.begin_s[step, every]) / _S_PER_H
        energy = self.energy_wh[step, every] + self.rate_w[step, every] * hours
        result: FloatArray = np.clip(energy, 0.0, self.capacity_wh) / self.capacity_wh
        return result

    def look(self, satellite: int, at: MissionTime) -> Look:
        """Return what one satellite does at an instant.

        Raises:
            ValueError: the instant lies outside the flight.
        """
        into_s = self._into_s(at)
        step = int(np.searchsorted(self.begin_s[:, satellite], into_s, side="right")) - 1
        place = (step, satellite)
        hours = (into_s - float(self.begin_s[place])) / _S_PER_H
        energy = min(max(float(self.energy_wh[place] + self.rate_w[place] * hours), 0.0), self.capacity_wh)
        return Look(
            float(self.sunlit_frac[place]),
            float(self.solar_w[place]),
            float(self.load_w[place]),
            energy,
            energy / self.capacity_wh,
        )

    def _into_s(self, at: MissionTime) -> float:
        if not self.start <= at <= self.end:
            raise ValueError(f"instant {at} lies outside the flight, {self.start} to {self.end}")
        return (at - self.start) / NS_PER_S


def usual_trims(profile: VehicleProfile, soc_frac: FloatArray | float) -> Trims:
    """Return trims of a class at its usual work: bus in full, compute at typical power, less of it in eclipse."""
    bus_w, compute_w = profile.bus.full_w, profile.compute.typical_w
    return Trims(soc_frac, 1.0, bus_w + compute_w, bus_w + compute_w * profile.compute.eclipse_frac)


def fly(swarm: Swarm, profile: VehicleProfile, trims: Trims, start: MissionTime, end: MissionTime) -> Flight:
    """Return the flight of a constellation of one class from `start` to `end`, a few days at most.

    Raises:
        PropagationError: some elements give no position in the span.
        EnergyBookError: energy was made or lost.
    """
    found = eclipses.eclipses(swarm, start, end)
    begin_s, sunlit = light_steps(swarm, found, start, end)
    shape = begin_s.shape
    solar, load, rate, energy = np.empty(shape), np.empty(shape), np.empty(shape), np.empty((shape[0] + 1, shape[1]))
    trims = Trims(*(np.broadcast_to(getattr(trims, name), shape[1:]) for name in Trims.__slots__))
    books, capacity = [], profile.battery.capacity_wh
    for low in range(0, max(1, len(swarm)), AT_ONCE):
        some = slice(low, low + AT_ONCE)
        own = Trims(*(getattr(trims, name)[some] for name in Trims.__slots__))
        sky = _Sky(start, end, begin_s[:, some], sunlit[:, some])
        powers = _powers(swarm.part(low, low + AT_ONCE), profile, own, sky)
        solar[:, some], load[:, some], rate[:, some] = powers.solar, powers.load, powers.rate
        energy[0, some] = capacity * np.asarray(own.soc_frac)
        _fill(energy[:, some], powers.rate * sky.hours, capacity)
        books.append(_books(powers, sky.hours, energy[:, some], (capacity, low)))
    book = Books(*(np.concatenate([getattr(part, name) for part in books]) for name in Books.__slots__))
    return Flight(start, end, found, begin_s, sunlit, solar, load, rate, energy, capacity, book)


def light_steps(swarm: Swarm, found: Eclipses, start: MissionTime, end: MissionTime) -> tuple[FloatArray, FloatArray]:
    """Return when the light steps on each satellite, and to what fraction; both of shape (k, n).

    The first step begins at the start. Times are seconds since then, held between start and end; fractions hold from
    a step to the next. Satellites with fewer steps than others have steps of no length at the end.
    """
    light, dark = shadow.PENUMBRA_LIGHT_HALF_FRAC, shadow.PENUMBRA_DARK_HALF_FRAC
    first = np.searchsorted(found.satellite, np.arange(len(swarm)))
    column = np.arange(len(found)) - first[found.satellite]
    count = int(column.max()) + 1 if len(found) else 0
    times = np.full((count, STEPS_PER_ECLIPSE, len(swarm)), end, dtype=np.int64)
    fractions = np.ones((count, STEPS_PER_ECLIPSE, len(swarm)))
    into, out = (found.penumbra_in + found.umbra_in) // 2, (found.umbra_out + found.penumbra_out) // 2
    edges = (found.penumbra_in, into, found.umbra_in, found.umbra_out, out, found.penumbra_out)
    for place, (when, frac) in enumerate(zip(edges, (light, dark, 0.0, dark, light, 1.0), strict=True)):
        times[column, place, found.satellite] = when
        fractions[column, place, found.satellite] = frac
    for index in np.flatnonzero(~found.umbral).tolist():
        row = (int(column[index]), slice(None), int(found.satellite[index]))
        times[row], fractions[row] = _graze(swarm, found, index)
    begin = np.clip(times.reshape(-1, len(swarm)), start, end) - start
    ones = np.ones((1, len(swarm)))
    begin_s = np.concatenate([0.0 * ones, begin / NS_PER_S])
    return begin_s, np.concatenate([ones, fractions.reshape(-1, len(swarm))])


def _graze(swarm: Swarm, found: Eclipses, index: int) -> tuple[list[int], list[float]]:
    """Return the steps of light in one eclipse that has no umbra."""
    first, last = int(found.penumbra_in[index]), int(found.penumbra_out[index])
    step = (last - first) / GRAZE_STEPS
    times, fractions = [last] * STEPS_PER_ECLIPSE, [1.0] * STEPS_PER_ECLIPSE
    for k in range(GRAZE_STEPS):
        middle = MissionTime(first + round((k + 0.5) * step))
        times[k] = first + round(k * step)
        fractions[k] = shadow.sunlit_frac(swarm.position(int(found.satellite[index]), middle), sun.position(middle))
    return times, fractions


def _fill(energy: FloatArray, change: FloatArray, capacity_wh: float) -> None:
    """Let stored energy change from step to step, held at empty and at full; the first row is where it begins."""
    for step, here in enumerate(change):
        np.add(energy[step], here, out=energy[step + 1])
        np.clip(energy[step + 1], 0.0, capacity_wh, out=energy[step + 1])


def _powers(swarm: Swarm, profile: VehicleProfile, trims: Trims, sky: _Sky) -> _Powers:
    """Return what holds during each step of light."""
    near, far = sun.distance_au(sky.start), sun.distance_au(sky.end)
    full_w = profile.array.nameplate_w * profile.array.derate_frac * np.asarray(trims.pointing_frac)
    sun_au = near + (far - near) * sky.begin_s / sky.span_s
    solar = full_w * sky.sunlit / (sun_au * sun_au) * _incidence(swarm, profile, sky)
    return _charging(profile.battery, solar, np.where(sky.sunlit < 1.0, trims.eclipse_w, trims.light_w))


def _charging(profile: BatteryProfile, solar: FloatArray, load: FloatArray) -> _Powers:
    """Return how the battery answers to array and load."""
    voltage, bay_k = profile.voltage_v, profile.bay_c + ZERO_C_K
    exponent = profile.resistance_k * (1.0 / bay_k - 1.0 / (profile.reference_c + ZERO_C_K))
    resistance = profile.resistance_ohm * math.exp(exponent)
    net = solar - load
    up = net > 0.0
    takes = profile.bay_c >= profile.charge_min_c
    # A load that the terminals cannot feed draws the most they give, at half the voltage.
    most_w = math.inf if resistance == 0.0 else voltage * voltage / (4.0 * resistance)
    at_terminals = np.maximum(net if takes else np.minimum(net, 0.0), -most_w)
    root = np.sqrt(np.maximum(voltage * voltage + 4.0 * resistance * at_terminals, 0.0))
    passed = 2.0 * voltage * at_terminals / (voltage + root)
    rate = passed * np.where(up, profile.charge_efficiency_frac, 1.0 / profile.discharge_efficiency_frac)
    return _Powers(solar, load, rate, np.abs(passed - rate), np.abs(at_terminals - passed), np.abs(net - at_terminals))


def _incidence(swarm: Swarm, profile: VehicleProfile, sky: _Sky) -> FloatArray | float:
    """Return the mean cosine between array and Sun during each step."""
    match profile.array.tracking:
        case Tracking.SUN:
            return 1.0
        case Tracking.PITCH:
            minute, into_ns = divmod(sky.start, _MINUTE_NS)
            orbits = MeanOrbits(swarm, minute, int(sky.span_s / 60.0) + 2)
            return orbits.cos_beta(sky.begin_s.T + into_ns / NS_PER_S).T
        case Tracking.BODY:
            return BODY_INCIDENCE_FRAC
        case _ as never:
            assert_never(never)


def _books(powers: _Powers, hours: FloatArray, energy: FloatArray, of: tuple[float, int]) -> Books:
    """Return the sums of the flight; `of` gives the batteries' capacity and the first satellite's index.

    Raises:
        EnergyBookError: at some event of some satellite they do not close.
    """
    capacity_wh, first = of
    gain = np.diff(energy, axis=0)
    # A step that ends full or empty may have ended earlier than its time; all others lasted as long as they did.
    ended = (powers.rate != 0.0) & ((energy[1:] <= 0.0) | (energy[1:] >= capacity_wh))
    used = np.minimum(np.divide(gain, powers.rate, out=hours.copy(), where=ended), hours)
    net, idle = np.abs(powers.solar - powers.load), hours - used
    up = powers.solar > powers.load
    spare = net * idle + powers.refused * used
    columns = {
        "solar_wh": powers.solar * hours,
        "load_wh": powers.load * hours,
        "conversion_loss_wh": powers.conversion * used,
        "resistance_loss_wh": powers.resistive * used,
        "curtailed_wh": np.where(up, spare, 0.0),
        "unserved_wh": np.where(up, 0.0, spare),
    }
    spent = columns["load_wh"] + columns["conversion_loss_wh"] + columns["resistance_loss_wh"] + columns["curtailed_wh"]
    given = columns["solar_wh"] + columns["unserved_wh"]
    through = energy[0] + np.cumsum(given, axis=0)
    open_wh = np.abs(np.cumsum(given - spent - gain, axis=0))
    wrong = ~(open_wh <= BOOK_TOLERANCE_FRAC * np.maximum(through, 1.0))  # a sum that is no number is wrong too
    if wrong.any():
        step, satellite = (int(place[0]) for place in np.nonzero(wrong))
        raise EnergyBookError(
            f"energy book of satellite {first + satellite}, event {step}: {open_wh[step, satellite]!r} Wh of"
            f" {through[step, satellite]!r} Wh do not add up"
        )
    return Books(start_wh=energy[0], end_wh=energy[-1], **{name: part.sum(axis=0) for name, part in columns.items()})
