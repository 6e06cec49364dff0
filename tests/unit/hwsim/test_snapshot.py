import json
from pathlib import Path

import pytest

from hwsim import snapshot
from hwsim.build import authority_of
from hwsim.errors import SnapshotError
from icd import codec, hw, topics
from icd.faults import FaultKind
from icd.timebase import TimeAuthority, seconds_between
from tests.unit.hwsim.bench import EPOCH, Table, config


def _busy_table() -> Table:
    table = Table()
    table.order("node-1", hw.TerminalPoint(terminal=0, peer="node-3", peer_terminal=0))
    table.order("node-3", hw.TerminalPoint(terminal=0, peer="node-1", peer_terminal=0))
    table.order("node-1", hw.ComputeAllocate(job_id="a", power_w=2_000.0))
    table.order("node-1", hw.WatchdogServe())
    table.fault(FaultKind.ARRAY_STRING_DEAD, magnitude=0.5, duration_s=100_000.0)
    table.fault(FaultKind.LINK_CUT, node="node-2", after_s=900.0, duration_s=100.0)
    table.fly(300.0)
    return table


@pytest.mark.req("HWS-010")
def test_a_world_comes_back_as_it_was(tmp_path: Path) -> None:
    table = _busy_table()
    snapshot.write(tmp_path / "world.json", table.sim.snapshot())

    again = Table(snapshot=snapshot.read(tmp_path / "world.json"))

    ours, theirs = table.sim.world.dump(), again.sim.world.dump()
    assert (theirs["lasers"], theirs["faults"]) == (ours["lasers"], ours["faults"])
    for node, craft in table.sim.world.crafts.items():
        assert again.sim.world.crafts[node].vehicle.dump() == craft.vehicle.dump()
    assert again.channels.lasers == table.channels.lasers
    assert again.channels.spaces == table.channels.spaces


@pytest.mark.req("HWS-010")
def test_a_world_that_was_away_catches_up_to_where_it_would_have_been() -> None:
    """Same session: mission time went on. The terminals' locks, the battery, the faults are as if never away."""
    table = _busy_table()
    saved = table.sim.snapshot()
    table.fly(2_000.0)
    frames = len(table.frames())

    again = Table(snapshot=saved, late_s=2_000.0)

    ours, theirs = table.sim.world, again.sim.world
    for node, craft in ours.crafts.items():
        craft.vehicle.settle()
        theirs.crafts[node].vehicle.settle()
        again_v, ours_v = theirs.crafts[node].vehicle, craft.vehicle
        assert again_v.battery.energy_wh == pytest.approx(ours_v.battery.energy_wh, rel=1e-12)
        assert again_v.battery.temp_k == pytest.approx(ours_v.battery.temp_k, rel=1e-12)
        assert again_v.chain.plate_c == pytest.approx(ours_v.chain.plate_c, rel=1e-10)
    assert [t.state for t in theirs.lasers.terminals.values()] == [t.state for t in ours.lasers.terminals.values()]
    assert frames > 60
    assert len(again.frames()) == 1


@pytest.mark.req("HWS-010")
def test_watchdogs_do_not_bite_for_the_simulators_own_absence() -> None:
    saved = _busy_table().sim.snapshot()

    again = Table(snapshot=saved, late_s=5_000.0)
    again.fly(590.0)
    assert again.bites == []

    again.fly(20.0)
    assert again.bites == ["node-1"]


def test_the_same_session_keeps_its_anchor_and_another_goes_on_from_the_snapshot() -> None:
    saved = _busy_table().sim.snapshot()

    same = authority_of(config(), saved, now_unix_ns=5_000)
    other = authority_of(config(session="s2", rate=10.0), saved, now_unix_ns=5_000)
    fresh = authority_of(config(anchor_unix_ns=77), None, now_unix_ns=5_000)

    assert (same.epoch, same.anchor_unix_ns, same.rate) == (EPOCH, 0, 60.0)
    assert (other.epoch, other.anchor_unix_ns, other.rate) == (saved.at, 5_000, 10.0)
    assert seconds_between(EPOCH, saved.at) == 300.0
    assert (fresh.epoch, fresh.anchor_unix_ns) == (EPOCH, 77)


def test_time_is_published_at_start_and_whenever_the_broker_comes_up() -> None:
    table = Table()
    table.sim.on_state(True)

    told = [codec.decode(payload, TimeAuthority) for topic, payload in table.link.sent if topic == topics.SIM_TIME]

    assert len(told) == 2
    assert (told[0].session, told[0].epoch, told[0].rate) == ("s1", EPOCH, 60.0)


@pytest.mark.req("HWS-010")
def test_a_file_torn_anywhere_is_refused_with_a_reason(tmp_path: Path) -> None:
    file = tmp_path / "world.json"
    snapshot.write(file, Table().sim.snapshot())
    whole = file.read_bytes()

    for size in [*range(0, 200, 7), *range(200, len(whole) - 1, 997), len(whole) - 2]:
        file.write_bytes(whole[:size])
        with pytest.raises(SnapshotError, match="torn"):
            snapshot.read(file)
    file.write_bytes(whole.replace(b"energy_wh", b"energy_xx"))
    with pytest.raises(SnapshotError, match="checksum"):
        snapshot.read(file)


@pytest.mark.req("HWS-010")
def test_a_crash_while_writing_leaves_the_snapshot_before(tmp_path: Path) -> None:
    file = tmp_path / "world.json"
    table = Table()
    snapshot.write(file, table.sim.snapshot())
    (tmp_path / "world.json.new").write_text("half a snap")

    assert snapshot.read(file).at == EPOCH
    table.fly(10.0)
    snapshot.write(file, table.sim.snapshot())
    assert snapshot.read(file).at == EPOCH + 10 * 10**9


def test_no_snapshot_and_another_version_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="none yet"):
        snapshot.read(tmp_path / "world.json")
    (tmp_path / "world.json").write_text(json.dumps({"version": 99, "sha256": "x"}) + "\n{}\n")
    with pytest.raises(SnapshotError, match="version 99"):
        snapshot.read(tmp_path / "world.json")


@pytest.mark.parametrize("spoil", ["crafts", "lasers", "faults"])
def test_a_snapshot_of_another_fleet_is_refused(spoil: str) -> None:
    saved = Table().sim.snapshot()
    saved.world[spoil] = {"node-9": {}} if spoil == "crafts" else []

    with pytest.raises(SnapshotError, match="not of this fleet"):
        Table(snapshot=saved)
