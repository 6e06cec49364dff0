"""What a lock carries and what ends it: rates by range, weakness, fades, losses, the field of regard, power.

Minutes from the start: node-1 and node-3 see each other until 7.93 and again from 23.45 to 55.20; they are 3,600 km
apart when they lock, and 4,530 km when they part.
"""

import pytest

from hwsim import snapshot
from hwsim.config import HwsimConfig
from hwsim.errors import OrderRefusedError
from hwsim.models import optics
from hwsim.network import Gateway, LaserPath, paths
from hwsim.units.laser_terminal import LaserTerminal, TerminalKey
from icd import hw
from icd.faults import FaultKind
from icd.hw import PatState, TerminalReading
from icd.timebase import MissionTime, seconds_between
from tests.unit.hwsim.bench import EPOCH, Table, with_lasers

ONE, THREE = TerminalKey("node-1", 0), TerminalKey("node-3", 0)
QUIET: dict[str, object] = {"fades_per_h": 0.0, "losses_per_h": 0.0}


def _locked(settings: HwsimConfig | None = None, for_s: float = 200.0) -> Table:
    table = Table(settings or with_lasers(**QUIET))
    _point_both(table)
    table.fly(for_s)
    return table


def _point_both(table: Table, request_id: str = "a") -> None:
    table.order("node-1", hw.TerminalPoint(terminal=0, peer="node-3", peer_terminal=0), request_id)
    table.order("node-3", hw.TerminalPoint(terminal=0, peer="node-1", peer_terminal=0), request_id)


def _terminals(table: Table) -> tuple[LaserTerminal, LaserTerminal]:
    return table.sim.world.lasers.terminals[ONE], table.sim.world.lasers.terminals[THREE]


def _states(table: Table) -> list[PatState]:
    return [terminal.state for terminal in _terminals(table)]


def _told(table: Table, node: str) -> list[tuple[float, TerminalReading]]:
    """Return when terminal 0 was told of, and what."""
    return [
        (seconds_between(EPOCH, MissionTime(frame.at)), reading)
        for frame in table.frames(node)
        for reading in frame.readings
        if isinstance(reading, TerminalReading) and reading.terminal == 0
    ]


@pytest.mark.req("HWS-020")
def test_the_rate_steps_down_where_the_budget_says_and_both_ends_and_the_carriers_say_so() -> None:
    """100 Gbit/s and 200 Gbit/s part at 4,000 km with a little less light than the class has."""
    settings = with_lasers(**QUIET, transmit_w=4.0 * (4_000.0 / 4_760.0) ** 2)
    budget = optics.budget(settings.fleet.profile.lasers)

    table = _locked(settings, 470.0)

    steps = {}
    for node in ("node-1", "node-3"):
        told = [(at, reading) for at, reading in _told(table, node) if reading.state is PatState.TRACK]
        rates = sorted({reading.rate_bps for _, reading in told}, reverse=True)
        assert rates == [200e9, 100e9]
        first = next((at, reading) for at, reading in told if reading.rate_bps == 100e9)
        assert first[1].link is not None
        assert first[1].link.range_km == pytest.approx(budget.reaches_km()[3], abs=0.02)
        steps[node] = first[0]
    assert steps["node-1"] == steps["node-3"]
    assert table.channels.lasers[ONE, THREE].rate_bps == 100e9


@pytest.mark.req("HWS-020")
def test_a_weak_laser_lowers_the_rate_and_too_weak_a_one_ends_the_link_until_it_is_cured() -> None:
    table = _locked()
    lasers = table.sim.world.lasers
    assert [lock.rate_bps for lock in lasers.locks()] == [200e9]

    lasers.weaken(THREE, 3.0)
    assert [lock.rate_bps for lock in lasers.locks()] == [100e9]
    lasers.weaken(THREE, 40.0)
    assert lasers.locks() == ()
    assert _states(table) == [PatState.LOST, PatState.LOST]

    _point_both(table, "again")
    table.fly(60.0)
    assert lasers.locks() == ()
    lasers.weaken(THREE, 0.0)
    table.fly(60.0)
    assert [lock.rate_bps for lock in lasers.locks()] == [200e9]


def test_a_weakness_of_what_is_not_there_is_refused_and_a_blind_telescope_has_no_link() -> None:
    table = _locked()
    lasers = table.sim.world.lasers

    with pytest.raises(OrderRefusedError, match="no terminal 9"):
        lasers.weaken(TerminalKey("node-1", 9), 1.0)
    lasers.weaken(ONE, 300.0)

    assert lasers.locks() == ()


