"""Owns the power mode: readings, commands and failures go in; modes, caps and budgets come out."""

from dataclasses import dataclass
from typing import assert_never

from icd.hw import Quality
from icd.tc import EnterSafe, LeaveSafe, PowerMode, SetComputeCap
from icd.timebase import MissionTime, seconds_between
from icd.vehicle import VehicleProfile
from icd.verification import Refusal, Stage
from node.apps.power import policy
from node.apps.power.forecast import SunForecast
from node.apps.power.modes import POWER_TABLE, PowerTrigger
from node.kernel.app import App, Kernel, handles, on_timer
from node.kernel.errors import StorageError
from node.kernel.fsm import Machine
from node.messages import (
    AvionicsChanged,
    ComputeUpdated,
    EpsUpdated,
    ModeReason,
    PowerBudgetChanged,
    PowerModeChanged,
    PowerTc,
    QueueChanged,
    SafeModeRequested,
    TcAnswered,
    ThermalCapChanged,
)
from node.ports.devices import ComputeModule, Eps
from node.ports.store import SettingStore

SAFE_LATCH = "power.safe_latch"  # the ModeReason that holds SAFE through a reset; empty when none does
LAST_MODE = "power.mode"
COMPUTE_CAP = "power.compute_cap_w"  # empty when the ground sets none
LATCHING = frozenset((ModeReason.COMMANDED, ModeReason.APP_FAILED))

READINGS_LOST_S = 60.0  # mission time without a good battery reading before SAFE
FIRST_READING_WALL_S = 20.0  # wall time for the avionics bus to come up after a boot
MODULE_OFF_WALL_S = 65.0  # wall time that jobs get to save in SAFE: the longest grace of icd.jobs and some
ORDER_AGAIN_S = 30.0  # mission time between two orders for the same thing
SOC_STEP = 0.01  # change of charge worth a new budget


@dataclass(slots=True)
class _Belief:
    """What the app holds true of the power system."""

    soc_frac: float | None = None
    sunlit: bool = False
    good_since: MissionTime | None = None
    settled: bool = False  # whether a good reading has placed the node since boot, or since SAFE
    jobs_run: bool = False
    commanded_cap_w: float | None = None
    thermal_cap_w: float | None = None


