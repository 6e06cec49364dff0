"""Watches the compute module's temperature and says what heat allows."""

from icd.hw import Quality
from icd.timebase import seconds_between
from icd.vehicle import VehicleProfile
from node.apps.thermal import policy
from node.kernel.app import App, Kernel, handles, on_timer
from node.messages import ThermalCapChanged, ThermalUpdated

TEMPERATURE_LOST_S = 60.0  # mission time without a good reading before the blind cap
FIRST_READING_WALL_S = 20.0  # wall time for the avionics bus to come up after a boot


class ThermalApp(App):
    """Caps the compute module before it throttles by itself."""

    name = "thermal"

    def __init__(self, kernel: Kernel, profile: VehicleProfile) -> None:
        super().__init__(kernel)
        self._profile = profile
        self._cap_w: float | None = None
        self._temp_c: float | None = None
        self._blind = False
        self._lost_since = kernel.now

    def recover(self) -> None:
        """Forget everything: the next reading tells all."""
        self._cap_w, self._temp_c, self._blind = None, None, False

    def start(self) -> None:
        """Take back what was said before a failure, and wait for the first reading."""
        self._lost_since = self.kernel.now
        self.kernel.set_wall_timer("lost", FIRST_READING_WALL_S)
        self.kernel.publish(ThermalCapChanged(None, None))

    @handles(ThermalUpdated)
    def on_temperature(self, message: ThermalUpdated) -> None:
        """Move the cap along the derate line."""
        temp_c = message.reading.module_temp_c
        if message.reading.quality is not Quality.GOOD or temp_c is None:
            if self._temp_c is not None:
                self._temp_c = None
                self._lost_since = self.kernel.now
                self.kernel.set_timer("lost", TEMPERATURE_LOST_S)
            return
        if self._temp_c is None:
            self.kernel.cancel_timer("lost")
        self._temp_c = temp_c
        before = None if self._blind else self._cap_w
        was_blind, self._blind = self._blind, False
        self._set(policy.next_cap_w(before, temp_c, self._profile), always=was_blind)

    @on_timer("lost")
    def on_lost(self) -> None:
        """Cap the module blindly: it may be anything between cold and tripping."""
        left_s = TEMPERATURE_LOST_S - seconds_between(self._lost_since, self.kernel.now)
        if left_s > 0.0:  # at low rates the wall time for the first reading is less than two heartbeats
            self.kernel.set_timer("lost", left_s)
            return
        self._blind = True
        blind_w = policy.blind_cap_w(self._profile)
        self._set(blind_w if self._cap_w is None else min(blind_w, self._cap_w))

    def _set(self, cap_w: float | None, *, always: bool = False) -> None:
        if cap_w == self._cap_w and not always:
            return
        self._cap_w = cap_w
        shown_w = self._profile.compute.max_w if cap_w is None else cap_w
        self.kernel.report("THERMAL_CAP_CHANGED", cap_w=shown_w, temp_c=self._temp_c)
        self.kernel.publish(ThermalCapChanged(cap_w, self._temp_c))
