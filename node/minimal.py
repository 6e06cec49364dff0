"""Run level MINIMAL, as this mission means it: no app runs, loads are shed, the node beacons and takes commands.

An authentic `leave_safe` asks for a reset of the processor, which boots every app anew. Nothing else is carried out,
and nothing is answered but by the beacon: the journal belongs to an app that may be the one that failed.
"""

from collections.abc import Callable
from dataclasses import dataclass

from icd.codec import encode
from icd.hk import HkSample, pack
from icd.hw import LoadProfile
from icd.tc import LeaveSafe, PowerMode, PublicKey
from icd.timebase import MissionTime
from node.apps.commanding.checks import Opened, is_expired, open_tc
from node.kernel.bus import BusMessage
from node.messages import ModeReason, UplinkReceived
from node.ports.devices import ComputeModule, Eps
from node.ports.link import SpaceLink


@dataclass(frozen=True, slots=True)
class MinimalIdentity:
    """Who beacons, and whom it obeys."""

    node: str
    keys: dict[str, PublicKey]
    boot_count: int
    sandbox: str


class MinimalNode:
    """What is left when a critical app has failed for good."""

    def __init__(
        self,
        identity: MinimalIdentity,
        link: SpaceLink,
        power: tuple[Eps, ComputeModule],
        end_jobs: Callable[[], None],
        request_reset: Callable[[], None],
        now: Callable[[], MissionTime],
    ) -> None:
        self._identity = identity
        self._link = link
        self._eps, self._compute = power
        self._end_jobs = end_jobs
        self._request_reset = request_reset
        self._now = now
        self._beacons = 0

    def enter(self, why: str) -> None:
        """End the jobs and switch off what can be."""
        self._end_jobs()
        self._compute.release_all()
        self._compute.set_power(False)
        self._eps.set_profile(LoadProfile.MINIMAL)

    def beacon(self) -> None:
        """Send housekeeping that says SAFE and why; readings are left out, as nobody keeps them."""
        sample = HkSample(
            mode=PowerMode.SAFE.value,
            mode_reason=ModeReason.APP_FAILED.value,
            boot_count=self._identity.boot_count,
            sunlit_frac=None,
            soc_frac=None,
            battery_wh=None,
            solar_w=None,
            load_w=None,
            compute_w=None,
            compute_cap_w=None,
            module_temp_c=None,
            clock_error_s=None,
            jobs_queued=0,
            jobs_running="",
            job_progress_frac=None,
            hold_reason="",
            lasers="",
            handoffs=0,
            outbox_rows=0,
            tc_accepted=0,
            tc_rejected=0,
            bus_depth_peak=0,
            bus_dropped=0,
            sandbox=self._identity.sandbox,
        )
        self._link.send("hk", encode(pack(self._identity.node, self._beacons, self._now(), sample)))
        self._beacons += 1

    def on_message(self, message: BusMessage) -> None:
        """Obey an authentic, unexpired `leave_safe` that is meant for this node."""
        if not isinstance(message, UplinkReceived) or message.channel != "tc":
            return
        opened = open_tc(message.payload, self._identity.keys)
        if not isinstance(opened, Opened):
            return
        meant = opened.tc.node == self._identity.node and not is_expired(opened.tc, self._now())
        if meant and isinstance(opened.tc.command, LeaveSafe):
            self._request_reset()
