"""Faults that wait: for an event, for the nth, for chance; and a world that comes back in mid fault."""

import statistics

import pytest

from hwsim.errors import FaultRefusedError
from hwsim.faults import FaultBoard
from hwsim.kernel import Kernel
from icd import hw
from icd.faults import FAULTS_MAX, FaultEvent, FaultKind, FaultOrder
from icd.hw import PatState
from icd.timebase import MissionTime, after, seconds_between
from tests.unit.hwsim.bench import EPOCH, Table

DAY_S = 86_400.0


class Board:
    """A board alone, and the instants at which it struck and healed."""

    def __init__(self, seed: int = 7) -> None:
        self.kernel = Kernel(MissionTime(0))
        self.changes: list[tuple[float, int]] = []
        self.struck: dict[str, list[float]] = {}
        self.board = FaultBoard(self.kernel, {"node-1": 2, "node-2": 2}, seed, self._on_change, self._on_strike)

    def _on_change(self, node: str) -> None:
        self.changes.append((self.kernel.now / 1e9, len(self.board.report().active)))

    def _on_strike(self, order: FaultOrder) -> None:
        self.struck.setdefault(order.fault_id, []).append(self.kernel.now / 1e9)

    def order(self, fault_id: str, kind: FaultKind = FaultKind.LINK_CUT, **fields: object) -> None:
        base = {"fault_id": fault_id, "kind": kind, "node": "node-1"}
        self.board.order(FaultOrder.model_validate(base | fields), MissionTime(0))
        self.fly(0.0)

    def fly(self, span_s: float) -> None:
        self.kernel.advance_to(after(self.kernel.now, span_s))

    def note(self, event: FaultEvent, node: str = "node-1", terminal: int | None = None) -> None:
        self.board.note(node, event, terminal)
        self.fly(1.0)


@pytest.mark.req("HWS-023")
def test_a_fault_strikes_at_the_nth_event_after_it_was_armed_and_at_each_one_after_that() -> None:
    table = Board()
    table.order("f", after_s=5.0, on_event="ECLIPSE_IN", nth=2, times=2, duration_s=10.0)

    table.note(FaultEvent.ECLIPSE_IN)  # before it was armed
    table.fly(9.0)
    table.note(FaultEvent.ECLIPSE_OUT)
    table.note(FaultEvent.ECLIPSE_IN, node="node-2")
    table.note(FaultEvent.ECLIPSE_IN)
    assert table.changes == []
    table.note(FaultEvent.ECLIPSE_IN)  # at 13 s: the second
    table.note(FaultEvent.ECLIPSE_IN)  # while it lasts
    table.fly(20.0)
    table.note(FaultEvent.ECLIPSE_IN)
    table.fly(20.0)
    table.note(FaultEvent.ECLIPSE_IN)

    assert table.changes == [(13.0, 1), (23.0, 0), (35.0, 1), (45.0, 0)]
    assert table.board.report().waiting == ()


@pytest.mark.req("HWS-023")
def test_a_lock_of_another_terminal_is_not_the_one_that_is_waited_for() -> None:
    table = Board()
    table.order("f", FaultKind.TERMINAL_STUCK, terminal=1, on_event="LASER_LOCKED", duration_s=5.0)

    table.note(FaultEvent.LASER_LOCKED, terminal=0)
    assert table.changes == []
    table.note(FaultEvent.LASER_LOCKED, terminal=1)

    assert table.changes == [(1.0, 1)]


@pytest.mark.req("HWS-023")
def test_chance_strikes_as_often_as_ordered_and_no_more_than_its_times() -> None:
    seed = 11
    table = Board(seed)

    table.order("often", FaultKind.MEMORY_ERROR, rate_per_day=50.0, times=2_000)
    table.order("twice", FaultKind.MEMORY_ERROR, rate_per_day=50.0, times=2)
    table.fly(30.0 * DAY_S)

    strikes = table.struck["often"]
    gaps_s = [b - a for a, b in zip([0.0, *strikes], strikes, strict=False)]
    mean_s = DAY_S / 50.0
    assert len(strikes) == pytest.approx(1_500, abs=4.0 * 1_500**0.5), seed
    assert statistics.fmean(gaps_s) == pytest.approx(mean_s, rel=0.1), seed
    assert statistics.pstdev(gaps_s) == pytest.approx(mean_s, rel=0.15), seed  # of an exponential: the mean
    assert len(table.struck["twice"]) == 2


@pytest.mark.req("HWS-023")
def test_one_fault_more_moves_no_others_draws() -> None:
    alone, beside = Board(), Board()

    alone.order("a", FaultKind.MEMORY_ERROR, rate_per_day=20.0, times=50)
    beside.order("b", FaultKind.MEMORY_ERROR, rate_per_day=20.0, times=50)
    beside.order("a", FaultKind.MEMORY_ERROR, rate_per_day=20.0, times=50)
    for one in (alone, beside):
        one.fly(DAY_S)

    assert alone.struck["a"] == beside.struck["a"]
    assert beside.struck["a"] != beside.struck["b"]
    assert Board(8).struck == {}


