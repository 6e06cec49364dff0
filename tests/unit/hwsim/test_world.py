"""One satellite's day, and what leaves it as frames."""

import itertools

import pytest

from astro import shadow
from astro.contacts import Interval
from astro.orbit import Ephemeris
from hwsim.kernel import Kernel
from hwsim.spans import LightBook, SpanBook
from hwsim.units.watchdog import Watchdog
from icd import codec, hw
from icd.hw import HEARTBEAT_S, LoadProfile, Quality
from icd.timebase import MissionTime, after, seconds_between
from tests.unit.hwsim.bench import EPOCH, NODES, RATE, Table, config, fleet


@pytest.mark.req("HWS-004")
def test_light_steps_through_both_halves_of_a_penumbra() -> None:
    element = fleet().elements[0]
    book = LightBook(Ephemeris(element.line1, element.line2))
    at, seen = EPOCH, [book.frac(EPOCH)]
    while len(seen) < 8:
        at = book.next_change(at)
        if book.frac(at) != seen[-1]:
            seen.append(book.frac(at))

    light = shadow.PENUMBRA_LIGHT_HALF_FRAC
    assert seen[:8] == [1.0, light, 1 - light, 0.0, 1 - light, light, 1.0, light]


def test_light_known_from_any_moment_is_the_same() -> None:
    element = fleet().elements[0]
    ephemeris = Ephemeris(element.line1, element.line2)
    steady = LightBook(ephemeris)

    for minute in range(0, 1_440, 7):
        at = after(EPOCH, minute * 60.0)
        assert LightBook(ephemeris).frac(at) == steady.frac(at)


def test_a_span_over_the_edge_of_a_chunk_stays_one() -> None:
    hour = 3_600 * 10**9
    start = EPOCH // (6 * hour) * 6 * hour
    whole = [(start + 5 * hour, start + 7 * hour), (start + 11 * hour, start + 13 * hour)]

    def compute(low: MissionTime, high: MissionTime) -> tuple[Interval, ...]:
        cut = [(max(a, low), min(b, high)) for a, b in whole]
        return tuple(Interval(MissionTime(a), MissionTime(b)) for a, b in cut if a < b)

    book = SpanBook(compute)

    span = book.covering(MissionTime(start + 5 * hour + 1))
    assert span is not None
    assert (span.start, span.end) == whole[0]
    assert book.next_change(MissionTime(start + 5 * hour)) == whole[0][1]
    assert book.covering(MissionTime(whole[0][1])) is None
    later = book.covering(MissionTime(start + 12 * hour))
    assert later is not None
    assert (later.start, later.end) == whole[1]


def test_an_empty_battery_sheds_all_that_can_be_shed() -> None:
    table = Table(config(soc_start_frac=dict.fromkeys(NODES, 0.02)))

    table.fly(30 * 60.0)

    reading = table.last("eps")
    assert isinstance(reading, hw.EpsReading)
    assert reading.profile is LoadProfile.MINIMAL
    compute = table.last("compute")
    assert isinstance(compute, hw.ComputeReading)
    assert compute.powered is False
    assert table.sim.world.crafts["node-1"].vehicle.brown_outs >= 1


@pytest.mark.req("HWS-005")
def test_a_full_frame_leaves_every_thirty_seconds_and_charge_does_not_flood() -> None:
    table = Table()

    table.fly(3 * 3_600.0)

    frames = table.frames()
    full = [frame for frame in frames if len(frame.readings) == 7]
    gaps = [seconds_between(MissionTime(a.at), MissionTime(b.at)) for a, b in itertools.pairwise(full)]
    assert max(gaps) <= HEARTBEAT_S + RATE / hw.FRAMES_PER_S_MAX
    assert len(frames) < 1.2 * 3 * 3_600.0 / HEARTBEAT_S
    assert [frame.counter for frame in frames] == list(range(len(frames)))


@pytest.mark.req("HWS-005")
def test_orders_of_one_instant_are_told_in_one_frame_and_frames_keep_their_distance() -> None:
    table = Table()
    table.fly(10.0)
    before = len(table.frames())

    for number in range(40):
        table.order("node-1", hw.ComputeAllocate(job_id=f"j{number}", power_w=10.0))
        table.fly(0.05)
    table.fly(5.0)

    frames = table.frames()[before:]
    gaps = [seconds_between(MissionTime(a.at), MissionTime(b.at)) for a, b in itertools.pairwise(frames)]
    assert len(frames) <= 4
    assert min(gaps) >= RATE / hw.FRAMES_PER_S_MAX - 1e-6
    assert frames[-1].readings[-1].unit == "compute"


def test_charge_leaves_its_deadband_between_heartbeats() -> None:
    """At 30 kW the charge moves by 0.005 of 10 kWh in six seconds."""
    settings = config()
    battery = settings.fleet.profile.battery.model_copy(update={"capacity_wh": 10_000.0})
    small = settings.fleet.profile.model_copy(update={"battery": battery})
    fleet_small = settings.fleet.model_copy(update={"profile": small})
    table = Table(config(fleet=fleet_small, soc_start_frac=dict.fromkeys(NODES, 0.3)))

    table.fly(25.0)

    charges = [r.soc_frac for f in table.frames() for r in f.readings if isinstance(r, hw.EpsReading)]
    assert len(charges) >= 4
    steps = [b - a for a, b in itertools.pairwise(charges) if a is not None and b is not None]
    assert steps == pytest.approx([0.005] * len(steps), abs=1e-6)


