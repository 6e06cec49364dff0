"""Fault detection, isolation and recovery: serves the watchdog, watches limits, asks for SAFE, power-cycles units."""

from icd.hw import UNITS, ComputeReading, ModuleHealth, Quality
from icd.timebase import MissionTime, seconds_between
from icd.verification import Refusal, Stage
from node.apps.fdir.limits import (
    LOST_S_MAX,
    MODULE_BACK_S,
    MODULE_CYCLES_MAX,
    THERMAL_SLOWDOWN,
    LimitChecker,
    Parameter,
    flag,
)
from node.kernel.app import App, Kernel, handles, on_timer
from node.kernel.errors import StorageError
from node.kernel.health import HealthReported
from node.messages import (
    AvionicsChanged,
    ComputeUpdated,
    EpsUpdated,
    FdirTc,
    GnssUpdated,
    ModeReason,
    ModuleFailed,
    SafeModeRequested,
    TcAnswered,
    TerminalUpdated,
    ThermalUpdated,
    WatchdogUpdated,
)
from node.ports.devices import UnitControl, Watchdog
from node.ports.store import SettingStore

BITES_SETTING = "watchdog_bites"
AVIONICS = "avionics"
DETAIL_CHARS_MAX = 200


class FdirApp(App):
    """Judges the health of apps and devices by a table, and does the little that must be done at once."""

    name = "fdir"

    def __init__(
        self, kernel: Kernel, watchdog: Watchdog, units: UnitControl, settings: SettingStore, throttle_c: float
    ) -> None:
        """Take the ports, and the vehicle profile's `throttle_c`: a module that is off and hotter has tripped."""
        super().__init__(kernel)
        self._watchdog = watchdog
        self._units = units
        self._settings = settings
        self._throttle_c = throttle_c
        self._checker = LimitChecker()
        self._temp_c: float | None = None
        self._avionics_alive = True
        self._eps_lost_since: MissionTime | None = None
        self._bites = 0  # at last told
        self._uncorrectable: int | None = None  # memory errors at the last reading
        self._module: ModuleHealth | None = None  # what is wrong with the compute module
        self._cycles = 0  # of its power, since it was last well

    # --- life ---

    def recover(self) -> None:
        """Remember how many bites were told before the reset: the reset may be the next one's doing."""
        self._eps_lost_since = None
        self._uncorrectable, self._module, self._cycles = None, None, 0
        try:
            text = self._settings.setting(BITES_SETTING)
            self._bites = int(text) if text is not None else 0
        except (StorageError, ValueError):
            self._bites = 0

    # --- apps ---

    @handles(HealthReported)
    def on_health(self, report: HealthReported) -> None:
        """Serve the watchdog unless a critical app is silent; say once which are."""
        if not report.silent_critical:
            self._watchdog.serve()
        if event_id := self._checker.sample(Parameter.APPS_SILENT, float(len(report.silent))):
            self.kernel.report(event_id, apps=", ".join(report.silent))

    # --- devices ---

    @handles(AvionicsChanged)
    def on_avionics(self, changed: AvionicsChanged) -> None:
        """Without device frames the node is blind: ask for SAFE at once."""
        if changed.alive is self._avionics_alive:
            return
        self._avionics_alive = changed.alive
        if changed.alive:
            self.kernel.report("READINGS_BACK", unit=AVIONICS)
        else:
            self.kernel.report("READINGS_LOST", unit=AVIONICS)
            self._ask_for_safe("no device frames")

    @handles(EpsUpdated)
    def on_eps(self, updated: EpsUpdated) -> None:
        """Watch the battery readings, without which no mode can be chosen for long."""
        lost = self._note_quality("eps", updated.reading.quality)
        if not lost:
            self._eps_lost_since = None
            self.kernel.cancel_timer("eps_lost")
        elif self._eps_lost_since is None:
            self._eps_lost_since = self.kernel.now
            self.kernel.set_timer("eps_lost", LOST_S_MAX)

    @on_timer("eps_lost")
    def on_eps_lost_long(self) -> None:
        """Ask for SAFE: the battery has not been seen for too long."""
        if self._eps_lost_since is not None:
            lost_s = seconds_between(self._eps_lost_since, self.kernel.now)
            self._ask_for_safe(f"no battery readings for {lost_s:.0f} s")

    @handles(ThermalUpdated)
    def on_thermal(self, updated: ThermalUpdated) -> None:
        """Keep the temperature for the compute module's events."""
        lost = self._note_quality("thermal", updated.reading.quality)
        self._temp_c = None if lost else updated.reading.module_temp_c

    @handles(ComputeUpdated)
    def on_compute(self, updated: ComputeUpdated) -> None:
        """Tell when the module slows itself down or has switched itself off."""
        reading = updated.reading
        if self._note_quality("compute", reading.quality):
            return
        slow = flag(bool(reading.throttle_reasons & THERMAL_SLOWDOWN))
        if event_id := self._checker.sample(Parameter.THERMAL_THROTTLE, slow):
            self.kernel.report(event_id, temp_c=self._temp_c, reasons=f"{reading.throttle_reasons:#x}")
        if event_id := self._checker.sample(Parameter.THERMAL_TRIP, self._trip_flag(reading)):
            self.kernel.report(event_id, temp_c=self._temp_c)
        self._judge_memory(reading)
        self._judge_module(reading)

    @on_timer("module")
    def on_module_still_bad(self) -> None:
        """Try again, or say that it does not help."""
        if self._module is None:
            return
        if self._cycles < MODULE_CYCLES_MAX:
            self._cycle_module()
        else:
            self.kernel.report("COMPUTE_STAYS_BAD", health=self._module, cycles=self._cycles)

    @handles(GnssUpdated)
    def on_gnss(self, updated: GnssUpdated) -> None:
        """Watch the on-board clock against the navigation receiver's."""
        reading = updated.reading
        if self._note_quality("gnss", reading.quality) or reading.at is None:
            return
        error_s = seconds_between(MissionTime(reading.at), self.kernel.now)
        if event_id := self._checker.sample(Parameter.CLOCK_ERROR_S, error_s):
            self.kernel.report(event_id, error_s=error_s)

    @handles(TerminalUpdated)
    def on_terminal(self, updated: TerminalUpdated) -> None:
        """Watch each terminal's readings."""
        self._note_quality(f"terminal {updated.reading.terminal}", updated.reading.quality)

    @handles(WatchdogUpdated)
    def on_watchdog(self, updated: WatchdogUpdated) -> None:
        """Tell once of each time that the watchdog has bitten, across the reset that it causes."""
        if self._note_quality("watchdog", updated.reading.quality):
            return
        bites = updated.reading.bites
        if bites == self._bites:
            return
        if bites > self._bites:
            self.kernel.report("WATCHDOG_BITTEN", bites=bites)
        self._bites = bites  # fewer than before: another watchdog unit counts from its own zero
        try:
            self._settings.set_setting(BITES_SETTING, str(bites))
        except StorageError as error:
            self.kernel.report("STORAGE_FAILED", detail=str(error)[:DETAIL_CHARS_MAX])

    # --- telecommands ---

    @handles(FdirTc)
    def on_telecommand(self, tc: FdirTc) -> None:
        """Power-cycle a unit."""
        unit = tc.command.unit
        if unit not in UNITS:
            detail = f"no unit {unit}; there are {', '.join(UNITS)}"
            self.kernel.publish(TcAnswered(tc.request_id, Stage.FAILED, Refusal.UNKNOWN_UNIT, detail))
            return
        self._units.reset(unit)
        self.kernel.publish(TcAnswered(tc.request_id, Stage.COMPLETED))

    # --- judging ---

    def _note_quality(self, unit: str, quality: Quality) -> bool:
        """Tell when a unit's readings are lost or back; return whether this one is lost."""
        lost = quality is Quality.LOST
        if event_id := self._checker.sample(Parameter.READING_LOST, flag(lost), unit):
            self.kernel.report(event_id, unit=unit)
        return lost

    def _judge_memory(self, reading: ComputeReading) -> None:
        """Tell of an error that could not be corrected: what ran while it struck is not to be believed."""
        count, before = reading.uncorrectable, self._uncorrectable
        if count is None:
            return
        self._uncorrectable = count
        if before is not None and count > before:
            self.kernel.report("MEMORY_ERROR", count=count)
            self.kernel.publish(ModuleFailed())

    def _judge_module(self, reading: ComputeReading) -> None:
        """Power-cycle a module that hangs or has latched up: nothing else helps, and a latch-up burns."""
        health = reading.health
        if health is None:
            return
        for parameter, bad in (
            (Parameter.MODULE_HUNG, ModuleHealth.HUNG),
            (Parameter.MODULE_LATCHED, ModuleHealth.OVER_CURRENT),
        ):
            if event_id := self._checker.sample(parameter, flag(health is bad)):
                self.kernel.report(event_id, power_w=reading.power_w)
        if health is ModuleHealth.GOOD:
            self._module, self._cycles = None, 0
            self.kernel.cancel_timer("module")
        elif self._module is None:
            self._module = health
            self._cycle_module()

    def _cycle_module(self) -> None:
        self._cycles += 1
        self._units.reset("compute")
        self.kernel.publish(ModuleFailed())
        self.kernel.set_timer("module", MODULE_BACK_S)

    def _trip_flag(self, reading: ComputeReading) -> float | None:
        """Off by command is no trip: tripped is off and hot, and it ends with power, not with cooling."""
        if reading.powered is None:
            return None
        if reading.powered:
            return flag(False)
        hot = self._temp_c is not None and self._temp_c >= self._throttle_c
        return flag(True) if hot else None

    def _ask_for_safe(self, detail: str) -> None:
        self.kernel.publish(SafeModeRequested(ModeReason.READINGS_LOST, detail))