def test_a_strike_that_lasts_is_absorbed_by_the_one_before() -> None:
    table = Board()

    table.order("f", rate_per_day=5_000.0, times=3, duration_s=3_600.0)
    table.fly(DAY_S)

    begins = [at for at, count in table.changes if count == 1]
    ends = [at for at, count in table.changes if count == 0]
    assert [round(end - begin, 6) for begin, end in zip(begins, ends, strict=True)] == [3_600.0] * 3
    assert all(later > end for end, later in zip(ends, begins[1:], strict=False))


def test_a_fault_without_an_end_lasts_until_it_is_cured() -> None:
    table = Board()
    table.order("f", FaultKind.COMPUTE_HANG, on_event="SAA_IN", times=2)

    table.note(FaultEvent.SAA_IN)
    table.fly(40.0 * DAY_S)
    assert [row.until for row in table.board.report().active] == [None]
    table.board.cure("node-1", "eps")
    assert len(table.board.report().active) == 1
    table.board.cure("node-1", "compute")
    table.note(FaultEvent.SAA_IN)

    assert [count for _, count in table.changes] == [1, 0, 1]


def test_a_board_that_is_full_refuses() -> None:
    table = Board()
    for number in range(FAULTS_MAX):
        table.order(f"f{number}", after_s=9.0, duration_s=1.0)

    with pytest.raises(FaultRefusedError, match="64 faults wait or last already; let some end"):
        table.order("one-more", duration_s=1.0)


@pytest.mark.req("HWS-023")
@pytest.mark.slow
def test_the_world_tells_of_light_stations_lasers_and_the_anomaly() -> None:
    table = Table()
    for event in FaultEvent:
        table.fault(FaultKind.FRAME_DROP, fault_id=event.value.lower(), on_event=event, duration_s=1.0)

    table.order("node-1", hw.TerminalPoint(terminal=0, peer="node-3", peer_terminal=0))
    table.order("node-3", hw.TerminalPoint(terminal=0, peer="node-1", peer_terminal=0))
    table.fly(12.0 * 3600.0)

    assert [order.fault_id for order in table.active().waiting] == []
    terminal = next(iter(table.sim.world.lasers.terminals.values()))
    assert terminal.state is not PatState.TRACK


@pytest.mark.req("HWS-023")
def test_an_eclipse_strikes_at_its_edge() -> None:
    table = Table()
    vehicle = table.sim.world.crafts["node-1"].vehicle

    table.fault(FaultKind.LINK_CUT, on_event="ECLIPSE_IN", duration_s=60.0)
    while vehicle.sunlit_frac == 1.0:
        assert table.active().active == ()
        table.fly(1.0)

    (row,) = table.active().active
    assert 0.0 <= seconds_between(MissionTime(row.since), table.clock.now()) <= 1.0


@pytest.mark.req("HWS-010")
@pytest.mark.slow
def test_a_world_that_comes_back_in_mid_fault_goes_on_alike() -> None:
    """What waits, what lasts, what is stuck and late, what chance will do: as if never away."""
    table = Table()
    table.fault(FaultKind.SENSOR_STUCK, unit="eps", duration_s=2_000.0)
    table.fault(FaultKind.SENSOR_DELAY, unit="thermal", magnitude=300.0, duration_s=2_000.0)
    table.fault(FaultKind.VALUE_NOISE, unit="compute", field="power_w", magnitude=50.0, duration_s=5_000.0)
    table.fault(FaultKind.UNIT_HANG, unit="gnss", duration_s=None)
    table.fault(FaultKind.COMPUTE_LATCHUP, magnitude=300.0, duration_s=4_000.0)
    table.fault(FaultKind.MEMORY_ERROR, rate_per_day=200.0, times=100)
    table.fault(FaultKind.LINK_CUT, on_event="ECLIPSE_OUT", nth=2, times=3, duration_s=600.0)
    table.fly(700.0)
    saved = table.sim.snapshot()

    again = Table(snapshot=saved)
    for _ in range(40):
        for one in (table, again):
            one.fly(200.0)
        assert again.active().model_copy(update={"latest": "", "at": 0}) == table.active().model_copy(
            update={"latest": "", "at": 0}
        )
        ours, theirs = table.sim.world.crafts["node-1"], again.sim.world.crafts["node-1"]
        assert theirs.radiation.uncorrectable == ours.radiation.uncorrectable
        assert theirs.vehicle.load_w == pytest.approx(ours.vehicle.load_w)
        for name in ("eps", "gnss"):
            if ours.sensors[name].faults:
                assert again.last(name) == table.last(name)

    assert table.sim.world.crafts["node-1"].radiation.uncorrectable > 5
    assert seconds_between(EPOCH, table.clock.now()) == pytest.approx(8_700.0)