class PowerApp(App):
    """Owns the power mode. Other apps hear of it; none may set it."""

    name = "power"

    def __init__(
        self,
        kernel: Kernel,
        store: SettingStore,
        eps: Eps,
        compute: ComputeModule,
        profile: VehicleProfile,
        forecast: SunForecast,
    ) -> None:
        super().__init__(kernel)
        self._store = store
        self._eps = eps
        self._compute = compute
        self._profile = profile
        self._forecast = forecast
        self._limits = policy.limits_of(profile)
        self._belief = _Belief()
        self._machine = Machine(POWER_TABLE, on_change=self._on_change)
        self._alive = False
        self._reason = ModeReason.BOOT
        self._since = kernel.now
        self._blind_since = kernel.now
        self._ordered: dict[str, MissionTime] = {}
        self._budget: PowerBudgetChanged | None = None

    # --- life ---

    def recover(self) -> None:
        """Restore the SAFE latch and the commanded cap; everything else waits for the first good reading."""
        latch = self._store.setting(SAFE_LATCH)
        cap = self._store.setting(COMPUTE_CAP)
        # A battery that was too low before a reset has to recover in full, as if there had been no reset.
        settled = self._alive or self._store.setting(LAST_MODE) == PowerMode.SURVIVAL
        self._belief = _Belief(
            settled=settled,
            jobs_run=self._belief.jobs_run,
            commanded_cap_w=float(cap) if cap else None,
            thermal_cap_w=self._belief.thermal_cap_w,
        )
        self._budget = None
        if self._alive:
            return  # only this app failed: the mode stands, for no edge leads from it to where a boot begins
        mode = PowerMode.SAFE if latch else PowerMode.SURVIVAL
        self._machine = Machine(POWER_TABLE, on_change=self._on_change, state=mode)
        self._reason = ModeReason(latch) if latch else ModeReason.BOOT
        self._since = self.kernel.now

    def start(self) -> None:
        """Put the hardware into the mode, announce it, and wait for readings."""
        self._alive = True
        self._blind_since = self.kernel.now
        self.kernel.set_wall_timer("readings", FIRST_READING_WALL_S)
        self.kernel.publish(PowerModeChanged(self._mode, self._mode, self._reason))
        self._apply()
        self._publish_budget()

    # --- readings ---

    @handles(EpsUpdated)
    def on_eps(self, message: EpsUpdated) -> None:
        """Judge a reading: at most one mode change comes of it."""
        reading = message.reading
        if reading.quality is not Quality.GOOD or reading.soc_frac is None or reading.sunlit_frac is None:
            self._lose_readings()
            return
        belief = self._belief
        if belief.good_since is None:
            belief.good_since = self.kernel.now
            self.kernel.cancel_timer("readings")
        belief.soc_frac = reading.soc_frac
        belief.sunlit = policy.is_sunlit(belief.sunlit, reading.sunlit_frac)
        self._judge(reading.soc_frac)
        if reading.profile is not None and reading.profile is not policy.load_profile(self._mode):
            self._order_profile(again=True)
        self._publish_budget()

    @handles(ComputeUpdated)
    def on_compute(self, message: ComputeUpdated) -> None:
        """Repeat orders that the module does not show: it was reset, or they were lost."""
        reading = message.reading
        if reading.quality is not Quality.GOOD:
            return
        wanted = self._mode is not PowerMode.SAFE
        may_change = self._may_power_on() if wanted else not self._belief.jobs_run
        if reading.powered is not None and reading.powered is not wanted and may_change:
            self._order_power(on=wanted, again=True)
        if reading.cap_w is not None and abs(reading.cap_w - self._cap_w()) > 1.0:
            self._order_cap(again=True)

    @handles(AvionicsChanged)
    def on_avionics(self, message: AvionicsChanged) -> None:
        """Go to SAFE when no device answers any more; say everything again when they do."""
        if message.alive:
            self._ordered.clear()
            self._apply()
            return
        self._lose_readings()
        self._enter_safe(ModeReason.READINGS_LOST)
        self._publish_budget()

    @on_timer("readings")
    def on_readings_timer(self) -> None:
        """Go to SAFE: the battery has not been read for too long, in wall time and in mission time."""
        left_s = READINGS_LOST_S - seconds_between(self._blind_since, self.kernel.now)
        if left_s > 0.0:
            self.kernel.set_timer("readings", left_s)
            return
        self._enter_safe(ModeReason.READINGS_LOST)
        self._publish_budget()

    @handles(ThermalCapChanged)
    def on_thermal(self, message: ThermalCapChanged) -> None:
        """Take the thermal app's word on what heat allows."""
        self._belief.thermal_cap_w = message.cap_w
        self._order_cap()
        self._publish_budget()

    @handles(QueueChanged)
    def on_queue(self, message: QueueChanged) -> None:
        """In SAFE, switch the module off once the last job has saved."""
        self._belief.jobs_run = bool(message.running)
        if self._mode is PowerMode.SAFE and not message.running:
            self._order_power(on=False)

    @on_timer("module_off")
    def on_module_off(self) -> None:
        """Switch the module off in SAFE, whoever still runs."""
        if self._mode is PowerMode.SAFE:
            self._order_power(on=False)

    # --- requests ---

    @handles(SafeModeRequested)
    def on_safe_requested(self, message: SafeModeRequested) -> None:
        """Enter SAFE for another app or for the kernel."""
        if message.reason in LATCHING:
            try:
                self._store.set_setting(SAFE_LATCH, message.reason.value)
            except StorageError as error:  # SAFE all the same: only a reset would lift it
                self.kernel.report("STORAGE_FAILED", detail=f"SAFE latch: {error}")
        self._enter_safe(message.reason)
        self._publish_budget()

    @handles(PowerTc)
    def on_tc(self, message: PowerTc) -> None:
        """Carry out a telecommand; its effect is durable before it is answered as completed."""
        match message.command:
            case EnterSafe():
                self._tc_enter_safe(message.request_id)
            case LeaveSafe():
                self._tc_leave_safe(message.request_id)
            case SetComputeCap():
                self._tc_set_cap(message.request_id, message.command.cap_w)
            case _:
                assert_never(message.command)
        self._publish_budget()

    def _tc_enter_safe(self, request_id: str) -> None:
        self._answer(request_id, Stage.STARTED)
        try:
            self._store.set_setting(SAFE_LATCH, ModeReason.COMMANDED.value)
        except StorageError as error:
            self._enter_safe(ModeReason.COMMANDED)
            detail = f"SAFE is entered, but a reset would lift it: {error}"
            self._answer(request_id, Stage.FAILED, Refusal.STORAGE_FULL, detail)
            return
        self._enter_safe(ModeReason.COMMANDED)
        self._answer(request_id, Stage.COMPLETED)

    def _tc_leave_safe(self, request_id: str) -> None:
        if self._mode is not PowerMode.SAFE:
            self._answer(request_id, Stage.STARTED)
            self._answer(request_id, Stage.COMPLETED, detail="the node was not in SAFE")
            return
        if self._belief.good_since is None:
            detail = "battery readings are lost: SAFE stands until they are back"
            self._answer(request_id, Stage.FAILED, Refusal.MODE_NOT_ALLOWED, detail)
            return
        self._answer(request_id, Stage.STARTED)
        try:
            self._store.set_setting(SAFE_LATCH, "")
        except StorageError as error:
            self._answer(request_id, Stage.FAILED, Refusal.STORAGE_FULL, str(error))
            return
        self._change(policy.Change(PowerTrigger.LEAVE_SAFE, ModeReason.COMMANDED))
        self._answer(request_id, Stage.COMPLETED)

    def _tc_set_cap(self, request_id: str, cap_w: float | None) -> None:
        self._answer(request_id, Stage.STARTED)
        try:
            self._store.set_setting(COMPUTE_CAP, "" if cap_w is None else repr(cap_w))
        except StorageError as error:
            self._answer(request_id, Stage.FAILED, Refusal.STORAGE_FULL, str(error))
            return
        self._belief.commanded_cap_w = cap_w
        self._order_cap()
        self._answer(request_id, Stage.COMPLETED)

    # --- the mode ---

    @property
    def _mode(self) -> PowerMode:
        return self._machine.state

    def _judge(self, soc_frac: float) -> None:
        belief, now = self._belief, self.kernel.now
        good_s = None if belief.good_since is None else seconds_between(belief.good_since, now)
        if self._mode is PowerMode.SAFE:
            if policy.may_leave_safe(self._reason, good_s):
                self._change(policy.Change(PowerTrigger.LEAVE_SAFE, ModeReason.RECOVERED))
            return
        if not belief.settled:
            belief.settled = True
            change = policy.settle(soc_frac, belief.sunlit, self._limits)
            if change is None:
                self._reason = ModeReason.LOW_BATTERY
        else:
            in_mode_s = seconds_between(self._since, now)
            change = policy.next_change(self._mode, soc_frac, belief.sunlit, in_mode_s, self._limits)
        if change is not None:
            self._change(change)

    def _lose_readings(self) -> None:
        if self._belief.good_since is not None:
            self._belief.good_since = None
            self._belief.soc_frac = None
            self._blind_since = self.kernel.now
            self.kernel.set_timer("readings", READINGS_LOST_S)
            self._publish_budget()

    def _enter_safe(self, reason: ModeReason) -> None:
        if self._mode is not PowerMode.SAFE:
            self._change(policy.Change(PowerTrigger.ENTER_SAFE, reason))
        elif reason in LATCHING:
            self._reason = reason  # what a person ordered, or our own failure, outranks lost readings

    def _change(self, change: policy.Change) -> None:
        self._reason = change.reason
        self._machine.fire(change.trigger)

    def _on_change(self, source: PowerMode, trigger: PowerTrigger, target: PowerMode) -> None:
        self._since = self.kernel.now
        if trigger is PowerTrigger.LEAVE_SAFE:
            self._belief.settled = False
        try:
            self._store.set_setting(LAST_MODE, target.value)
        except StorageError as error:  # the mode may not wait for the disk
            self.kernel.report("STORAGE_FAILED", detail=f"last power mode: {error}")
        self.kernel.publish(PowerModeChanged(source, target, self._reason))
        self.kernel.report("POWER_MODE_CHANGED", source=source, target=target, reason=self._reason)
        if target is PowerMode.SAFE:
            self.kernel.report("SAFE_MODE_ENTERED", reason=self._reason)
        self._apply()

    # --- what the hardware is told ---

    def _apply(self) -> None:
        self._order_profile()
        if self._mode is not PowerMode.SAFE:
            self.kernel.cancel_timer("module_off")
            self._order_power(on=True)
        elif self._belief.jobs_run:
            self.kernel.set_wall_timer("module_off", MODULE_OFF_WALL_S)
        else:
            self._order_power(on=False)
        self._order_cap()

    def _order_profile(self, again: bool = False) -> None:
        if self._due("profile", again):
            self._eps.set_profile(policy.load_profile(self._mode))

    def _order_power(self, *, on: bool, again: bool = False) -> None:
        if self._due("power", again):
            self._compute.set_power(on)

    def _order_cap(self, again: bool = False) -> None:
        if self._due("cap", again):
            self._compute.set_cap(self._cap_w())

    def _may_power_on(self) -> bool:
        """Return whether heat allows the module at all: one that has tripped stays off until it has cooled."""
        cap_w = self._belief.thermal_cap_w
        return cap_w is None or cap_w > self._profile.compute.idle_w

    def _due(self, order: str, again: bool) -> bool:
        """Return whether to give an order now: a repeated one leaves the hardware time to show the last."""
        last = self._ordered.get(order)
        if again and last is not None and seconds_between(last, self.kernel.now) < ORDER_AGAIN_S:
            return False
        self._ordered[order] = self.kernel.now
        return True

    def _cap_w(self) -> float:
        mode_w = policy.mode_cap_w(self._mode, self._profile)
        return policy.effective_cap_w(mode_w, self._belief.commanded_cap_w, self._belief.thermal_cap_w)

    # --- what others are told ---

    def _publish_budget(self) -> None:
        now, belief = self.kernel.now, self._belief
        changes = self._forecast.changes(now, belief.sunlit)
        budget = PowerBudgetChanged(
            mode=self._mode,
            mode_reason=self._reason,
            soc_frac=belief.soc_frac,
            compute_w_max=max(0.0, self._cap_w() - self._profile.compute.idle_w),
            classes=policy.classes(self._mode),
            soc_floor_frac=policy.soc_floor(self._mode, self._limits),
            sunlit=belief.sunlit,
            sun_changes_at=changes.changes_at,
            sun_changes_back_at=changes.changes_back_at,
        )
        if _worth_saying(self._budget, budget):
            self._budget = budget
            self.kernel.publish(budget)

    def _answer(self, request_id: str, stage: Stage, reason: Refusal | None = None, detail: str = "") -> None:
        self.kernel.publish(TcAnswered(request_id, stage, reason, detail[:400]))


def _worth_saying(old: PowerBudgetChanged | None, new: PowerBudgetChanged) -> bool:
    """Return whether a budget differs by more than noise: the charge by a step, the rest at all."""
    if old is None or (old.soc_frac is None) != (new.soc_frac is None):
        return True
    if old.soc_frac is not None and new.soc_frac is not None and abs(old.soc_frac - new.soc_frac) >= SOC_STEP:
        return True
    return (old.mode, old.mode_reason, old.compute_w_max, old.sunlit, old.sun_changes_back_at) != (
        new.mode,
        new.mode_reason,
        new.compute_w_max,
        new.sunlit,
        new.sun_changes_back_at,
    )
