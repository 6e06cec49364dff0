"""Compute module: what it draws, given power state, allocations, cap and temperature.

Throttling halves what is drawn above idle, as a hardware slowdown halves the clock (NVML clocks event reasons: 0x4
software power cap, 0x20 software thermal slowdown).
"""

from dataclasses import dataclass, field

POWER_CAP = 0x4
THERMAL = 0x20
THROTTLE_HYSTERESIS_K = 5.0
THROTTLED_SHARE = 0.5


@dataclass(slots=True)
class Compute:
    """State of the module. `allocated` maps job id to W."""

    idle_w: float
    max_w: float
    cap_w: float
    powered: bool = True
    throttled: bool = False
    hung: bool = False
    allocated: dict[str, float] = field(default_factory=dict)

    @property
    def power_w(self) -> float:
        """What the module draws, W."""
        if not self.powered:
            return 0.0
        if self.hung:
            return self.idle_w
        drawn = max(self.idle_w, min(self._wanted_w, self.cap_w, self.max_w))
        return self.idle_w + (drawn - self.idle_w) * THROTTLED_SHARE if self.throttled else drawn

    @property
    def throttle_reasons(self) -> int:
        """Why it draws less than its jobs want: NVML bits."""
        if not self.powered or self.hung:
            return 0
        capped = self._wanted_w > max(self.idle_w, min(self.cap_w, self.max_w))
        return (POWER_CAP if capped else 0) | (THERMAL if self.throttled else 0)

    @property
    def _wanted_w(self) -> float:
        return self.idle_w + sum(self.allocated.values())

    def power_off(self) -> None:
        """Cut the power; what was allocated is gone."""
        self.powered = False
        self.throttled = False
        self.allocated.clear()

    def reset(self) -> None:
        """Power-cycle: on, empty, uncapped, no longer hung."""
        self.powered = True
        self.hung = False
        self.cap_w = self.max_w
        self.allocated.clear()
