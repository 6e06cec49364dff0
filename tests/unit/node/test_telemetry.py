"""Telemetry: newest values as they are, and every report until the ground has it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icd.codec import decode, encode
from icd.events import OUTBOX_BATCH_MAX, EventReport, OutboxAck, OutboxBatch, Severity
from icd.hk import Hk, HkSample, unpack
from icd.hw import ComputeReading, EpsReading, GnssReading, LoadProfile, Quality, ThermalReading
from icd.tc import Ping, PowerMode, SetHkInterval
from icd.timebase import after
from icd.verification import Refusal, Stage
from node.adapters.memory_store import MemoryStore
from node.apps.telemetry.app import TelemetryApp, TelemetryOptions
from node.apps.telemetry.downlink import BATCHES_IN_FLIGHT_MAX, RESEND_WALL_S, Downlink, poll_interval_s
from node.kernel.bus import BusCounters
from node.messages import (
    AvionicsChanged,
    ComputeUpdated,
    EpsUpdated,
    GnssUpdated,
    IslStatusChanged,
    LinkChanged,
    ModeReason,
    PowerModeChanged,
    QueueChanged,
    TcAnswered,
    TcCounted,
    TelemetryTc,
    ThermalUpdated,
    UplinkReceived,
)
from tests.unit.node.harness import EPOCH, Bench, BenchLink
from tests.unit.node.stores import OUTBOX_ID, Disk, memory_store

OPTIONS = TelemetryOptions(node="node-a", boot_count=3, sandbox="landlock-7", hk_interval_s=30.0, poll_s=5.0)


def bus_counters() -> BusCounters:
    return BusCounters(dispatched=9, dropped=2, depth_peak=5, last_culprit="")


class Desk:
    """A telemetry app on a bench, with a link and a store."""

    def __init__(self, *, up: bool = True, store: MemoryStore | None = None, rate: float = 1.0) -> None:
        self.disk = Disk()
        self.store = store or memory_store(self.disk)
        self.link = BenchLink(up)
        self.bench = Bench(rate)
        self.app = self.bench.add(
            "telemetry",
            lambda kernel: TelemetryApp(kernel, self.link, self.store, self.store, bus_counters, OPTIONS),
        )
        self.bench.boot()

    def events(self, count: int) -> None:
        for number in range(count):
            self.event(f"e{number}")

    def event(self, detail: str, severity: Severity = Severity.INFO) -> None:
        self.store.append_event(
            EventReport(event_id="LINK_UP", severity=severity, at=EPOCH, app="power", fields={"detail": detail})
        )

    def batches(self) -> list[OutboxBatch]:
        return [decode(payload, OutboxBatch) for payload in self.link.take("report")]

    def samples(self) -> list[HkSample]:
        return [unpack(decode(payload, Hk)) for payload in self.link.take("hk")]

    def ack(self, *batches: OutboxBatch, outbox_id: str = OUTBOX_ID) -> None:
        for batch in batches:
            ack = OutboxAck(outbox_id=outbox_id, seqs=tuple(item.seq for item in batch.items))
            self.bench.say(UplinkReceived("ack", encode(ack)))

    def set_link(self, up: bool) -> None:
        self.link.up = up
        self.bench.say(LinkChanged(up))


def seqs(batch: OutboxBatch) -> list[int]:
    return [item.seq for item in batch.items]


def eps(quality: Quality = Quality.GOOD) -> EpsReading:
    soc = 0.7 if quality is Quality.GOOD else None
    return EpsReading(
        quality=quality,
        soc_frac=soc,
        battery_wh=soc,
        solar_w=soc,
        load_w=soc,
        sunlit_frac=soc,
        profile=LoadProfile.FULL if soc else None,
        pack_temp_c=None,
        health_frac=None,
    )


# --- housekeeping ---


@pytest.mark.req("TLM-001")
def test_a_sample_holds_the_newest_of_everything() -> None:
    desk = Desk()
    desk.bench.say(
        PowerModeChanged(PowerMode.NOMINAL, PowerMode.ECLIPSE, ModeReason.ECLIPSE),
        EpsUpdated(EPOCH, eps()),
        ThermalUpdated(
            EPOCH, ThermalReading(quality=Quality.GOOD, module_temp_c=41.0, loop_temp_c=None, radiator_temp_c=None)
        ),
        ComputeUpdated(
            EPOCH,
            ComputeReading(
                quality=Quality.GOOD,
                powered=True,
                power_w=900.0,
                cap_w=1000.0,
                allocated=("j1",),
                throttle_reasons=0,
                clock_mhz=None,
                die_temp_c=None,
            ),
        ),
        GnssUpdated(
            EPOCH, GnssReading(quality=Quality.GOOD, at=after(EPOCH, -0.5), position_km=None, ground_in_view=True)
        ),
        QueueChanged(queued=2, running=("j1", "j2"), progress_frac=0.25, hold_reason="POWER_CAP"),
        IslStatusChanged(lasers="0:TRACK:node-b:1000", handoffs=4),
        TcCounted(accepted=7, rejected=1),
    )
    desk.events(2)
    desk.samples()

    desk.bench.advance(30.0)

    [sample] = desk.samples()
    assert sample == HkSample(
        mode="ECLIPSE",
        mode_reason="ECLIPSE",
        boot_count=3,
        sunlit_frac=0.7,
        soc_frac=0.7,
        battery_wh=0.7,
        solar_w=0.7,
        load_w=0.7,
        compute_w=900.0,
        compute_cap_w=1000.0,
        module_temp_c=41.0,
        clock_error_s=0.5,
        jobs_queued=2,
        jobs_running="j1,j2",
        job_progress_frac=0.25,
        hold_reason="POWER_CAP",
        lasers="0:TRACK:node-b:1000",
        handoffs=4,
        outbox_rows=2,
        tc_accepted=7,
        tc_rejected=1,
        bus_depth_peak=5,
        bus_dropped=2,
        sandbox="landlock-7",
    )


@pytest.mark.req("TLM-001")
def test_lost_readings_are_none_and_never_an_old_number() -> None:
    desk = Desk()
    desk.bench.say(EpsUpdated(EPOCH, eps()), EpsUpdated(EPOCH, eps(Quality.LOST)))
    desk.bench.say(
        ThermalUpdated(
            EPOCH, ThermalReading(quality=Quality.GOOD, module_temp_c=41.0, loop_temp_c=None, radiator_temp_c=None)
        )
    )
    desk.bench.say(AvionicsChanged(alive=False))
    desk.samples()

    desk.bench.advance(30.0)

    [sample] = desk.samples()
    assert (sample.soc_frac, sample.module_temp_c) == (None, None)


@pytest.mark.req("TLM-002")
def test_housekeeping_keeps_its_interval_while_the_link_is_up_and_counts_its_packets() -> None:
    desk = Desk()
    desk.bench.advance(95.0)

    packets = [decode(payload, Hk) for payload in desk.link.take("hk")]

    assert [packet.counter for packet in packets] == [0, 1, 2, 3]
    desk.set_link(False)
    desk.bench.advance(300.0)
    assert desk.link.sent == []


@pytest.mark.req("TLM-002")
def test_a_sample_leaves_at_once_when_the_link_comes() -> None:
    desk = Desk(up=False)

    desk.set_link(True)

    assert len(desk.samples()) == 1
    assert desk.bench.event_ids() == ["LINK_UP"]
    desk.set_link(False)
    assert desk.bench.event_ids() == ["LINK_UP", "LINK_DOWN"]


@pytest.mark.req("TLM-003")
def test_a_commanded_interval_counts_at_once_and_survives_a_reset() -> None:
    desk = Desk()
    desk.bench.say(TelemetryTc("r1", SetHkInterval(interval_s=10.0)))
    desk.samples()

    desk.bench.advance(31.0)
    assert desk.bench.said(TcAnswered) == [TcAnswered("r1", Stage.COMPLETED)]
    assert len(desk.samples()) == 3
    after_reset = Desk(store=desk.store)
    after_reset.samples()
    after_reset.bench.advance(31.0)

    assert len(after_reset.samples()) == 3


@pytest.mark.req("TLM-003")
def test_an_interval_that_cannot_be_stored_is_refused_and_the_old_one_stays() -> None:
    desk = Desk()
    desk.disk.full = True

    desk.bench.say(TelemetryTc("r1", SetHkInterval(interval_s=1.0)))

    [answer] = desk.bench.said(TcAnswered)
    assert (answer.stage, answer.reason) == (Stage.FAILED, Refusal.STORAGE_FULL)
    assert desk.bench.event_ids() == ["STORAGE_FAILED"]
    assert desk.bench.timer_due_s("telemetry", "hk") == pytest.approx(30.0)


@pytest.mark.req("TLM-003")
@pytest.mark.parametrize("text", ["not a number", "-5", "nan", "1e9", "inf"])
def test_a_stored_interval_that_makes_no_sense_gives_way_to_the_configured_one(text: str) -> None:
    store = memory_store(Disk())
    store.set_setting("hk_interval_s", text)

    assert Desk(store=store).bench.timer_due_s("telemetry", "hk") == pytest.approx(30.0)


@pytest.mark.req("TLM-004")
def test_a_ping_is_answered() -> None:
    desk = Desk()

    desk.bench.say(TelemetryTc("r1", Ping()))

    assert desk.bench.said(TcAnswered) == [TcAnswered("r1", Stage.COMPLETED)]


# --- the outbox ---


@pytest.mark.req("TLM-005")
def test_reports_of_other_apps_leave_with_the_next_look_and_are_forgotten_when_acknowledged() -> None:
    desk = Desk()
    desk.events(3)

    desk.bench.advance(5.0)
    [batch] = desk.batches()
    assert (batch.node, batch.outbox_id, seqs(batch)) == ("node-a", OUTBOX_ID, [1, 2, 3])
    assert desk.store.outbox_rows() == 3
    desk.ack(batch)

    assert desk.store.outbox_rows() == 0
    desk.bench.advance(60.0)
    assert desk.batches() == []


@pytest.mark.req("TLM-005")
def test_urgent_reports_leave_before_older_ones() -> None:
    desk = Desk(up=False)
    desk.event("old")
    desk.event("urgent", Severity.HIGH)

    desk.set_link(True)

    assert seqs(desk.batches()[0]) == [2, 1]


@pytest.mark.req("TLM-006")
def test_no_more_than_a_window_of_batches_is_on_its_way_and_each_ack_lets_the_next_go() -> None:
    desk = Desk(up=False)
    desk.events(OUTBOX_BATCH_MAX * 6)

    desk.set_link(True)
    first = desk.batches()
    assert len(first) == BATCHES_IN_FLIGHT_MAX
    desk.ack(first[0])
    [second] = desk.batches()

    assert not set(seqs(second)) & {seq for batch in first for seq in seqs(batch)}


@pytest.mark.req("TLM-006")
def test_silence_sends_everything_in_flight_again() -> None:
    desk = Desk(up=False, rate=60.0)
    desk.events(2)
    desk.set_link(True)
    desk.batches()

    desk.bench.advance_wall(RESEND_WALL_S - 0.1)
    assert desk.batches() == []
    desk.bench.advance_wall(0.2)

    assert [seqs(batch) for batch in desk.batches()] == [[1, 2]]


@pytest.mark.req("TLM-006")
def test_new_reports_do_not_put_off_the_resending_of_old_ones() -> None:
    desk = Desk(up=False)
    desk.events(1)
    desk.set_link(True)
    desk.batches()

    sent: list[int] = []
    for _ in range(4):
        desk.events(1)
        desk.bench.advance(2.0)
        sent += [seq for batch in desk.batches() for seq in seqs(batch)]

    assert 1 in sent


@pytest.mark.req("TLM-006")
def test_after_the_link_comes_back_all_goes_again() -> None:
    desk = Desk(up=False)
    desk.events(OUTBOX_BATCH_MAX + 1)
    desk.set_link(True)
    first = desk.batches()
    desk.set_link(False)
    desk.bench.advance(100.0)
    assert desk.batches() == []

    desk.set_link(True)

    assert [seqs(batch) for batch in desk.batches()] == [seqs(batch) for batch in first]


@pytest.mark.req("TLM-006")
def test_a_full_link_keeps_the_reports_for_later() -> None:
    desk = Desk()
    desk.events(1)
    desk.link.room = 0
    desk.bench.advance(5.0)

    desk.link.room = 10
    desk.bench.advance(5.0)

    assert len(desk.batches()) == 1


@pytest.mark.req("TLM-006")
@given(
    script=st.lists(st.sampled_from(("send", "ack", "lose", "silence", "new")), max_size=40), size=st.integers(0, 400)
)
def test_no_number_is_in_flight_twice_and_all_arrive_in_the_end(script: list[str], size: int) -> None:
    downlink, waiting, on_way = Downlink(), list(range(1, size + 1)), list[list[int]]()
    for step in [*script, *["silence", "send", "ack", "ack", "ack", "ack"] * 20]:
        match step:
            case "new":
                waiting.append((waiting[-1] if waiting else size) + 1)
            case "send" if downlink.may_send:
                chosen = [waiting[position] for position in downlink.choose(waiting)]
                assert len(chosen) <= OUTBOX_BATCH_MAX
                if chosen:
                    downlink.sent(chosen)
                    on_way.append(chosen)
            case "ack" if on_way:
                acked = on_way.pop(0)
                downlink.acked(acked)
                waiting = [seq for seq in waiting if seq not in acked]
            case "lose" if on_way:
                on_way.pop()
            case "silence":
                downlink.restart()
        assert downlink.in_flight <= BATCHES_IN_FLIGHT_MAX * OUTBOX_BATCH_MAX

    assert waiting == []
    assert downlink.in_flight == 0


@pytest.mark.req("TLM-007")
def test_an_acknowledgement_for_another_store_forgets_nothing() -> None:
    desk = Desk(up=False)
    desk.events(1)
    desk.set_link(True)
    desk.bench.forget()

    desk.ack(*desk.batches(), outbox_id="f" * 16)

    assert desk.store.outbox_rows() == 1
    assert desk.bench.event_ids() == ["UPLINK_REJECTED"]


@pytest.mark.req("TLM-007")
@pytest.mark.parametrize("payload", [b"", b"\xff" * 50, encode(OutboxAck(outbox_id="0" * 16, seqs=(1,)))[:-2]])
def test_garbage_on_the_acknowledgement_channel_is_a_rejection(payload: bytes) -> None:
    desk = Desk()

    desk.bench.say(UplinkReceived("ack", payload))

    assert desk.bench.event_ids() == ["UPLINK_REJECTED"]


@pytest.mark.req("TLM-007")
def test_a_disk_that_refuses_acknowledgements_is_told_once_a_minute_and_the_reports_go_again() -> None:
    desk = Desk(up=False)
    desk.events(1)
    desk.set_link(True)
    batches = desk.batches()
    desk.bench.forget()
    desk.disk.full = True

    for _ in range(5):
        desk.ack(*batches)
    assert desk.bench.event_ids() == ["STORAGE_FAILED"]
    desk.disk.full = False
    desk.bench.advance(RESEND_WALL_S)

    assert [seqs(batch) for batch in desk.batches()] == [[1]]


@pytest.mark.req("TLM-005")
def test_a_batch_that_is_too_large_is_halved_and_a_report_that_fits_none_is_named_and_dropped() -> None:
    desk = Desk(up=False)
    for _ in range(4):
        desk.event("x" * 50_000)
    desk.event("y" * 200_000)
    desk.set_link(True)

    arrived: list[int] = []
    for _ in range(20):
        for batch in desk.batches():
            arrived += seqs(batch)
            desk.ack(batch)
        desk.bench.advance(5.0)

    assert sorted(arrived) == [1, 2, 3, 4]
    assert desk.store.outbox_rows() == 0
    assert desk.bench.events_of("UPLINK_REJECTED")[0].fields["channel"] == "report"


@pytest.mark.req("TLM-005")
@pytest.mark.parametrize(("rate", "poll_s"), [(1.0, 5.0), (60.0, 12.0), (1000.0, 200.0)])
def test_the_outbox_is_looked_at_no_oftener_than_five_times_a_wall_second(rate: float, poll_s: float) -> None:
    assert poll_interval_s(rate) == pytest.approx(poll_s)


def test_other_channels_are_left_alone() -> None:
    desk = Desk()
    message: Any = UplinkReceived("tc", b"\xff")

    desk.bench.say(message)

    assert desk.bench.events == []
