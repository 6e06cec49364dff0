"""Every kind of fault takes effect, shows, and ends."""

from pathlib import Path

import pytest

from hwsim.units.laser_terminal import TerminalKey
from icd import hw
from icd.fault_catalogue import CATALOGUE
from icd.faults import FAULTS_MAX, FaultKind, FaultOrder
from icd.hw import PatState, Quality
from icd.timebase import MissionTime, seconds_between
from tests.unit.hwsim.bench import Table, config

PAGE = (Path(__file__).parents[3] / "docs/faults.md").read_text()


@pytest.mark.req("HWS-009")
@pytest.mark.parametrize("kind", list(FaultKind))
def test_every_kind_is_on_the_page_and_in_the_catalogue(kind: FaultKind) -> None:
    assert f"| `{kind.value}` |" in PAGE
    assert CATALOGUE[kind].what


@pytest.mark.req("HWS-009")
@pytest.mark.parametrize("unit", [unit for unit in hw.UNITS if unit != "terminal"])
def test_a_lost_sensor_says_so_and_comes_back(unit: str) -> None:
    table = Table()

    table.fault(FaultKind.SENSOR_LOST, unit=unit)
    table.fly(2.0)
    lost = table.last(unit)
    table.fly(400.0)

    assert lost.quality is Quality.LOST
    assert table.last(unit).quality is Quality.GOOD
    assert table.last(unit, "node-2").quality is Quality.GOOD


def test_one_terminal_or_all_can_be_lost() -> None:
    table = Table()

    table.fault(FaultKind.SENSOR_LOST, unit="terminal", terminal=1)
    table.fly(2.0)
    one = [table.last("terminal0").quality, table.last("terminal1").quality]
    table.fault(FaultKind.SENSOR_LOST, unit="terminal", fault_id="all")
    table.fly(2.0)

    assert one == [Quality.GOOD, Quality.LOST]
    assert [table.last("terminal0").quality, table.last("terminal1").quality] == [Quality.LOST, Quality.LOST]


@pytest.mark.req("HWS-009")
def test_a_stuck_sensor_repeats_itself_while_the_truth_moves_on() -> None:
    table = Table()
    table.fault(FaultKind.SENSOR_STUCK, unit="eps")
    first = table.last("eps")

    table.fly(250.0)
    assert table.last("eps") == first

    table.fly(100.0)
    assert table.last("eps") != first


@pytest.mark.req("HWS-009")
def test_dropped_frames_leave_a_gap_in_the_counter() -> None:
    table = Table()
    table.fly(10.0)
    before = len(table.frames())

    table.fault(FaultKind.FRAME_DROP)
    table.fly(290.0)
    assert len(table.frames()) == before

    table.fly(60.0)
    counters = [frame.counter for frame in table.frames()]
    assert counters[before] > counters[before - 1] + 5


@pytest.mark.req("HWS-009")
def test_dead_strings_take_their_share_of_the_array() -> None:
    table = Table()
    vehicle = table.sim.world.crafts["node-1"].vehicle
    whole = vehicle.solar_w

    table.fault(FaultKind.ARRAY_STRING_DEAD, magnitude=0.25)
    table.fault(FaultKind.ARRAY_STRING_DEAD, magnitude=0.5, fault_id="more", duration_s=100.0)
    assert vehicle.solar_w == pytest.approx(0.375 * whole)

    table.fly(150.0)
    assert vehicle.solar_w == pytest.approx(0.75 * whole)
    table.fly(200.0)
    assert vehicle.solar_w == pytest.approx(whole)


@pytest.mark.req("HWS-009")
def test_lost_cells_take_capacity_and_charge() -> None:
    table = Table()
    battery = table.sim.world.crafts["node-1"].vehicle.battery

    table.fault(FaultKind.BATTERY_CELL_LOST, magnitude=0.5)
    assert [battery.capacity_wh, battery.energy_wh] == pytest.approx([25_000.0, 20_000.0])

    table.fly(400.0)
    assert battery.capacity_wh == 50_000.0
    assert battery.soc_frac < 0.6


@pytest.mark.req("HWS-009")
def test_a_stuck_terminal_drops_its_link_and_slews_until_it_is_free() -> None:
    table = Table()
    table.order("node-1", hw.TerminalPoint(terminal=0, peer="node-3", peer_terminal=0))
    table.order("node-3", hw.TerminalPoint(terminal=0, peer="node-1", peer_terminal=0))
    table.fly(200.0)
    assert _state(table) is PatState.TRACK

    table.fault(FaultKind.TERMINAL_STUCK, terminal=0, duration_s=400.0)
    assert _state(table) is PatState.LOST
    table.fly(10.0)
    table.order("node-1", hw.TerminalPoint(terminal=0, peer="node-3", peer_terminal=0))
    table.fly(380.0)
    assert _state(table) is PatState.SLEW

    table.fly(200.0)
    assert _state(table) is PatState.ACQUIRE


@pytest.mark.req("HWS-009")
def test_a_cut_link_takes_the_path_and_gives_it_back() -> None:
    table = Table()
    assert table.channels.spaces["node-4"] is not None

    table.fault(FaultKind.LINK_CUT, node="node-4", duration_s=60.0)
    assert table.channels.spaces["node-4"] is None

    table.fly(61.0)
    assert table.channels.spaces["node-4"] is not None


