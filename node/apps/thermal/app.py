"""Watches the compute module's temperature and says what heat allows."""

from icd.hw import Quality
from icd.params import VehicleProfile
from node.apps.thermal import policy
from node.kernel.app import App, Kernel, handles, on_timer
from node.messages import ComputeUpdated, ThermalCapChanged, ThermalUpdated

TEMPERATURE_LOST_S = 60.0  # mission time without a good reading before the blind cap
FIRST_READING_WALL_S = 20.0  # wall time for the avionics bus to come up after a boot
THROTTLE_THERMAL = 0x20  # of NVML's clocks event reasons: software thermal slowdown


class ThermalApp(App):
    """Caps the compute module before it throttles by itself."""

    name = "thermal"

    def __init__(self, kernel: Kernel, profile: VehicleProfile) -> None:
        super().__init__(kernel)
        self._profile = profile
        self._cap_w: float | None = None
        self._temp_c: float | None = None
        self._blind = False
        self._throttled = False
        self._tripped = False

    def recover(self) -> None:
        """Forget everything: the next reading tells all."""
        self._cap_w, self._temp_c, self._blind = None, None, False
        self._throttled, self._tripped = False, False

    def start(self) -> None:
        """Take back what was said before a failure, and wait for the first reading."""
        self.kernel.set_wall_timer("lost", FIRST_READING_WALL_S)
        self.kernel.publish(ThermalCapChanged(None, None))

    @handles(ThermalUpdated)
    def on_temperature(self, message: ThermalUpdated) -> None:
        """Move the cap along the derate line."""
        temp_c = message.reading.module_temp_c
        if message.reading.quality is not Quality.GOOD or temp_c is None:
            if self._temp_c is not None:
                self._temp_c = None
                self.kernel.set_timer("lost", TEMPERATURE_LOST_S)
            return
        if self._temp_c is None:
            self.kernel.cancel_timer("lost")
        self._temp_c = temp_c
        before = None if self._blind else self._cap_w
        was_blind, self._blind = self._blind, False
        self._set(policy.next_cap_w(before, temp_c, self._profile), always=was_blind)

    @handles(ComputeUpdated)
    def on_compute(self, message: ComputeUpdated) -> None:
        """Report when the module throttles, or has switched itself off."""
        reading = message.reading
        if reading.quality is not Quality.GOOD:
            return
        throttled = bool(reading.throttle_reasons & THROTTLE_THERMAL)
        if throttled and not self._throttled:
            self.kernel.report("COMPUTE_THROTTLED", temp_c=self._temp_c, reasons=reading.throttle_reasons)
        self._throttled = throttled
        # A module that is off and hotter than its throttle point was not switched off by us.
        hot = self._temp_c is not None and self._temp_c >= self._profile.throttle_c
        tripped = reading.powered is False and (hot or self._tripped)
        if tripped and not self._tripped:
            self.kernel.report("COMPUTE_TRIPPED", temp_c=self._temp_c)
        self._tripped = tripped

    @on_timer("lost")
    def on_lost(self) -> None:
        """Cap the module blindly: it may be anything between cold and tripping."""
        self._blind = True
        blind_w = policy.blind_cap_w(self._profile)
        self._set(blind_w if self._cap_w is None else min(blind_w, self._cap_w))

    def _set(self, cap_w: float | None, *, always: bool = False) -> None:
        if cap_w == self._cap_w and not always:
            return
        self._cap_w = cap_w
        shown_w = self._profile.compute_max_w if cap_w is None else cap_w
        self.kernel.report("THERMAL_CAP_CHANGED", cap_w=shown_w, temp_c=self._temp_c)
        self.kernel.publish(ThermalCapChanged(cap_w, self._temp_c))
