"""Parameters that more than one program reads: vehicle profile, element sets, stations."""

from typing import Annotated

from pydantic import Field, model_validator

from icd.envelope import AS_LIST, Instant, Wire
from icd.ids import NameStr


class BrokerAccess(Wire):
    """Where the broker is, and as whom to speak to it. The password stays in its owner-only file."""

    host: str
    port: int = Field(ge=1, le=65535)
    username: str
    password_file: str


class VehicleProfile(Wire):
    """The numbers of one class of satellite. Sources stand beside each value in the profile's file."""

    name: NameStr
    array_w: float = Field(gt=0.0)  # at beginning of life, full Sun, before the derate
    array_derate_frac: float = Field(gt=0.0, le=1.0)  # age and pointing
    battery_wh: float = Field(gt=0.0)
    charge_efficiency_frac: float = Field(gt=0.0, le=1.0)
    discharge_efficiency_frac: float = Field(gt=0.0, le=1.0)
    dod_routine_frac: float = Field(gt=0.0, lt=1.0)
    dod_hard_frac: float = Field(gt=0.0, lt=1.0)
    bus_full_w: float = Field(ge=0.0)
    bus_reduced_w: float = Field(ge=0.0)
    bus_minimal_w: float = Field(ge=0.0)
    compute_idle_w: float = Field(ge=0.0)
    compute_typical_w: float = Field(gt=0.0)
    compute_max_w: float = Field(gt=0.0)
    compute_slots: int = Field(ge=1, le=64)
    eclipse_compute_frac: float = Field(ge=0.0, le=1.0)  # of typical power, while in eclipse
    radiator_m2: float = Field(gt=0.0)
    radiator_emissivity: float = Field(gt=0.0, le=1.0)
    heat_capacity_j_k: float = Field(gt=0.0)
    heat_background_w: float = Field(ge=0.0)  # what reaches the radiator with compute off
    throttle_c: float
    trip_c: float
    laser_terminals: int = Field(ge=0, le=16)
    laser_rate_bps: float = Field(gt=0.0)
    laser_range_km: float = Field(gt=0.0)
    laser_graze_km: float = Field(ge=0.0)
    acquire_min_s: float = Field(ge=0.0)
    acquire_median_s: float = Field(gt=0.0)
    acquire_limit_s: float = Field(gt=0.0)
    slew_rate_rad_s: float = Field(gt=0.0)
    downlink_bps: float = Field(gt=0.0)
    uplink_bps: float = Field(gt=0.0)

    @model_validator(mode="after")
    def _ordered(self) -> "VehicleProfile":
        if self.dod_routine_frac > self.dod_hard_frac:
            raise ValueError("dod_routine_frac is above dod_hard_frac")
        if not self.compute_idle_w <= self.compute_typical_w <= self.compute_max_w:
            raise ValueError("compute_idle_w, compute_typical_w and compute_max_w must not fall")
        if not self.acquire_min_s <= self.acquire_median_s <= self.acquire_limit_s:
            raise ValueError("acquire_min_s, acquire_median_s and acquire_limit_s must not fall")
        return self


class ElementSet(Wire):
    """One satellite's two-line element set, with the node that flies on it."""

    node: NameStr
    name: str = Field(min_length=1, max_length=64)
    line1: str = Field(min_length=69, max_length=69)
    line2: str = Field(min_length=69, max_length=69)


class Station(Wire):
    """A ground station (geodetic, WGS-84)."""

    name: NameStr
    place: str = Field(max_length=80)
    latitude_deg: float = Field(ge=-90.0, le=90.0)
    longitude_deg: float = Field(ge=-180.0, le=180.0)
    altitude_km: float = Field(ge=-0.5, le=9.0)
    mask_deg: float = Field(ge=0.0, lt=90.0)  # lowest usable elevation


class Fleet(Wire):
    """What every program of a mission knows of the flying side."""

    mission: NameStr
    epoch: Instant  # mission time of the start
    profile: VehicleProfile
    elements: Annotated[tuple[ElementSet, ...], AS_LIST] = Field(min_length=1, max_length=4096)
    stations: Annotated[tuple[Station, ...], AS_LIST] = Field(max_length=512)

    @model_validator(mode="after")
    def _unique(self) -> "Fleet":
        for what, names in (
            ("node", [element.node for element in self.elements]),
            ("station", [station.name for station in self.stations]),
        ):
            doubled = sorted({name for name in names if names.count(name) > 1})
            if doubled:
                raise ValueError(f"{what} {doubled[0]} stands twice")
        return self
