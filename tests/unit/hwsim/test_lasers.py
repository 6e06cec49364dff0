"""Pointing, acquisition, tracking and loss, on the first mission's geometry.

Minutes from the start: node-1 and node-3 see each other until 7.93 and again from 23.45 to 55.20;
node-1 and node-2 from 9.89 to 18.05.
"""

import pytest

from hwsim import network
from hwsim.network import Gateway, LaserPath
from hwsim.units.laser_terminal import TerminalKey
from icd import hw
from icd.hw import PatState
from icd.timebase import MissionTime, seconds_between
from tests.unit.hwsim.bench import EPOCH, Table

ONE, THREE = TerminalKey("node-1", 0), TerminalKey("node-3", 0)


def _point_both(table: Table) -> None:
    table.order("node-1", hw.TerminalPoint(terminal=0, peer="node-3", peer_terminal=0), "a")
    table.order("node-3", hw.TerminalPoint(terminal=0, peer="node-1", peer_terminal=0), "b")


def _states(table: Table, node: str) -> list[tuple[float, PatState]]:
    found: list[tuple[float, PatState]] = []
    for frame in table.frames(node):
        for reading in frame.readings:
            if isinstance(reading, hw.TerminalReading) and reading.terminal == 0 and reading.state is not None:
                at = seconds_between(EPOCH, MissionTime(frame.at))
                if not found or found[-1][1] is not reading.state:
                    found.append((at, reading.state))
    return found


@pytest.mark.req("HWS-006")
def test_two_terminals_lock_at_one_instant_and_part_when_sight_ends() -> None:
    table = Table()
    _point_both(table)

    table.fly(10 * 60.0)

    one, three = _states(table, "node-1"), _states(table, "node-3")
    names = [PatState.IDLE, PatState.SLEW, PatState.ACQUIRE, PatState.TRACK, PatState.LOST, PatState.IDLE]
    assert [state for _, state in one] == names
    assert [state for _, state in three] == names
    locked = next(at for at, state in one if state is PatState.TRACK)
    assert locked == next(at for at, state in three if state is PatState.TRACK)
    later = max(at for states in (one, three) for at, state in states if state is PatState.ACQUIRE)
    draws = [table.sim.world.lasers.terminals[key].draw_s or 0.0 for key in (ONE, THREE)]
    assert locked == pytest.approx(later + max(draws), abs=1e-3)
    assert 12.0 <= min(draws) <= max(draws) <= 100.0
    lost = next(at for at, state in one if state is PatState.LOST)
    assert lost / 60 == pytest.approx(7.93, abs=0.02)


@pytest.mark.req("HWS-006")
def test_the_data_ports_are_joined_while_locked_with_the_light_time() -> None:
    table = Table()
    _point_both(table)

    table.fly(300.0)
    assert list(table.channels.lasers) == [(ONE, THREE)]
    path = table.channels.lasers[ONE, THREE]
    assert 0.0005 < path.delay_s < 0.0181
    assert path.rate_bps == 200e9

    table.fly(300.0)
    assert table.channels.lasers == {}


@pytest.mark.req("HWS-006")
def test_a_stop_sends_both_to_lost_and_then_idle() -> None:
    table = Table()
    _point_both(table)
    table.fly(200.0)

    table.order("node-1", hw.TerminalStop(terminal=0))
    states = [table.sim.world.lasers.terminals[key].state for key in (ONE, THREE)]
    table.fly(6.0)

    assert states == [PatState.LOST, PatState.LOST]
    assert [table.sim.world.lasers.terminals[key].state for key in (ONE, THREE)] == [PatState.IDLE, PatState.IDLE]
    assert table.channels.lasers == {}


def test_the_same_order_again_changes_only_the_request_id() -> None:
    table = Table()
    _point_both(table)
    table.fly(200.0)

    table.order("node-1", hw.TerminalPoint(terminal=0, peer="node-3", peer_terminal=0), "again")
    table.fly(2.0)

    reading = table.last("terminal0")
    assert isinstance(reading, hw.TerminalReading)
    assert (reading.state, reading.request_id, reading.peer) == (PatState.TRACK, "again", "node-3")
    assert reading.rate_bps == 200e9


