"""Each simulated unit keeps what docs/apps/hwsim.md says of it: ranges, what LOST looks like, idempotent orders."""

from pathlib import Path

import pytest

from icd import hw
from icd.faults import FaultKind
from icd.hw import DeviceOrder, LoadProfile, PatState, Quality, Reading
from tests.unit.hwsim.bench import NODES, Table, profile

PAGE = (Path(__file__).parents[2] / "docs/apps/hwsim.md").read_text()
COLD_ARRAY_FACTOR = 1.7  # what a cold array gives over its nameplate, at most
NOT_NUMBERS = {"unit", "quality", "terminal", "bites", "throttle_reasons"}


def _key(unit: str) -> str:
    return "terminal0" if unit == "terminal" else unit


@pytest.fixture(scope="module")
def flown() -> Table:
    """Three hours with jobs, links and caps, so that readings have been everywhere."""
    table = Table()
    for minute in range(180):
        node, peer = NODES[minute % 4], NODES[(minute + 1 + minute // 45) % 4]
        table.order(node, hw.WatchdogServe())
        table.order(node, hw.ComputeAllocate(job_id=f"j{minute % 9}", power_w=1_500.0))
        if minute % 3 == 0:
            table.order(node, hw.ComputeSetCap(cap_w=2_000.0 + 50 * minute))
            table.order(node, hw.EpsSetProfile(profile=list(LoadProfile)[minute % 3]))
        if peer != node:
            table.order(node, hw.TerminalPoint(terminal=0, peer=peer, peer_terminal=0))
        table.fly(60.0)
    return table


def _in_range(reading: Reading) -> bool:
    p = profile()
    match reading:
        case hw.EpsReading(soc_frac=float(soc), battery_wh=float(wh), solar_w=float(sun), load_w=float(load)):
            return (
                0 <= soc <= 1
                and 0 <= wh <= p.battery.capacity_wh
                and 0 <= sun <= COLD_ARRAY_FACTOR * p.array.nameplate_w
                and load >= p.bus.minimal_w
            )
        case hw.ThermalReading(module_temp_c=float(temp)):
            return -80.0 < temp < p.thermal.trip_c
        case hw.ComputeReading(power_w=float(power)):
            return power == 0.0 or p.compute.idle_w <= power <= p.compute.max_w
        case hw.TerminalReading(state=PatState.TRACK, link=hw.TerminalLink() as link, rate_bps=rate, peer=peer):
            lasers = p.lasers
            return (
                rate in ((0.0,) if link.faded else lasers.rates_bps)
                and bool(peer)
                and 0.0 < link.range_km <= lasers.range_km
                and link.margin_db >= lasers.margin_db - 1e-6
                and lasers.elevation_min_deg <= link.elevation_deg <= lasers.elevation_max_deg
                and 0.0 <= link.azimuth_deg < 360.0
                and 0.0 <= link.point_ahead_rad < 1.1e-4
            )
        case hw.TerminalReading(state=state, link=None, rate_bps=rate, peer=peer):
            return state is not PatState.TRACK and rate == 0.0 and bool(peer) != (state is PatState.IDLE)
        case hw.GnssReading(position_km=(float(x), float(y), float(z))):
            return bool(6_700.0 < (x * x + y * y + z * z) ** 0.5 < 7_000.0)
        case hw.WatchdogReading(remaining_s=left):
            return left is None or bool(0.0 <= left <= 600.0)
        case _:
            return False


@pytest.mark.slow
@pytest.mark.parametrize("unit", hw.UNITS)
def test_good_readings_stay_in_range(flown: Table, unit: str) -> None:
    readings = [r for node in NODES for f in flown.frames(node) for r in f.readings if r.unit == unit]

    assert len(readings) > 100
    assert [r for r in readings if r.quality is not Quality.GOOD or not _in_range(r)] == []


@pytest.mark.parametrize("unit", hw.UNITS)
def test_a_lost_reading_holds_no_number(unit: str) -> None:
    table = Table()
    table.fault(FaultKind.SENSOR_LOST, unit=unit)
    table.fly(2.0)

    reading = table.last(_key(unit)).model_dump()

    assert reading["quality"] is Quality.LOST
    assert [name for name, value in reading.items() if name not in NOT_NUMBERS and value] == []


@pytest.mark.parametrize("unit", hw.UNITS)
def test_every_unit_has_its_row_on_the_page(unit: str) -> None:
    assert f"| `{unit}` |" in PAGE


@pytest.mark.parametrize(
    "order",
    [
        hw.ComputeAllocate(job_id="a", power_w=900.0),
        hw.ComputeRelease(job_id="a"),
        hw.ComputeReleaseAll(),
        hw.ComputeSetCap(cap_w=1_000.0),
        hw.ComputePower(on=False),
        hw.EpsSetProfile(profile=LoadProfile.MINIMAL),
        hw.TerminalPoint(terminal=0, peer="node-3", peer_terminal=0),
        hw.TerminalStop(terminal=0),
        hw.WatchdogServe(),
        hw.UnitReset(unit="compute"),
    ],
    ids=lambda order: order.name,
)
def test_the_same_order_twice_is_the_order_once(order: DeviceOrder) -> None:
    once, twice = Table(), Table()

    once.order("node-1", order, "r")
    twice.order("node-1", order, "r")
    twice.order("node-1", order, "r")

    assert twice.sim.world.dump() == once.sim.world.dump()


@pytest.mark.parametrize("unit", hw.UNITS)
def test_every_unit_can_be_power_cycled(unit: str) -> None:
    table = Table()

    table.order("node-1", hw.UnitReset(unit=unit))
    table.fly(2.0)

    assert (table.sim.counters.orders, table.sim.counters.refused) == (1, 0)


def test_a_unit_that_is_not_there_is_refused() -> None:
    table = Table()

    table.order("node-1", hw.UnitReset(unit="toaster"))

    assert table.sim.counters.refused == 1
