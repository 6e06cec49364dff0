"""Device messages of the avionics bus: one frame of readings per node and instant, commands by request id."""

from enum import StrEnum, unique
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from icd.envelope import AS_LIST, AS_TEXT, Count, Instant, Message, Wire
from icd.ids import NameStr

FRAMES_PER_S_MAX = 50  # wall time, per node
READING_STALE_S = 120.0  # mission time without a frame after which readings are LOST
READING_STALE_WALL_S = 3.0  # and never sooner than this wall time
HEARTBEAT_S = 30.0  # mission time between frames when nothing changes


@unique
class Quality(StrEnum):
    """Whether a reading may be believed. A failed read is LOST and never a number."""

    GOOD = "GOOD"
    LOST = "LOST"


@unique
class LoadProfile(StrEnum):
    """What the bus feeds besides compute: all, the reduced set of SURVIVAL, or the bare minimum of SAFE."""

    FULL = "FULL"
    REDUCED = "REDUCED"
    MINIMAL = "MINIMAL"


@unique
class PatState(StrEnum):
    """Pointing, acquisition and tracking of one laser terminal."""

    IDLE = "IDLE"
    SLEW = "SLEW"
    ACQUIRE = "ACQUIRE"
    TRACK = "TRACK"
    LOST = "LOST"
    OFF = "OFF"


@unique
class ModuleHealth(StrEnum):
    """What the compute module's supervisor, which watches its heartbeat and its supply, says of it."""

    GOOD = "GOOD"
    HUNG = "HUNG"  # no heartbeat: it takes no order until it is power-cycled
    OVER_CURRENT = "OVER_CURRENT"  # a latch-up draws current until it is power-cycled


class EpsReading(Wire):
    """Electrical power system: battery, array, loads."""

    unit: Literal["eps"] = "eps"
    quality: Annotated[Quality, AS_TEXT]
    soc_frac: float | None = Field(ge=0.0, le=1.0)
    battery_wh: float | None
    solar_w: float | None
    load_w: float | None
    sunlit_frac: float | None = Field(ge=0.0, le=1.0)
    profile: Annotated[LoadProfile, AS_TEXT] | None
    pack_temp_c: float | None
    health_frac: float | None = Field(ge=0.0, le=1.0)  # of the battery's first capacity: what fade and losses left


class ThermalReading(Wire):
    """Temperatures of the cooling chain: the compute module's cold plate, the coolant, the radiator."""

    unit: Literal["thermal"] = "thermal"
    quality: Annotated[Quality, AS_TEXT]
    module_temp_c: float | None
    loop_temp_c: float | None
    radiator_temp_c: float | None


class ComputeReading(Wire):
    """The compute module: what it draws, its cap, what is allocated, its clock, and whether and why that is low."""

    unit: Literal["compute"] = "compute"
    quality: Annotated[Quality, AS_TEXT]
    powered: bool | None
    power_w: float | None
    cap_w: float | None
    allocated: Annotated[tuple[str, ...], AS_LIST] = Field(max_length=64)  # job ids
    # NVML bits: 0x4 software power cap, 0x8 hardware slowdown, 0x20 software thermal, 0x40 hardware thermal, 0x80 brake
    throttle_reasons: Count
    clock_mhz: float | None
    die_temp_c: float | None
    health: Annotated[ModuleHealth, AS_TEXT] | None = None
    corrected: Count | None = None  # memory upsets that error correction has mended, since the start
    uncorrectable: Count | None = None  # and those that it found and could not
    dose_rad: float | None = None  # total, since the start


class TerminalLink(Wire):
    """What a tracking terminal tells of its link."""

    faded: bool  # for the moment too little light arrives: lock and peer are kept, nothing passes
    range_km: float
    margin_db: float  # of the weaker direction, over the sensitivity at the rate mode in use, as if nothing faded
    azimuth_deg: float  # of the line to the peer: from forward to the right, 0 to 360
    elevation_deg: float  # of that line over the local horizontal
    point_ahead_rad: float  # between the light that leaves and the light that arrives