@pytest.mark.req("HWS-020")
def test_what_a_link_tells_agrees_with_the_geometry_at_both_ends() -> None:
    table = _locked()
    one, three = (terminal.truth(table.clock.now()).link for terminal in _terminals(table))

    assert one is not None
    assert three is not None
    assert (one.range_km, one.margin_db) == (three.range_km, three.margin_db)
    assert one.point_ahead_rad == pytest.approx(three.point_ahead_rad)
    assert 1e-6 < one.point_ahead_rad < 1e-4
    assert one.elevation_deg == pytest.approx(three.elevation_deg, abs=1.0)
    assert -20.0 < one.elevation_deg < -10.0
    assert one.azimuth_deg != pytest.approx(three.azimuth_deg, abs=1.0)
    assert table.channels.lasers[ONE, THREE].delay_s == pytest.approx(one.range_km / 299_792.458, abs=1e-3)


@pytest.mark.req("HWS-021")
def test_a_fade_stops_the_rate_at_both_ends_and_keeps_the_lock() -> None:
    table = _locked(with_lasers(fades_per_h=60.0, fade_s=20.0, losses_per_h=0.0), 470.0)

    stories = []
    for node in ("node-1", "node-3"):
        told = [(at, one) for at, one in _told(table, node) if one.state is PatState.TRACK]
        assert all(one.link is not None and (one.rate_bps == 0.0) == one.link.faded for _, one in told)
        faded = [(at, one.rate_bps > 0.0) for at, one in told]
        stories.append([step for before, step in zip([None, *faded], faded, strict=False) if before != step])
        assert {up for _, up in faded} == {True, False}
    changes = [[(at, up) for at, up in story if _is_change(story, at)] for story in stories]
    assert changes[0] == changes[1]
    assert [call for call in table.channels.calls if call[:2] == (ONE, THREE) and call[2] is False] == []


def _is_change(story: list[tuple[float, bool]], at: float) -> bool:
    place = next(index for index, step in enumerate(story) if step[0] == at)
    return place == 0 or story[place - 1][1] != story[place][1]


@pytest.mark.req("HWS-021")
def test_a_loss_of_tracking_ends_both_at_one_instant_and_the_peer_is_found_again_fast() -> None:
    table = _locked(with_lasers(fades_per_h=0.0, losses_per_h=40.0), 150.0)
    for locked in (True, False):
        while bool(table.sim.world.lasers.locks()) is not locked:
            table.fly(1.0)
    one, three = _terminals(table)
    assert _states(table) == [PatState.LOST, PatState.LOST]
    assert one.since == three.since
    assert seconds_between(EPOCH, one.since) < 470.0

    _point_both(table, "again")
    table.fly(20.0)

    assert one.turn_rad < 0.01
    for terminal in (one, three):
        assert terminal.draw_s is not None
        assert terminal.draw_s < 18.0
    assert [lock.a for lock in table.sim.world.lasers.locks()] == [ONE]


@pytest.mark.req("HWS-019")
def test_an_acquisition_that_fails_ends_at_the_limit_at_both_ends() -> None:
    """The least time stands so near the limit that one attempt in ten is one too many: some seed shows it soon."""
    for number in range(40):
        settings = with_lasers(**QUIET, acquire_min_s=39.0, acquire_median_s=39.0, acquire_limit_s=40.0)
        table = Table(settings.model_copy(update={"seed": number}))
        _point_both(table)
        table.fly(160.0)
        one, three = _terminals(table)
        if one.draw_s is None or three.draw_s is None:
            break
    else:
        raise AssertionError("no acquisition failed")

    assert _states(table) == [PatState.ACQUIRE, PatState.ACQUIRE]
    begun = max(one.since, three.since)
    table.fly(40.0 - seconds_between(begun, table.clock.now()) - 0.01)
    assert _states(table) == [PatState.ACQUIRE, PatState.ACQUIRE]
    table.fly(0.02)
    assert _states(table) == [PatState.LOST, PatState.LOST]


