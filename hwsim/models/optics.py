"""Laser links: how long acquisition takes, and what the light that arrives can carry.

Acquisition is a search outward from where the peer is expected. The miss in two axes is Gaussian, so the step at which
the search meets the peer is Rayleigh distributed; the time of a search goes with the area of the uncertainty, which
depends on what went before: widest after a long turn, a few beams wide just after the same peer was lost
(arXiv:2511.16063: acquisition times have one mode for each kind of prior geometry; Opt. Eng. 56, 106108: the search).

Budget: Prx = Ptx + Gt + Gr + 20 log(lambda / 4 pi R) + optics of both ends - pointing loss; G = (pi D / lambda)^2.
"""

import math
import random
from dataclasses import dataclass

from astro.sight import LIGHT_KM_S
from icd.vehicle import LasersProfile

PLANCK_J_S = 6.62607015e-34  # SI, exact
LIGHT_M_S = LIGHT_KM_S * 1_000.0

TURN_REFERENCE_RAD = math.pi / 2.0  # the turn after which an acquisition takes the profile's median
TURN_SHARE_FRAC = 0.5  # assumed: of the uncertainty's area, after that turn, what the turn brought in
REACQUIRE_WITHIN_S = 60.0  # assumed: so long after a loss the direction is still known to a few beams
REACQUIRE_FRAC = 0.05  # assumed: of the area that is searched then
ATTEMPT_FAILS_FRAC = 0.1  # assumed: searches that pass over the peer without holding it
SPIRAL_SIGMAS = 3.0  # a search that finds nothing ends here: 99 % of the misses lie within
ATTEMPT_RESET_S = 2.0  # assumed: back to the middle
POINT_AHEAD_MAX_RAD = 50e-6  # the most in low orbit: 2 x 7.5 km/s / c
POINT_AHEAD_LEFT_FRAC = 0.01  # assumed: what its correction leaves, taken at the most so that range alone counts

_RAYLEIGH_MEDIAN = math.sqrt(2.0 * math.log(2.0))
_NEPER_DB = 20.0 / math.log(10.0)  # 8.69


# --- acquisition ---


@dataclass(frozen=True, slots=True)
class Prior:
    """What a terminal knows before it searches: how far it has just turned, and whether it held this peer just now."""

    turn_rad: float
    held_just_now: bool

    @property
    def area_frac(self) -> float:
        """The area to be searched, of that after the reference turn."""
        if self.held_just_now:
            return REACQUIRE_FRAC
        return 1.0 - TURN_SHARE_FRAC + TURN_SHARE_FRAC * (self.turn_rad / TURN_REFERENCE_RAD) ** 2


def acquisition_s(rng: random.Random, lasers: LasersProfile, prior: Prior) -> float | None:
    """Return one draw of the acquisition time, s; None when the limit ends it first, after however many attempts."""
    sigma_s = (lasers.acquire_median_s - lasers.acquire_min_s) / _RAYLEIGH_MEDIAN * prior.area_frac
    total_s = lasers.acquire_min_s
    while total_s <= lasers.acquire_limit_s:
        if rng.random() >= ATTEMPT_FAILS_FRAC:
            total_s += sigma_s * math.sqrt(-2.0 * math.log(1.0 - rng.random()))
            return total_s if total_s <= lasers.acquire_limit_s else None
        total_s += SPIRAL_SIGMAS * sigma_s + ATTEMPT_RESET_S
    return None


# --- link budget ---


@dataclass(frozen=True, slots=True)
class Budget:
    """What arrives at a range and what a rate needs, of one class of terminals; ranges km, powers dBm."""

    at_1_km_dbm: float  # received at 1 km
    rates_bps: tuple[float, ...]  # rising
    needs_dbm: tuple[float, ...]  # sensitivity at each rate
    margin_db: float  # kept over it

    def received_dbm(self, range_km: float, loss_db: float = 0.0) -> float:
        """Return what arrives over a range, with a further loss."""
        return self.at_1_km_dbm - 20.0 * math.log10(range_km) - loss_db

    def over_db(self, range_km: float, rate_bps: float, loss_db: float = 0.0) -> float:
        """Return what arrives over the sensitivity at one of the rates."""
        return self.received_dbm(range_km, loss_db) - self.needs_dbm[self.rates_bps.index(rate_bps)]

    def reaches_km(self, loss_db: float = 0.0) -> tuple[float, ...]:
        """Return the greatest range at which each rate keeps its margin; it falls as the rates rise."""
        return tuple(10.0 ** ((self.at_1_km_dbm - loss_db - self.margin_db - need) / 20.0) for need in self.needs_dbm)

    def rate_bps(self, range_km: float, loss_db: float = 0.0) -> float:
        """Return the highest rate that keeps its margin at a range; 0 when none does: there is no link."""
        reaches = zip(self.rates_bps, self.reaches_km(loss_db), strict=True)
        return max((rate for rate, reach_km in reaches if range_km < reach_km), default=0.0)


def budget(lasers: LasersProfile) -> Budget:
    """Return the link budget of a class of terminals, with what jitter and point-ahead cost on average."""
    residual_rad = POINT_AHEAD_LEFT_FRAC * POINT_AHEAD_MAX_RAD
    square_rad2 = 2.0 * lasers.jitter_rad**2 + residual_rad**2
    pointing_db = pointing_loss_db(math.sqrt(square_rad2), beam_rad(lasers.wavelength_m, lasers.aperture_m))
    at_1_km_dbm = received_dbm(lasers, 1.0, pointing_db)
    photon_j = PLANCK_J_S * LIGHT_M_S / lasers.wavelength_m
    needs = tuple(dbm(lasers.photons_per_bit * photon_j * rate) for rate in lasers.rates_bps)
    return Budget(at_1_km_dbm, lasers.rates_bps, needs, lasers.margin_db)


def received_dbm(lasers: LasersProfile, range_km: float, pointing_db: float) -> float:
    """Return what arrives over a range with a given pointing loss, dBm."""
    gain_db = 20.0 * math.log10(math.pi * lasers.aperture_m / lasers.wavelength_m)
    space_db = 20.0 * math.log10(lasers.wavelength_m / (4.0 * math.pi * range_km * 1_000.0))
    optics_db = 10.0 * math.log10(lasers.optics_frac)
    return dbm(lasers.transmit_w) + 2.0 * (gain_db + optics_db) + space_db - pointing_db


def beam_rad(wavelength_m: float, aperture_m: float) -> float:
    """Return the half angle at 1/e^2 of the beam that has the gain (pi D / lambda)^2: a Gaussian beam's is 8 / w^2."""
    return math.sqrt(8.0) * wavelength_m / (math.pi * aperture_m)


def pointing_loss_db(miss_rad: float, beam: float) -> float:
    """Return what is lost by pointing beside the peer: a Gaussian beam falls by exp(-2 (miss/beam)^2)."""
    return _NEPER_DB * (miss_rad / beam) ** 2


def dbm(power_w: float) -> float:
    """Return a power in decibels over a milliwatt."""
    return 10.0 * math.log10(power_w * 1_000.0)