class TerminalReading(Wire):
    """One laser terminal. `request_id` is of the last point command that led here."""

    unit: Literal["terminal"] = "terminal"
    quality: Annotated[Quality, AS_TEXT]
    terminal: int = Field(ge=0, le=15)
    state: Annotated[PatState, AS_TEXT] | None
    peer: str
    rate_bps: float  # of the rate mode in use; 0 unless in TRACK, and 0 while the link fades
    link: TerminalLink | None  # None unless in TRACK
    request_id: str = Field(max_length=80)


class GnssReading(Wire):
    """Time and position from the navigation receiver (TEME, km)."""

    unit: Literal["gnss"] = "gnss"
    quality: Annotated[Quality, AS_TEXT]
    at: Instant | None
    position_km: Annotated[tuple[float, float, float], AS_LIST] | None
    ground_in_view: bool | None


class WatchdogReading(Wire):
    """The hardware watchdog: what is left of its time, and how often it has bitten."""

    unit: Literal["watchdog"] = "watchdog"
    quality: Annotated[Quality, AS_TEXT]
    remaining_s: float | None  # None while it sleeps: never served yet, or not since it has bitten
    bites: Count


Reading = Annotated[
    EpsReading | ThermalReading | ComputeReading | TerminalReading | GnssReading | WatchdogReading,
    Field(discriminator="unit"),
]
UNITS: tuple[str, ...] = ("eps", "thermal", "compute", "terminal", "gnss", "watchdog")


class DeviceFrame(Message):
    """All readings that changed at one instant. The counter shows a loss, a copy or a restart."""

    KIND: ClassVar[str] = "frame"
    MAX_BYTES: ClassVar[int] = 8 * 1024

    node: NameStr
    counter: Count
    at: Instant
    readings: Annotated[tuple[Reading, ...], AS_LIST] = Field(max_length=32)


class ComputeAllocate(Wire):
    """Give a job its share of the module: from now the module draws this much more."""

    name: Literal["compute_allocate"] = "compute_allocate"
    job_id: NameStr
    power_w: float = Field(gt=0.0)


class ComputeRelease(Wire):
    """Take a job off the module."""

    name: Literal["compute_release"] = "compute_release"
    job_id: NameStr


class ComputeReleaseAll(Wire):
    """Take every job off the module: the first thing a freshly booted node says."""

    name: Literal["compute_release_all"] = "compute_release_all"


class ComputeSetCap(Wire):
    """Cap what the module draws."""

    name: Literal["compute_set_cap"] = "compute_set_cap"
    cap_w: float = Field(ge=0.0)


class ComputePower(Wire):
    """Switch the module on or off."""

    name: Literal["compute_power"] = "compute_power"
    on: bool


class EpsSetProfile(Wire):
    """Choose what the bus feeds besides compute."""

    name: Literal["eps_set_profile"] = "eps_set_profile"
    profile: Annotated[LoadProfile, AS_TEXT]


class TerminalPoint(Wire):
    """Point a terminal at a peer and acquire. The outcome arrives as readings: SLEW, ACQUIRE, TRACK or LOST."""

    name: Literal["terminal_point"] = "terminal_point"
    terminal: int = Field(ge=0, le=15)
    peer: NameStr
    peer_terminal: int = Field(ge=0, le=15)


class TerminalStop(Wire):
    """Drop the link, if any, and rest."""

    name: Literal["terminal_stop"] = "terminal_stop"
    terminal: int = Field(ge=0, le=15)


class WatchdogServe(Wire):
    """Restart the watchdog's time."""

    name: Literal["watchdog_serve"] = "watchdog_serve"


class UnitReset(Wire):
    """Power-cycle a unit."""

    name: Literal["unit_reset"] = "unit_reset"
    unit: NameStr


DeviceOrder = Annotated[
    ComputeAllocate
    | ComputeRelease
    | ComputeReleaseAll
    | ComputeSetCap
    | ComputePower
    | EpsSetProfile
    | TerminalPoint
    | TerminalStop
    | WatchdogServe
    | UnitReset,
    Field(discriminator="name"),
]


class DeviceCommand(Message):
    """One order to the hardware of a node. Orders are idempotent: the same order twice is the order once."""

    KIND: ClassVar[str] = "device_cmd"
    MAX_BYTES: ClassVar[int] = 2 * 1024

    node: NameStr
    request_id: str = Field(min_length=1, max_length=80)
    order: DeviceOrder