@pytest.mark.req("HWS-018")
def test_a_terminal_whose_peer_is_outside_its_field_of_regard_turns_to_the_edge_and_gives_up() -> None:
    """The line to node-3 runs 15 degrees below the horizontal; this drive reaches 10."""
    table = Table(with_lasers(**QUIET, elevation_min_deg=-10.0))

    _point_both(table)
    table.fly(170.0)

    one, _ = _terminals(table)
    assert _states(table) == [PatState.IDLE, PatState.IDLE]
    assert one.direction[2] == pytest.approx(-0.1736, abs=1e-4)
    states = [reading.state for _, reading in _told(table, "node-1")]
    assert PatState.LOST in states
    assert PatState.ACQUIRE not in states


@pytest.mark.req("HWS-018")
def test_a_turn_begins_where_the_last_pointing_was() -> None:
    """Told at the same instant, a terminal half way to one peer has less far to go back than one that arrived."""
    table = Table(with_lasers(**QUIET))
    _point_both(table)
    table.fly(30.0)
    one, _ = _terminals(table)
    assert one.state is PatState.SLEW

    table.order("node-1", hw.TerminalPoint(terminal=0, peer="node-3", peer_terminal=1), "other telescope, same node")
    half = one.turn_rad
    table.fly(300.0)
    table.order("node-1", hw.TerminalPoint(terminal=0, peer="node-3", peer_terminal=0), "back")

    assert one.turn_rad < 0.001 < half


@pytest.mark.req("HWS-022")
def test_what_terminals_draw_is_on_the_bus() -> None:
    table = Table(with_lasers(**QUIET))
    lasers, vehicle = table.sim.world.lasers, table.sim.world.crafts["node-1"].vehicle
    resting_w = vehicle.load_w
    assert lasers.power_w("node-1") == 2 * 15.0

    _point_both(table)
    assert vehicle.load_w == pytest.approx(resting_w + 90.0 - 15.0)
    table.fly(300.0)
    assert vehicle.load_w == pytest.approx(resting_w + 120.0 - 15.0)
    reading = table.last("eps")
    assert isinstance(reading, hw.EpsReading)
    assert reading.load_w == pytest.approx(vehicle.load_w)
    table.order("node-1", hw.TerminalStop(terminal=0))
    table.fly(10.0)
    assert vehicle.load_w == pytest.approx(resting_w)


def test_a_stuck_drive_stands_where_it_stopped() -> None:
    table = Table(with_lasers(**QUIET))
    _point_both(table)
    table.fly(30.0)
    one, _ = _terminals(table)

    table.fault(FaultKind.TERMINAL_STUCK, terminal=0, duration_s=60.0)
    table.fly(1.0)
    stood = one.origin
    table.fly(50.0)
    assert (one.state, one.origin) == (PatState.SLEW, stood)

    table.fly(30.0)
    assert one.state is PatState.SLEW
    table.fly(100.0)
    assert one.state in (PatState.ACQUIRE, PatState.TRACK)


@pytest.mark.req("HWS-010")
def test_links_go_on_after_a_restart_as_if_there_had_been_none() -> None:
    settings = with_lasers(fades_per_h=120.0, fade_s=5.0, losses_per_h=20.0)
    table = _locked(settings, 230.0)
    table.fault(FaultKind.TERMINAL_STUCK, node="node-4", terminal=1, after_s=20.0)
    saved = table.sim.snapshot()

    again = Table(settings, snapshot=snapshot.Snapshot(**{k: getattr(saved, k) for k in saved.__slots__}))
    for _ in range(20):
        table.fly(13.0)
        again.fly(13.0)
        assert again.sim.world.lasers.dump() == table.sim.world.lasers.dump()
        assert again.sim.world.lasers.locks() == table.sim.world.lasers.locks()


@pytest.mark.req("HWS-008")
def test_a_fading_link_is_gone_round_or_holds_what_is_sent() -> None:
    gateways = {"a": Gateway("fucino", 0.003, 1e12)}
    clear, faded = LaserPath(0.010, 4e11), LaserPath(0.010, 0.0)

    round_ = paths(("a", "b", "c"), gateways, [("a", "b", faded), ("b", "c", clear), ("a", "c", clear)])
    held = paths(("a", "b", "c"), gateways, [("a", "b", faded), ("b", "c", clear)])

    assert round_["b"] is not None
    assert (round_["b"].hops, round_["b"].rate_bps) == (("c", "a"), 4e11)
    assert held["c"] is not None
    assert (held["c"].hops, held["c"].rate_bps) == (("b", "a"), 0.0)
