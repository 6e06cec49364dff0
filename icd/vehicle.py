"""The vehicle profile: the numbers of one class of satellite, table by table as its file in missions/profiles has them.

The source of each value stands beside it in that file; here stand its meaning, its unit and what is allowed.
"""

import itertools
from enum import StrEnum, unique
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from icd.envelope import AS_LIST, AS_TEXT, Wire
from icd.ids import NameStr

RATE_MODES_BPS = (2e9, 2.5e9, 25e9, 100e9, 200e9, 400e9, 1e12)  # what optical terminals may be set to

Watts = Annotated[float, Field(ge=0.0)]
Positive = Annotated[float, Field(gt=0.0)]
Frac = Annotated[float, Field(ge=0.0, le=1.0)]
Share = Annotated[float, Field(gt=0.0, le=1.0)]  # a fraction that is something
CELSIUS_MIN = -273.15


@unique
class Tracking(StrEnum):
    """How the solar array follows the Sun."""

    SUN = "SUN"  # two axes, or a whole satellite that faces the Sun: normal incidence
    PITCH = "PITCH"  # one axis, along the orbit normal: the cosine of the Sun's elevation over the orbit plane is left
    BODY = "BODY"  # panels fixed to all sides of a body that keeps facing the Earth: a quarter of their sum, on average


class OrbitProfile(Wire):
    """`[orbit]`: the orbit that the class is made for. A mission flies the element sets it names."""

    altitude_km: float = Field(ge=200.0, le=2_000.0)
    inclination_deg: float = Field(ge=0.0, le=180.0)
    ltan_h: float | None = Field(default=None, ge=0.0, lt=24.0)  # local time of the ascending node; None: any


class ArrayProfile(Wire):
    """`[array]`: the solar array."""

    nameplate_w: Positive  # beginning of life, normal incidence, 1 AU, at reference_c
    derate_frac: Share  # what age at the mission's start and pointing leave of it
    fade_per_year_frac: Frac  # what a year takes of what is left
    tracking: Annotated[Tracking, AS_TEXT]
    temp_coefficient_per_k: float = Field(ge=-0.01, le=0.0)  # of the power at reference_c
    reference_c: float = Field(gt=CELSIUS_MIN)
    area_m2: Positive
    absorptance_frac: Share  # of sunlight that turns to heat in the array, power taken out already
    emissivity_frac: Share  # mean of both sides
    heat_capacity_j_m2_k: Positive


class BatteryProfile(Wire):
    """`[battery]`: the pack. Efficiencies count converters and chemistry, the resistance comes on top."""

    capacity_wh: Positive
    charge_efficiency_frac: Share
    discharge_efficiency_frac: Share
    voltage_v: Positive  # open circuit, mean over the charge
    resistance_ohm: Watts  # of the pack at reference_c
    resistance_k: Watts  # Arrhenius: R = R_ref exp(resistance_k (1/T - 1/T_ref)), kelvin
    reference_c: float = Field(gt=CELSIUS_MIN)
    heat_capacity_j_k: Positive
    bay_w_k: Positive  # conductance to the bay
    bay_c: float = Field(gt=CELSIUS_MIN)  # what heaters and radiator keep the bay at
    heater_lost_c: float = Field(gt=CELSIUS_MIN)  # what the bay falls to without its heaters
    charge_min_c: float = Field(gt=CELSIUS_MIN)  # below this no charge is taken
    cycle_life: Positive  # cycles at cycle_life_dod_frac until end_of_life_frac is left
    cycle_life_dod_frac: Share
    cycle_life_exponent: Positive  # N(D) = cycle_life (cycle_life_dod_frac / D)^exponent
    end_of_life_frac: float = Field(gt=0.0, lt=1.0)  # of the first capacity
    dod_routine_frac: float = Field(gt=0.0, lt=1.0)
    dod_hard_frac: float = Field(gt=0.0, lt=1.0)

    @model_validator(mode="after")
    def _ordered(self) -> "BatteryProfile":
        if self.dod_routine_frac > self.dod_hard_frac:
            raise ValueError("dod_routine_frac is above dod_hard_frac")
        return self


class BusProfile(Wire):
    """`[bus]`: what the bus draws besides compute and laser terminals."""

    full_w: Watts
    reduced_w: Watts
    minimal_w: Watts


class ComputeProfile(Wire):
    """`[compute]`: the module. Clock and voltage give the power curve P = idle + k f V(f)^2."""

    idle_w: Watts
    typical_w: Positive
    max_w: Positive  # at the highest clock
    slots: int = Field(ge=1, le=64)
    eclipse_frac: Frac  # of typical power, while in eclipse
    clock_mhz: Annotated[tuple[float, ...], AS_LIST] = Field(min_length=2, max_length=16)  # rising
    core_v: Annotated[tuple[float, ...], AS_LIST] = Field(min_length=2, max_length=16)  # at each clock

    @model_validator(mode="after")
    def _ordered(self) -> "ComputeProfile":
        if not self.idle_w <= self.typical_w <= self.max_w:
            raise ValueError("idle_w, typical_w and max_w must not fall")
        if len(self.clock_mhz) != len(self.core_v):
            raise ValueError("clock_mhz and core_v must be of one length")
        if not _rises(self.clock_mhz) or self.clock_mhz[0] <= 0.0:
            raise ValueError("clock_mhz must rise, from above 0")
        if not _rises(self.core_v, equal=True) or self.core_v[0] <= 0.0:
            raise ValueError("core_v must not fall, from above 0")
        return self


