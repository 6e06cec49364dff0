"""The newest of everything that housekeeping tells, and the sample made of it."""

from dataclasses import dataclass

from icd.hk import HkSample
from icd.hw import ComputeReading, EpsReading, GnssReading, Quality, ThermalReading
from icd.tc import PowerMode
from icd.timebase import MissionTime, seconds_between
from node.kernel.bus import BusCounters
from node.messages import IslStatusChanged, ModeReason, QueueChanged, TcCounted

_NO_QUEUE = QueueChanged(queued=0, running=(), progress_frac=None, hold_reason="")
_NO_ISL = IslStatusChanged(lasers="", handoffs=0)
_NO_TC = TcCounted(accepted=0, rejected=0)


@dataclass(slots=True)
class Newest:
    """What was heard last. A reading that is lost is None, never an old number."""

    mode: PowerMode = PowerMode.SAFE
    mode_reason: ModeReason = ModeReason.BOOT
    eps: EpsReading | None = None
    thermal: ThermalReading | None = None
    compute: ComputeReading | None = None
    clock_error_s: float | None = None
    queue: QueueChanged = _NO_QUEUE
    isl: IslStatusChanged = _NO_ISL
    tc: TcCounted = _NO_TC

    def lose_readings(self) -> None:
        """Forget every reading: the device frames stopped."""
        self.eps = self.thermal = self.compute = self.clock_error_s = None


def clock_error_s(reading: GnssReading, now: MissionTime) -> float | None:
    """Return how far the on-board clock is ahead of the navigation receiver's, transport included; None when lost."""
    if reading.quality is Quality.LOST or reading.at is None:
        return None
    return seconds_between(MissionTime(reading.at), now)


def make_sample(newest: Newest, boot_count: int, sandbox: str, outbox_rows: int, bus: BusCounters) -> HkSample:
    """Return the housekeeping sample of this moment."""
    eps = newest.eps if newest.eps is not None and newest.eps.quality is Quality.GOOD else None
    compute = newest.compute if newest.compute is not None and newest.compute.quality is Quality.GOOD else None
    thermal = newest.thermal if newest.thermal is not None and newest.thermal.quality is Quality.GOOD else None
    return HkSample(
        mode=newest.mode.value,
        mode_reason=newest.mode_reason.value,
        boot_count=boot_count,
        sunlit_frac=eps.sunlit_frac if eps else None,
        soc_frac=eps.soc_frac if eps else None,
        battery_wh=eps.battery_wh if eps else None,
        solar_w=eps.solar_w if eps else None,
        load_w=eps.load_w if eps else None,
        compute_w=compute.power_w if compute else None,
        compute_cap_w=compute.cap_w if compute else None,
        module_temp_c=thermal.module_temp_c if thermal else None,
        clock_error_s=newest.clock_error_s,
        jobs_queued=newest.queue.queued,
        jobs_running=",".join(newest.queue.running),
        job_progress_frac=newest.queue.progress_frac,
        hold_reason=newest.queue.hold_reason,
        lasers=newest.isl.lasers,
        handoffs=newest.isl.handoffs,
        outbox_rows=outbox_rows,
        tc_accepted=newest.tc.accepted,
        tc_rejected=newest.tc.rejected,
        bus_depth_peak=bus.depth_peak,
        bus_dropped=bus.dropped,
        sandbox=sandbox,
    )