@pytest.mark.req("HWS-006")
def test_a_new_target_drops_the_old_peer() -> None:
    table = Table()
    _point_both(table)
    table.fly(200.0)

    table.order("node-1", hw.TerminalPoint(terminal=0, peer="node-2", peer_terminal=0))

    terminals = table.sim.world.lasers.terminals
    assert (terminals[ONE].state, terminals[THREE].state) == (PatState.SLEW, PatState.LOST)


def test_without_sight_a_pair_waits_and_then_locks_when_it_comes() -> None:
    table = Table()
    table.fly(6 * 60.0 + 30.0)
    table.order("node-1", hw.TerminalPoint(terminal=1, peer="node-2", peer_terminal=1))
    table.order("node-2", hw.TerminalPoint(terminal=1, peer="node-1", peer_terminal=1))

    table.fly(190.0)
    assert table.sim.world.lasers.terminals[TerminalKey("node-1", 1)].state is PatState.ACQUIRE

    table.fly(135.0)
    terminal = table.sim.world.lasers.terminals[TerminalKey("node-1", 1)]
    assert terminal.state is PatState.TRACK
    assert seconds_between(EPOCH, terminal.since) / 60 > 9.89 + 12 / 60


def test_a_terminal_whose_peer_never_answers_gives_up() -> None:
    table = Table()
    table.order("node-1", hw.TerminalPoint(terminal=0, peer="node-3", peer_terminal=0))

    table.fly(700.0)

    assert [state for _, state in _states(table, "node-1")][-2:] == [PatState.LOST, PatState.IDLE]


@pytest.mark.parametrize(
    ("terminal", "peer", "peer_terminal"), [(2, "node-3", 0), (0, "node-1", 1), (0, "node-9", 0), (0, "node-3", 2)]
)
def test_what_is_not_there_cannot_be_pointed(terminal: int, peer: str, peer_terminal: int) -> None:
    table = Table()

    table.order("node-1", hw.TerminalPoint(terminal=terminal, peer=peer, peer_terminal=peer_terminal))

    assert (table.sim.counters.refused, table.sim.counters.orders) == (1, 0)


@pytest.mark.req("HWS-008")
def test_a_path_is_a_station_or_the_shortest_chain_to_one() -> None:
    gateways = {"d": Gateway("fucino", 0.003, 1e12)}
    lasers = [
        ("a", "b", LaserPath(0.010, 4e11)),
        ("b", "d", LaserPath(0.012, 2e11)),
        ("c", "d", LaserPath(0.001, 4e11)),
    ]

    found = network.paths(("a", "b", "c", "d", "e"), gateways, lasers)

    direct, near, far = found["d"], found["b"], found["a"]
    assert direct is not None
    assert near is not None
    assert far is not None
    assert (direct.hops, near.hops, far.hops) == ((), ("d",), ("b", "d"))
    assert [direct.delay_s, far.delay_s] == pytest.approx([0.023, 0.023 + 0.012 + 0.010 + 0.002])
    assert (direct.rate_bps, far.rate_bps) == (1e12, 2e11)
    assert far.station == "fucino"
    assert found["e"] is None


@pytest.mark.req("HWS-008")
def test_paths_come_and_go_with_stations_and_locks() -> None:
    """node-4 is over Gough until 6.51 min; node-1 comes over Fucino at 1.01 min and node-3 has only lasers."""
    table = Table()
    assert table.channels.spaces["node-1"] is None
    assert table.channels.spaces["node-4"] is not None

    _point_both(table)
    table.fly(55.0)
    assert table.channels.spaces["node-3"] is None
    table.fly(245.0)
    chain = table.channels.spaces["node-3"]
    assert chain is not None
    assert (chain.hops, chain.station) == (("node-1",), "fucino")
    table.fly(210.0)
    assert table.channels.spaces["node-1"] is None
    assert table.channels.spaces["node-3"] is None
