"""Every kind of fault takes effect, shows, and ends."""

import itertools
import math
import statistics
from pathlib import Path

import pytest

from hwsim.units.laser_terminal import TerminalKey
from icd import hw
from icd.fault_catalogue import CATALOGUE
from icd.faults import FAULTS_MAX, FaultKind, FaultOrder
from icd.hw import PatState, Quality
from icd.timebase import MissionTime, seconds_between
from tests.unit.hwsim.bench import EPOCH, Table, config

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
    table.fault(FaultKind.ARRAY_STRING_DEAD, magnitude=0.25)
    table.fault(FaultKind.ARRAY_STRING_DEAD, magnitude=0.5, fault_id="more", duration_s=100.0)
    assert vehicle.solar_w == pytest.approx(0.375 * vehicle.sky.array_w)

    table.fly(150.0)
    assert vehicle.solar_w == pytest.approx(0.75 * vehicle.sky.array_w)
    table.fly(200.0)
    assert vehicle.solar_w == vehicle.sky.array_w


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


# --- on value ---


def _values(table: Table, unit: str, field: str, node: str = "node-1") -> list[float]:
    return [getattr(r, field) for f in table.frames(node) for r in f.readings if r.unit == unit]


@pytest.mark.req("HWS-009")
def test_bias_scale_and_noise_bend_one_field_in_the_order_they_came_and_saturate_at_its_range() -> None:
    table = Table()
    table.fly(2.0)
    truth = table.last("eps")
    assert isinstance(truth, hw.EpsReading)
    assert truth.load_w is not None

    table.fault(FaultKind.VALUE_SCALE, unit="eps", field="load_w", magnitude=2.0)
    table.fault(FaultKind.VALUE_BIAS, unit="eps", field="load_w", magnitude=-100.0)
    table.fault(FaultKind.VALUE_BIAS, unit="eps", field="soc_frac", magnitude=5.0, fault_id="full")
    table.fly(2.0)
    bent = table.last("eps")
    table.fly(400.0)

    assert isinstance(bent, hw.EpsReading)
    assert bent.load_w == pytest.approx(2.0 * truth.load_w - 100.0)
    assert (bent.soc_frac, bent.quality) == (1.0, Quality.GOOD)
    after_it = table.last("eps")
    assert isinstance(after_it, hw.EpsReading)
    assert after_it.load_w == pytest.approx(truth.load_w)


@pytest.mark.slow
@pytest.mark.req("HWS-009")
def test_noise_has_the_deviation_that_was_ordered() -> None:
    table = Table()

    table.fault(FaultKind.VALUE_NOISE, unit="thermal", field="module_temp_c", magnitude=4.0, duration_s=86_400.0)
    table.fly(40_000.0)
    heard = _values(table, "thermal", "module_temp_c")
    quiet = _values(table, "thermal", "module_temp_c", "node-2")

    steps = [b - a for a, b in itertools.pairwise(heard)]
    deviation = statistics.pstdev(steps) / math.sqrt(2.0)  # two draws stand in each difference
    assert len(steps) > 1_000
    assert deviation == pytest.approx(4.0, rel=0.1)
    assert statistics.pstdev([b - a for a, b in itertools.pairwise(quiet)]) < 1.0


@pytest.mark.slow
@pytest.mark.req("HWS-009")
def test_dropped_readings_are_lost_as_often_as_ordered() -> None:
    table = Table()

    table.fault(FaultKind.SENSOR_DROP, unit="gnss", magnitude=0.25, duration_s=86_400.0)
    table.fly(40_000.0)

    readings = [r for f in table.frames() for r in f.readings if r.unit == "gnss"]
    lost = sum(reading.quality is Quality.LOST for reading in readings)
    assert len(readings) > 1_000
    assert lost / len(readings) == pytest.approx(0.25, abs=0.06)


@pytest.mark.req("HWS-009")
def test_a_late_sensor_tells_each_reading_so_much_later() -> None:
    table, prompt = Table(), Table()
    table.fault(FaultKind.SENSOR_DELAY, unit="compute", magnitude=45.0, duration_s=600.0)
    for one in (table, prompt):
        one.fly(10.0)
        one.order("node-1", hw.ComputeAllocate(job_id="a", power_w=5_000.0))
        one.fly(300.0)

    def first_at(one: Table) -> float:
        frames = [
            f for f in one.frames() for r in f.readings if r.unit == "compute" and getattr(r, "power_w", 0) > 5_000
        ]
        return seconds_between(EPOCH, MissionTime(frames[0].at))

    assert first_at(prompt) < 12.0
    assert first_at(table) == pytest.approx(first_at(prompt) + 45.0, abs=1.3)
    table.fly(400.0)
    ours, theirs = table.last("compute"), prompt.last("compute")
    assert isinstance(ours, hw.ComputeReading)
    assert isinstance(theirs, hw.ComputeReading)
    assert (ours.power_w, ours.allocated) == (theirs.power_w, theirs.allocated)