class ThermalProfile(Wire):
    """`[thermal]`: the chain die - plate - loop - radiator, and what heats it besides compute."""

    die_j_k: Positive
    plate_j_k: Positive
    loop_j_k: Positive
    radiator_j_k: Positive
    die_plate_w_k: Positive
    plate_loop_w_k: Positive
    loop_radiator_w_k: Positive
    radiator_m2: Positive  # of the sides that radiate, together
    emissivity_frac: Share
    absorptance_frac: Frac  # of sunlight
    sun_view_frac: Frac  # mean cosine to the Sun over the radiator's area: 0 edge-on
    earth_view_frac: Frac  # view factor to the Earth, mean over the area
    background_w: Watts  # power electronics on the loop, with compute off
    throttle_c: float  # cold plate: the runtime keeps below it
    trip_c: float  # cold plate: the module cuts itself off
    die_throttle_c: float  # die: the hardware slows its clock
    die_trip_c: float  # die: the module cuts itself off

    @property
    def heat_capacity_j_k(self) -> float:
        """Heat capacity of the whole chain."""
        return self.die_j_k + self.plate_j_k + self.loop_j_k + self.radiator_j_k

    @model_validator(mode="after")
    def _ordered(self) -> "ThermalProfile":
        if self.throttle_c > self.trip_c or self.die_throttle_c > self.die_trip_c:
            raise ValueError("a throttle temperature is above its trip temperature")
        return self


class LasersProfile(Wire):
    """`[lasers]`: the long-range optical terminals, all alike."""

    terminals: int = Field(ge=0, le=16)
    rates_bps: Annotated[tuple[float, ...], AS_LIST] = Field(min_length=1, max_length=len(RATE_MODES_BPS))  # rising
    range_km: Positive  # of the longest link; the budget below must close the lowest rate there
    graze_km: Watts
    acquire_min_s: float = Field(ge=0.0)
    acquire_median_s: Positive
    acquire_limit_s: Positive
    slew_rate_rad_s: Positive
    slew_accel_rad_s2: Positive
    elevation_min_deg: float = Field(ge=-90.0, le=90.0)  # field of regard: over the local horizontal, all azimuths
    elevation_max_deg: float = Field(ge=-90.0, le=90.0)
    sun_exclusion_deg: float = Field(ge=0.0, le=90.0)  # half angle around the Sun in which nothing can be received
    wavelength_m: Positive
    transmit_w: Positive
    aperture_m: Positive  # of both telescopes
    optics_frac: Share  # of either telescope
    jitter_rad: Watts  # rms residual pointing, each axis
    photons_per_bit: Positive  # at the receiver's sensitivity
    margin_db: Watts  # kept over it
    fades_per_h: Watts  # of a tracked link: outages by jitter and platform events
    fade_s: Positive  # mean length of one
    losses_per_h: Watts  # of tracking, after which the link must be acquired again
    idle_w: Watts  # of one terminal
    point_w: Watts
    track_w: Watts

    @property
    def rate_bps(self) -> float:
        """The highest rate mode."""
        return self.rates_bps[-1]

    @field_validator("rates_bps")
    @classmethod
    def _known(cls, rates: tuple[float, ...]) -> tuple[float, ...]:
        strange = [rate for rate in rates if rate not in RATE_MODES_BPS]
        if strange or not _rises(rates):
            allowed = ", ".join(f"{rate:g}" for rate in RATE_MODES_BPS)
            raise ValueError(f"rates must rise and be of {allowed}")
        return rates

    @model_validator(mode="after")
    def _ordered(self) -> "LasersProfile":
        if not self.acquire_min_s <= self.acquire_median_s <= self.acquire_limit_s:
            raise ValueError("acquire_min_s, acquire_median_s and acquire_limit_s must not fall")
        if self.elevation_min_deg >= self.elevation_max_deg:
            raise ValueError("elevation_min_deg must be below elevation_max_deg")
        return self


class RadioProfile(Wire):
    """`[radio]`: radio to the ground."""

    downlink_bps: Positive
    uplink_bps: Positive


class RadiationProfile(Wire):
    """`[radiation]`: mean rates over a day in orbit; they are higher inside the South Atlantic Anomaly."""

    memory_bits: Watts
    upsets_per_bit_day: Watts  # before error correction
    multi_bit_frac: Frac  # of upsets that error correction finds and cannot mend
    interrupts_per_day: Watts  # functional interrupts of the compute module
    latchups_per_day: Watts
    saa_factor: float = Field(ge=1.0)  # rate inside over rate outside
    dose_rad_per_year: Watts  # behind the shielding


class VehicleProfile(Wire):
    """One class of satellite."""

    name: NameStr
    orbit: OrbitProfile
    array: ArrayProfile
    battery: BatteryProfile
    bus: BusProfile
    compute: ComputeProfile
    thermal: ThermalProfile
    lasers: LasersProfile
    radio: RadioProfile
    radiation: RadiationProfile

    def with_terminals(self, count: int) -> "VehicleProfile":
        """Return the profile with another number of laser terminals: a mission may fly fewer than the class has."""
        return self.model_copy(update={"lasers": self.lasers.model_copy(update={"terminals": count})})


def _rises(values: tuple[float, ...], *, equal: bool = False) -> bool:
    pairs = itertools.pairwise(values)
    return all(low <= high if equal else low < high for low, high in pairs)