@pytest.mark.req("HWS-007")
def test_a_watchdog_bites_once_and_only_after_it_was_served() -> None:
    kernel, bites = Kernel(EPOCH), list[int]()
    watchdog = Watchdog(kernel, 1.0, lambda: bites.append(kernel.now))
    kernel.advance_to(after(EPOCH, 1_000.0))
    assert bites == []

    watchdog.serve()
    kernel.advance_to(after(EPOCH, 1_100.0))
    watchdog.serve()
    kernel.advance_to(after(EPOCH, 9_000.0))

    assert bites == [after(EPOCH, 1_220.0)]
    assert watchdog.truth(kernel.now).remaining_s is None
    assert watchdog.truth(kernel.now).bites == 1


@pytest.mark.req("HWS-007")
def test_at_sixty_times_the_watchdog_waits_ten_seconds_of_wall_time() -> None:
    table = Table()
    table.order("node-2", hw.WatchdogServe())

    table.fly(599.0)
    assert table.bites == []

    table.fly(2.0)
    assert table.bites == ["node-2"]
    reading = table.last("watchdog", "node-2")
    assert isinstance(reading, hw.WatchdogReading)
    assert (reading.bites, reading.remaining_s) == (1, None)


def test_orders_change_what_is_drawn() -> None:
    table = Table()
    table.order("node-1", hw.ComputeAllocate(job_id="a", power_w=5_000.0))
    table.order("node-1", hw.ComputeAllocate(job_id="a", power_w=5_000.0))
    table.order("node-1", hw.ComputeSetCap(cap_w=3_000.0))
    table.order("node-1", hw.EpsSetProfile(profile=LoadProfile.REDUCED))
    table.fly(2.0)

    compute, eps = table.last("compute"), table.last("eps")
    assert isinstance(compute, hw.ComputeReading)
    assert isinstance(eps, hw.EpsReading)
    assert (compute.power_w, compute.allocated, compute.throttle_reasons) == (3_000.0, ("a",), 4)
    assert eps.load_w == pytest.approx(12_000.0 + 2 * 15.0)

    table.order("node-1", hw.ComputeReleaseAll())
    table.order("node-1", hw.ComputePower(on=False))
    table.order("node-1", hw.ComputeAllocate(job_id="b", power_w=1.0))
    table.fly(2.0)
    compute = table.last("compute")
    assert isinstance(compute, hw.ComputeReading)
    assert (compute.powered, compute.power_w, compute.allocated) == (False, 0.0, ())
    assert table.sim.counters.refused == 1


@pytest.mark.req("HWS-012")
@pytest.mark.parametrize("payload", [b"", b"\x00", b"\xc1" * 40, b"\x93\x01\xaadevice_cmd\x80", b"x" * 600_000])
def test_garbage_is_counted_and_changes_nothing(payload: bytes) -> None:
    table = Table()
    before = table.sim.world.dump()

    for topic in ("av/node-1/cmd", "sim/fault", "av/node-9/cmd", "nonsense", "av/node-1/frame"):
        table.sim.on_message(topic, payload)

    assert table.sim.counters.rejected == 5
    assert table.sim.world.dump() == before


@pytest.mark.req("HWS-012")
def test_a_command_on_another_nodes_topic_is_rejected() -> None:
    table = Table()
    command = hw.DeviceCommand(node="node-2", request_id="r", order=hw.ComputePower(on=False))

    table.sim.on_message("av/node-1/cmd", codec.encode(command))

    assert (table.sim.counters.rejected, table.sim.counters.orders) == (1, 0)


@pytest.mark.req("HWS-011")
def test_same_seed_and_orders_give_the_same_bytes() -> None:
    def history(seed: int) -> list[tuple[str, bytes]]:
        table = Table(config(seed=seed))
        for index, node in enumerate(NODES):
            peer = NODES[(index + 2) % 4]
            table.order(node, hw.TerminalPoint(terminal=0, peer=peer, peer_terminal=0))
        table.fly(3_000.0)
        return table.link.sent

    assert history(7) == history(7)
    assert history(7) != history(8)


def test_the_receiver_knows_time_place_and_station() -> None:
    table = Table()
    table.fly(63.0)  # node-1 rises over Fucino at 60.6 s

    reading = table.last("gnss")

    assert isinstance(reading, hw.GnssReading)
    assert reading.quality is Quality.GOOD
    assert reading.ground_in_view is True
    element = fleet().elements[0]
    assert reading.at is not None
    truth = Ephemeris(element.line1, element.line2).position(MissionTime(reading.at))
    assert reading.position_km == pytest.approx(truth, abs=0.03)
    assert reading.position_km != truth
