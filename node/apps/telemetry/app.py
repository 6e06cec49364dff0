"""Telemetry: housekeeping, which may be lost, and the outbox, which may not."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from icd.codec import DecodeError, decode, encode
from icd.events import OutboxAck, OutboxBatch, OutboxItem
from icd.hk import pack
from icd.tc import Ping, SetHkInterval
from icd.verification import Refusal, Stage
from node.apps.telemetry.downlink import RESEND_WALL_S, Downlink
from node.apps.telemetry.sample import Newest, clock_error_s, make_sample
from node.kernel.app import App, Kernel, handles, on_timer
from node.kernel.bus import BusCounters
from node.kernel.errors import StorageError
from node.kernel.pace import Pace
from node.messages import (
    AvionicsChanged,
    ComputeUpdated,
    EpsUpdated,
    GnssUpdated,
    IslStatusChanged,
    LinkChanged,
    PowerBudgetChanged,
    PowerModeChanged,
    QueueChanged,
    TcAnswered,
    TcCounted,
    TelemetryTc,
    ThermalUpdated,
    UplinkReceived,
)
from node.ports.link import SpaceLink
from node.ports.store import OutboxStore, SettingStore

HK_INTERVAL_SETTING = "hk_interval_s"
HK_INTERVAL_S_MIN, HK_INTERVAL_S_MAX = 1.0, 3600.0  # of icd.tc.SetHkInterval
DETAIL_CHARS_MAX = 200
STORAGE_EVENT_S = 60.0  # mission time between two events on a disk that refuses


@dataclass(frozen=True, slots=True)
class TelemetryOptions:
    """What telemetry is told at start. `poll_s` is downlink.poll_interval_s of the clock's rate."""

    node: str
    boot_count: int
    sandbox: str
    hk_interval_s: float
    poll_s: float