@pytest.mark.req("HWS-009")
def test_a_hung_module_takes_no_order_until_it_is_reset() -> None:
    table = Table()
    compute = table.sim.world.crafts["node-1"].vehicle.compute
    table.order("node-1", hw.ComputeAllocate(job_id="a", power_w=5_000.0))

    table.fault(FaultKind.COMPUTE_HANG)
    table.order("node-1", hw.ComputeAllocate(job_id="b", power_w=5_000.0))
    assert (compute.power_w, table.sim.counters.refused) == (800.0, 1)

    table.order("node-1", hw.UnitReset(unit="compute"))
    assert (compute.hung, compute.allocated, table.active().active) == (False, {}, ())
    table.order("node-1", hw.ComputeAllocate(job_id="b", power_w=5_000.0))
    assert compute.power_w == 5_800.0


@pytest.mark.req("HWS-009")
def test_a_hang_ends_at_its_time_without_a_reset() -> None:
    table = Table()
    table.order("node-1", hw.ComputeAllocate(job_id="a", power_w=5_000.0))
    table.fault(FaultKind.COMPUTE_HANG)

    table.fly(301.0)

    assert table.sim.world.crafts["node-1"].vehicle.compute.power_w == 5_800.0


@pytest.mark.req("HWS-009")
@pytest.mark.parametrize(
    ("kind", "fields", "says"),
    [
        (FaultKind.FRAME_DROP, {"node": "node-9"}, "node: no node 'node-9'; there are node-1, node-2"),
        (FaultKind.SENSOR_LOST, {"unit": "toaster"}, "unit: SENSOR_LOST needs one of eps, thermal"),
        (FaultKind.SENSOR_LOST, {"unit": ""}, "unit: SENSOR_LOST needs one of eps, thermal"),
        (FaultKind.LINK_CUT, {"unit": "eps"}, "unit: LINK_CUT names no unit; found 'eps'"),
        (FaultKind.TERMINAL_STUCK, {}, "terminal: TERMINAL_STUCK needs a terminal"),
        (FaultKind.TERMINAL_STUCK, {"terminal": 2}, "terminal: no terminal 2 on node-1, which has 2"),
        (FaultKind.ARRAY_STRING_DEAD, {}, "magnitude: ARRAY_STRING_DEAD needs one of above 0 to 0.95; found none"),
        (FaultKind.BATTERY_CELL_LOST, {"magnitude": 1.0}, "needs one of above 0 to 0.95; found 1"),
    ],
)
def test_an_order_for_what_is_not_there_is_refused_with_one_line(
    kind: FaultKind, fields: dict[str, object], says: str
) -> None:
    table = Table()

    table.fault(kind, **fields)  # type: ignore[arg-type]

    report = table.active()
    assert report.refused is not None
    assert says in report.refused
    assert "\n" not in report.refused
    assert report.active == ()
    assert report.latest == f"f-{kind.value.lower().replace('_', '-')}"
    table.fault(FaultKind.FRAME_DROP, fault_id="good")
    assert (table.active().refused, table.active().latest) == (None, "good")


def test_a_fault_waits_for_its_time_and_is_published_while_it_lasts() -> None:
    table = Table()

    table.fault(FaultKind.LINK_CUT, after_s=50.0, duration_s=50.0)
    assert ([order.kind for order in table.active().waiting], table.active().active) == ([FaultKind.LINK_CUT], ())
    table.fly(51.0)
    (lasts,) = table.active().active
    assert (lasts.order.kind, lasts.strikes, table.active().waiting) == (FaultKind.LINK_CUT, 1, ())
    assert lasts.until is not None
    assert seconds_between(MissionTime(lasts.since), MissionTime(lasts.until)) == 50.0
    table.fly(50.0)
    assert (table.active().active, table.active().waiting) == ((), ())


def test_the_same_fault_twice_is_one_fault() -> None:
    table = Table()

    table.fault(FaultKind.LINK_CUT, duration_s=50.0)
    table.fault(FaultKind.LINK_CUT, duration_s=50.0)
    assert len(table.active().active) == 1
    table.fly(60.0)
    table.fault(FaultKind.LINK_CUT, duration_s=50.0)

    assert table.active().active == ()


def test_too_many_faults_are_refused() -> None:
    table = Table()

    for number in range(FAULTS_MAX + 1):
        table.fault(FaultKind.FRAME_DROP, fault_id=f"f{number}", after_s=100.0)

    assert table.sim.counters.refused == 1
    assert "let some end" in (table.active().refused or "")


def test_faults_of_the_mission_count_from_its_start() -> None:
    order = FaultOrder(
        fault_id="early",
        kind=FaultKind.LINK_CUT,
        node="node-4",
        after_s=100.0,
        duration_s=60.0,
    )
    table = Table(config(faults=(order,)))

    table.fly(99.0)
    assert table.channels.spaces["node-4"] is not None
    table.fly(2.0)
    assert table.channels.spaces["node-4"] is None


def _state(table: Table) -> PatState:
    return table.sim.world.lasers.terminals[TerminalKey("node-1", 0)].state
