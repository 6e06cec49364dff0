"""Whether a device reading may be believed. One that may not becomes a reading of quality LOST, never a number."""

import math

from icd.hw import (
    ComputeReading,
    EpsReading,
    GnssReading,
    Quality,
    Reading,
    TerminalReading,
    ThermalReading,
    WatchdogReading,
)
from icd.timebase import MissionTime
from node.kernel.bus import BusMessage
from node.messages import ComputeUpdated, EpsUpdated, GnssUpdated, TerminalUpdated, ThermalUpdated, WatchdogUpdated

# What a sensor of ours can say; what lies outside is a broken sensor. The bounds are those of the largest profile
# with room to spare: icd.params allows 200 kW jobs, sensors of a cold plate read -150 to 250 degC.
POWER_W = (-1.0, 10e6)
ENERGY_WH = (0.0, 10e6)
TEMP_C = (-150.0, 250.0)
POSITION_KM = (-100_000.0, 100_000.0)
CLOCK_MHZ = (0.0, 100_000.0)
REMAINING_S = (-1.0, 86_400.0)
RATE_BPS = (0.0, 1e13)
RANGE_KM = (0.0, 100_000.0)
MARGIN_DB = (-100.0, 200.0)
AZIMUTH_DEG = (0.0, 360.0)
ELEVATION_DEG = (-90.0, 90.0)
POINT_AHEAD_RAD = (0.0, 0.01)
UNIT_RANGE = (0.0, 1.0)

Bounds = tuple[float, float]

_LINK: dict[str, Bounds] = {
    "range_km": RANGE_KM,
    "margin_db": MARGIN_DB,
    "azimuth_deg": AZIMUTH_DEG,
    "elevation_deg": ELEVATION_DEG,
    "point_ahead_rad": POINT_AHEAD_RAD,
}


def implausible(reading: Reading) -> str:
    """Return what is wrong with a reading of quality GOOD; empty when nothing is."""
    if reading.quality is Quality.LOST:
        return ""
    match reading:
        case EpsReading():
            bounds: dict[str, Bounds] = {"soc_frac": UNIT_RANGE, "battery_wh": ENERGY_WH, "solar_w": POWER_W}
            bounds |= {"load_w": POWER_W, "sunlit_frac": UNIT_RANGE, "pack_temp_c": TEMP_C, "health_frac": UNIT_RANGE}
        case ThermalReading():
            bounds = {"module_temp_c": TEMP_C, "loop_temp_c": TEMP_C, "radiator_temp_c": TEMP_C}
        case ComputeReading():
            bounds = {"power_w": POWER_W, "cap_w": POWER_W, "clock_mhz": CLOCK_MHZ, "die_temp_c": TEMP_C}
        case TerminalReading():
            bounds = {"rate_bps": RATE_BPS}
        case WatchdogReading():
            # A watchdog that sleeps, because it was never served or has bitten, has no time left to tell.
            bounds = {} if reading.remaining_s is None else {"remaining_s": REMAINING_S}
        case GnssReading():
            return _implausible_fix(reading)
    for name, (least, most) in bounds.items():
        value = getattr(reading, name)
        if value is None or not least <= value <= most:
            return f"{reading.unit}: {name} {value} is not within {least:g} to {most:g}"
    return _implausible_link(reading) if isinstance(reading, TerminalReading) else ""


def lost(reading: Reading) -> Reading:
    """Return the reading with every number taken out."""
    match reading:
        case EpsReading():
            return EpsReading(
                quality=Quality.LOST,
                soc_frac=None,
                battery_wh=None,
                solar_w=None,
                load_w=None,
                sunlit_frac=None,
                profile=None,
                pack_temp_c=None,
                health_frac=None,
            )
        case ThermalReading():
            return ThermalReading(quality=Quality.LOST, module_temp_c=None, loop_temp_c=None, radiator_temp_c=None)
        case ComputeReading():
            return ComputeReading(
                quality=Quality.LOST,
                powered=None,
                power_w=None,
                cap_w=None,
                allocated=(),
                throttle_reasons=0,
                clock_mhz=None,
                die_temp_c=None,
            )
        case TerminalReading():
            return TerminalReading(
                quality=Quality.LOST,
                terminal=reading.terminal,
                state=None,
                peer="",
                rate_bps=0.0,
                link=None,
                request_id=reading.request_id,
            )
        case GnssReading():
            return GnssReading(quality=Quality.LOST, at=None, position_km=None, ground_in_view=None)
        case WatchdogReading():
            return WatchdogReading(quality=Quality.LOST, remaining_s=None, bites=reading.bites)


def message_of(at: MissionTime, reading: Reading) -> BusMessage:
    """Return the on-board message of a reading."""
    match reading:
        case EpsReading():
            return EpsUpdated(at, reading)
        case ThermalReading():
            return ThermalUpdated(at, reading)
        case ComputeReading():
            return ComputeUpdated(at, reading)
        case TerminalReading():
            return TerminalUpdated(at, reading)
        case GnssReading():
            return GnssUpdated(at, reading)
        case WatchdogReading():
            return WatchdogUpdated(at, reading)


def _implausible_link(reading: TerminalReading) -> str:
    if reading.state is None:
        return "terminal: no state"
    if reading.link is not None:
        for name, (least, most) in _LINK.items():
            value = getattr(reading.link, name)
            if not least <= value <= most:
                return f"terminal: {name} {value} is not within {least:g} to {most:g}"
    return ""


def _implausible_fix(reading: GnssReading) -> str:
    if reading.at is None or reading.position_km is None:
        return "gnss: no fix"
    least, most = POSITION_KM
    if not all(math.isfinite(axis) and least <= axis <= most for axis in reading.position_km):
        return f"gnss: position is not within {least:g} to {most:g} km"
    return ""