@pytest.mark.req("HWS-009")
def test_one_field_can_be_stuck_while_the_others_move() -> None:
    table = Table()
    table.fly(2.0)
    first = table.last("eps")
    table.fault(FaultKind.SENSOR_STUCK, unit="eps", field="battery_wh")

    table.fly(250.0)
    later = table.last("eps")

    assert isinstance(first, hw.EpsReading)
    assert isinstance(later, hw.EpsReading)
    assert later.battery_wh == first.battery_wh
    assert later.soc_frac != first.soc_frac


@pytest.mark.req("HWS-009")
def test_the_receivers_time_steps_and_its_fix_is_lost() -> None:
    table = Table()

    table.fault(FaultKind.GNSS_STEP, magnitude=-40.0)
    table.fly(2.0)
    frame = table.frames()[-1]
    stepped = table.last("gnss")
    table.fault(FaultKind.GNSS_FIX_LOST)
    table.fly(2.0)

    assert isinstance(stepped, hw.GnssReading)
    assert stepped.at is not None
    assert seconds_between(MissionTime(frame.at), MissionTime(stepped.at)) == pytest.approx(-40.0)
    assert table.last("gnss").quality is Quality.LOST


# --- on device ---


@pytest.mark.req("HWS-009")
def test_a_latch_up_draws_current_until_the_module_is_power_cycled() -> None:
    table = Table()
    vehicle = table.sim.world.crafts["node-1"].vehicle
    before_w = vehicle.load_w

    table.fault(FaultKind.COMPUTE_LATCHUP, magnitude=700.0, duration_s=None)
    table.fly(4_000.0)
    reading = table.last("compute")
    assert vehicle.load_w == pytest.approx(before_w + 700.0)
    assert isinstance(reading, hw.ComputeReading)
    assert reading.health is hw.ModuleHealth.OVER_CURRENT

    table.order("node-1", hw.UnitReset(unit="compute"))
    table.fly(2.0)
    reading = table.last("compute")
    assert vehicle.load_w == pytest.approx(before_w)
    assert isinstance(reading, hw.ComputeReading)
    assert (reading.health, table.active().active) == (hw.ModuleHealth.GOOD, ())


@pytest.mark.req("HWS-009")
def test_switching_the_module_off_ends_a_latch_up_too() -> None:
    table = Table()
    table.fault(FaultKind.COMPUTE_LATCHUP, magnitude=700.0, duration_s=None)

    table.order("node-1", hw.ComputePower(on=False))
    table.order("node-1", hw.ComputePower(on=True))

    assert table.active().active == ()


@pytest.mark.req("HWS-009")
def test_a_hung_unit_repeats_itself_and_takes_no_order_until_it_is_power_cycled() -> None:
    table = Table()
    table.fault(FaultKind.UNIT_HANG, unit="eps", duration_s=None)
    first = table.last("eps")

    table.order("node-1", hw.EpsSetProfile(profile=hw.LoadProfile.MINIMAL))
    table.fly(500.0)
    assert (table.last("eps"), table.sim.counters.refused) == (first, 1)

    table.order("node-1", hw.UnitReset(unit="eps"))
    table.order("node-1", hw.EpsSetProfile(profile=hw.LoadProfile.MINIMAL))
    table.fly(2.0)
    reading = table.last("eps")
    assert isinstance(reading, hw.EpsReading)
    assert (reading.profile, table.sim.counters.refused) == (hw.LoadProfile.MINIMAL, 1)


@pytest.mark.req("HWS-009")
def test_a_hung_terminal_drops_its_link_and_is_deaf_and_the_other_is_not() -> None:
    table = Table()
    _lock(table)

    table.fault(FaultKind.UNIT_HANG, unit="terminal", terminal=0, duration_s=None)
    table.order("node-1", hw.TerminalPoint(terminal=0, peer="node-3", peer_terminal=0))
    table.order("node-1", hw.TerminalPoint(terminal=1, peer="node-2", peer_terminal=0))
    table.fly(20.0)

    assert table.sim.counters.refused == 1
    assert table.sim.world.lasers.locks() == ()
    assert table.sim.world.lasers.terminals[TerminalKey("node-1", 1)].peer == TerminalKey("node-2", 0)