class TelemetryApp(App):
    """Keeps the newest of everything for housekeeping, and sends every report until the ground has it."""

    name = "telemetry"

    def __init__(
        self,
        kernel: Kernel,
        link: SpaceLink,
        outbox: OutboxStore,
        settings: SettingStore,
        bus_counters: Callable[[], BusCounters],
        options: TelemetryOptions,
    ) -> None:
        super().__init__(kernel)
        self._link = link
        self._outbox = outbox
        self._settings = settings
        self._bus_counters = bus_counters
        self._options = options
        self._newest = Newest()
        self._downlink = Downlink()
        self._interval_s = options.hk_interval_s
        self._hk_counter = 0
        self._awaiting_ack = False  # the resend timer runs
        self._storage_pace = Pace(STORAGE_EVENT_S)

    # --- life ---

    def recover(self) -> None:
        """Take up the interval that was commanded before a reset; whatever was in flight goes again."""
        self._interval_s = self._stored_interval_s()
        self._awaiting_ack = False
        self._downlink.restart()

    def start(self) -> None:
        """Begin the housekeeping rhythm, and the downlink if the link is up already."""
        self.kernel.set_timer("hk", self._interval_s)
        if self._link.up:
            self._begin()

    # --- the newest of everything ---

    @handles(EpsUpdated)
    def on_eps(self, updated: EpsUpdated) -> None:
        """Keep the newest reading."""
        self._newest.eps = updated.reading

    @handles(ThermalUpdated)
    def on_thermal(self, updated: ThermalUpdated) -> None:
        """Keep the newest reading."""
        self._newest.thermal = updated.reading

    @handles(ComputeUpdated)
    def on_compute(self, updated: ComputeUpdated) -> None:
        """Keep the newest reading."""
        self._newest.compute = updated.reading

    @handles(GnssUpdated)
    def on_gnss(self, updated: GnssUpdated) -> None:
        """Compare the on-board clock with the receiver's, now that the reading is fresh."""
        self._newest.clock_error_s = clock_error_s(updated.reading, self.kernel.now)

    @handles(AvionicsChanged)
    def on_avionics(self, changed: AvionicsChanged) -> None:
        """Tell no old numbers once the device frames have stopped."""
        if not changed.alive:
            self._newest.lose_readings()

    @handles(PowerModeChanged)
    def on_mode(self, changed: PowerModeChanged) -> None:
        """Keep the mode and why."""
        self._newest.mode, self._newest.mode_reason = changed.target, changed.reason

    @handles(PowerBudgetChanged)
    def on_budget(self, budget: PowerBudgetChanged) -> None:
        """Keep the mode and why: said again and again, so that a restarted app hears of it."""
        self._newest.mode, self._newest.mode_reason = budget.mode, budget.mode_reason

    @handles(QueueChanged)
    def on_queue(self, changed: QueueChanged) -> None:
        """Keep the queue in short."""
        self._newest.queue = changed

    @handles(IslStatusChanged)
    def on_isl(self, changed: IslStatusChanged) -> None:
        """Keep the laser links in short."""
        self._newest.isl = changed

    @handles(TcCounted)
    def on_tc_counted(self, counted: TcCounted) -> None:
        """Keep the telecommand counts."""
        self._newest.tc = counted

    # --- telecommands ---

    @handles(TelemetryTc)
    def on_telecommand(self, tc: TelemetryTc) -> None:
        """Answer a ping; set the housekeeping interval, durably first."""
        match tc.command:
            case Ping():
                self.kernel.publish(TcAnswered(tc.request_id, Stage.COMPLETED))
            case SetHkInterval(interval_s=interval_s):
                self.kernel.publish(self._set_interval(tc.request_id, interval_s))

    # --- the link ---

    @handles(LinkChanged)
    def on_link(self, changed: LinkChanged) -> None:
        """Begin when the link comes, and wait when it goes."""
        if changed.up:
            self.kernel.report("LINK_UP")
            self._begin()
        else:
            self.kernel.cancel_timer("poll")
            self._stop_awaiting()
            self.kernel.report("LINK_DOWN")

    @handles(UplinkReceived)
    def on_uplink(self, uplink: UplinkReceived) -> None:
        """Forget reports that the ground has committed, and send more."""
        if uplink.channel != "ack":
            return
        try:
            ack = decode(uplink.payload, OutboxAck)
        except DecodeError as error:
            self.kernel.report("UPLINK_REJECTED", channel="ack", detail=str(error)[:DETAIL_CHARS_MAX])
            return
        try:
            self._take_ack(ack)
        except StorageError as error:
            self._report_storage(error)

    @on_timer("hk")
    def on_hk_due(self) -> None:
        """Send a housekeeping packet and set the next."""
        self.kernel.set_timer("hk", self._interval_s)
        self._send_hk()

    @on_timer("poll")
    def on_poll(self) -> None:
        """Look for reports that other apps have committed meanwhile."""
        self.kernel.set_timer("poll", self._options.poll_s)
        self._send_reports()

    @on_timer("resend")
    def on_silence(self) -> None:
        """Send everything in flight again: no acknowledgement has come."""
        self._awaiting_ack = False
        self._downlink.restart()
        self._send_reports()

    # --- sending ---

    def _begin(self) -> None:
        self._stop_awaiting()
        self._downlink.restart()
        self._send_hk()
        self.on_poll()

    def _send_hk(self) -> None:
        if not self._link.up:
            return
        try:
            rows = self._outbox.outbox_rows()
        except StorageError as error:
            self._report_storage(error)
            return
        options = self._options
        sample = make_sample(self._newest, options.boot_count, options.sandbox, rows, self._bus_counters())
        packet = pack(options.node, self._hk_counter, self.kernel.now, sample)
        self._hk_counter += 1  # counted even if the link refuses it: the gap shows the loss
        self._link.send("hk", encode(packet))

    def _send_reports(self) -> None:
        try:
            while self._link.up and self._downlink.may_send and self._outbox.outbox_rows() > self._downlink.in_flight:
                if not self._send_batch():
                    break
        except StorageError as error:
            self._report_storage(error)
        if self._link.up and self._downlink.in_flight and not self._awaiting_ack:
            self._awaiting_ack = True  # from the oldest unanswered batch on: a later one does not put it off
            self.kernel.set_wall_timer("resend", RESEND_WALL_S)

    def _stop_awaiting(self) -> None:
        self._awaiting_ack = False
        self.kernel.cancel_timer("resend")

    def _send_batch(self) -> bool:
        waiting = self._outbox.take_outbox(self._downlink.wanted, 0)
        items = [waiting[position] for position in self._downlink.choose([item.seq for item in waiting])]
        while items:
            payload = self._encoded(items)
            if payload is not None:
                break
            if len(items) == 1:
                self._forget_oversize(items[0])
            items = items[: len(items) // 2]
        if not items or payload is None or not self._link.send("report", payload):
            return False
        self._downlink.sent([item.seq for item in items])
        return True

    def _encoded(self, items: Sequence[OutboxItem]) -> bytes | None:
        """Return the batch's bytes, or None when they are more than a batch may have."""
        batch = OutboxBatch(node=self._options.node, outbox_id=self._outbox.outbox_id(), items=tuple(items))
        try:
            return encode(batch)
        except ValueError:
            return None

    def _forget_oversize(self, item: OutboxItem) -> None:
        """Let go of a report that fits no batch, and say so: it would hold up all behind it for ever."""
        self._outbox.ack_outbox([item.seq])
        detail = f"{item.kind} report {item.seq} is larger than {OutboxBatch.MAX_BYTES} bytes"
        self.kernel.report("UPLINK_REJECTED", channel="report", detail=detail)

    def _take_ack(self, ack: OutboxAck) -> None:
        if ack.outbox_id != self._outbox.outbox_id():
            # It is for the numbering of an earlier store; the same numbers mean other reports now.
            self.kernel.report("UPLINK_REJECTED", channel="ack", detail=f"outbox {ack.outbox_id} is not ours")
            return
        self._outbox.ack_outbox(ack.seqs)
        if self._downlink.acked(ack.seqs):
            self._stop_awaiting()
            self._send_reports()

    # --- settings ---

    def _stored_interval_s(self) -> float:
        try:
            text = self._settings.setting(HK_INTERVAL_SETTING)
            interval_s = float(text) if text is not None else self._options.hk_interval_s
        except (StorageError, ValueError):
            return self._options.hk_interval_s
        # Written so that a NaN is out of range too.
        in_range = HK_INTERVAL_S_MIN <= interval_s <= HK_INTERVAL_S_MAX
        return interval_s if in_range else self._options.hk_interval_s

    def _set_interval(self, request_id: str, interval_s: float) -> TcAnswered:
        try:
            self._settings.set_setting(HK_INTERVAL_SETTING, repr(interval_s))
        except StorageError as error:
            self._report_storage(error)
            return TcAnswered(request_id, Stage.FAILED, Refusal.STORAGE_FULL, str(error)[:DETAIL_CHARS_MAX])
        self._interval_s = interval_s
        self.kernel.set_timer("hk", interval_s)
        return TcAnswered(request_id, Stage.COMPLETED)

    def _report_storage(self, error: StorageError) -> None:
        if self._storage_pace.allows(self.kernel.now):
            self.kernel.report("STORAGE_FAILED", detail=str(error)[:DETAIL_CHARS_MAX])
