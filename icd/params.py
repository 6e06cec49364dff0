"""Parameters that more than one program reads: the broker, element sets, stations, the fleet."""

from typing import Annotated

from pydantic import Field, model_validator

from icd.envelope import AS_LIST, Instant, Wire
from icd.ids import NameStr
from icd.vehicle import VehicleProfile


class BrokerAccess(Wire):
    """Where the broker is, and as whom to speak to it. The password stays in its owner-only file."""

    host: str
    port: int = Field(ge=1, le=65535)
    username: str
    password_file: str


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