@pytest.mark.req("HWS-009")
def test_what_happens_at_once_happens_once() -> None:
    table = Table()
    craft = table.sim.world.crafts["node-1"]
    table.order("node-1", hw.ComputeAllocate(job_id="a", power_w=900.0))

    table.fault(FaultKind.MEMORY_ERROR)
    assert craft.radiation.uncorrectable == 1
    table.fault(FaultKind.COMPUTE_RESET)
    assert craft.vehicle.compute.allocated == {}
    table.fault(FaultKind.WATCHDOG_BITE)
    assert table.bites == ["node-1"]
    table.fault(FaultKind.BROWN_OUT)

    assert (craft.vehicle.compute.powered, craft.vehicle.load_profile) == (False, hw.LoadProfile.MINIMAL)
    assert (table.active().active, table.active().waiting) == ((), ())
    table.fly(2.0)
    reading = table.last("compute")
    assert isinstance(reading, hw.ComputeReading)
    assert (reading.powered, reading.uncorrectable, reading.health) == (False, 1, hw.ModuleHealth.GOOD)


@pytest.mark.req("HWS-009")
def test_a_lost_heater_is_switched_on_again() -> None:
    table = Table()
    vehicle = table.sim.world.crafts["node-1"].vehicle

    table.fault(FaultKind.BATTERY_HEATER_LOST)
    lost = vehicle.heater_on
    table.fly(400.0)

    assert (lost, vehicle.heater_on) == (False, True)


# --- on link ---


@pytest.mark.req("HWS-009")
def test_a_blocked_terminal_loses_its_link_and_acquires_nobody_until_it_is_free() -> None:
    table = Table()
    _lock(table)

    table.fault(FaultKind.LASER_BLOCKED, terminal=0, duration_s=150.0)
    assert _state(table) is PatState.LOST
    for node, peer in (("node-1", "node-3"), ("node-3", "node-1")):
        table.order(node, hw.TerminalPoint(terminal=0, peer=peer, peer_terminal=0))
    table.fly(149.0)
    assert table.sim.world.lasers.locks() == ()

    table.fly(100.0)
    assert len(table.sim.world.lasers.locks()) == 1


@pytest.mark.req("HWS-009")
def test_a_terminal_that_is_too_weak_has_no_link() -> None:
    table = Table()
    _lock(table)

    table.fault(FaultKind.TERMINAL_WEAK, terminal=0, magnitude=60.0)

    assert _state(table) is PatState.LOST
    assert table.sim.world.lasers.terminals[TerminalKey("node-1", 0)].loss_db == 60.0
    table.fly(400.0)
    assert table.sim.world.lasers.terminals[TerminalKey("node-1", 0)].loss_db == 0.0


@pytest.mark.req("HWS-009")
def test_a_space_link_can_be_late_slow_lossy_and_doubled() -> None:
    table = Table()
    whole = table.channels.spaces["node-4"]
    assert whole is not None

    table.fault(FaultKind.LINK_DELAY, node="node-4", magnitude=3.0, duration_s=60.0)
    table.fault(FaultKind.LINK_RATE, node="node-4", magnitude=9_600.0, duration_s=60.0)
    table.fault(FaultKind.LINK_LOSS, node="node-4", magnitude=0.5, duration_s=60.0)
    table.fault(FaultKind.LINK_LOSS, node="node-4", magnitude=0.5, duration_s=60.0, fault_id="more")
    table.fault(FaultKind.LINK_COPY, node="node-4", magnitude=0.1, duration_s=60.0)
    spoilt = table.channels.spaces["node-4"]
    table.fly(61.0)

    assert spoilt is not None
    assert spoilt.delay_s == pytest.approx(whole.delay_s + 3.0)
    assert [spoilt.rate_bps, spoilt.loss_frac, spoilt.copy_frac] == pytest.approx([9_600.0, 0.75, 0.1])
    healed = table.channels.spaces["node-4"]
    assert healed is not None
    assert (healed.rate_bps, healed.loss_frac, healed.copy_frac) == (whole.rate_bps, 0.0, 0.0)


@pytest.mark.req("HWS-009")
@pytest.mark.parametrize("kind", [FaultKind.BROKER_STOP, FaultKind.BROKER_PAUSE, FaultKind.STORAGE_FAIL])
def test_what_is_no_hardware_is_told_to_whoever_watches(kind: FaultKind) -> None:
    table = Table()
    heard: list[list[str]] = []
    board = table.sim.world.faults
    board.watch(lambda: heard.append([row.order.fault_id for row in board.report().active]))

    table.fault(kind, fault_id="x", duration_s=60.0)
    table.fly(61.0)

    assert heard == [["x"], []]


def _lock(table: Table) -> None:
    table.order("node-1", hw.TerminalPoint(terminal=0, peer="node-3", peer_terminal=0))
    table.order("node-3", hw.TerminalPoint(terminal=0, peer="node-1", peer_terminal=0))
    table.fly(200.0)
    assert _state(table) is PatState.TRACK
