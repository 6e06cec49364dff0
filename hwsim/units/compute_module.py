"""Compute module: power switch, cap, and the jobs that are given a share of it."""

from hwsim.errors import OrderRefusedError
from hwsim.models.compute import Compute
from hwsim.radiation import Radiation
from hwsim.vehicle import Vehicle
from icd.hw import ComputeReading, ModuleHealth, Quality
from icd.timebase import MissionTime

JOBS_MAX = 64  # as many as a reading can name


class ComputeModule:
    """The module of one satellite. While hung it takes no order but a reset."""

    def __init__(self, vehicle: Vehicle, radiation: Radiation) -> None:
        self._vehicle = vehicle
        self._radiation = radiation

    @property
    def health(self) -> ModuleHealth:
        """What the module's supervisor says of it: it watches heartbeat and supply."""
        compute = self._vehicle.compute
        if compute.powered and compute.hung:
            return ModuleHealth.HUNG
        return ModuleHealth.OVER_CURRENT if compute.latchup_w > 0.0 else ModuleHealth.GOOD

    def truth(self, at: MissionTime) -> ComputeReading:
        """Return draw, cap, allocations, clock and die temperature."""
        compute = self._vehicle.compute
        return ComputeReading(
            quality=Quality.GOOD,
            powered=compute.powered,
            power_w=compute.power_w,
            cap_w=compute.cap_w,
            allocated=tuple(compute.allocated),
            throttle_reasons=compute.throttle_reasons,
            clock_mhz=compute.clock_mhz,
            die_temp_c=self._vehicle.chain.die_c,
            health=self.health,
            corrected=self._radiation.corrected,
            uncorrectable=self._radiation.uncorrectable,
            dose_rad=self._radiation.dose_rad,
        )

    def silence(self) -> ComputeReading:
        """Return the reading of quality LOST."""
        return ComputeReading(
            quality=Quality.LOST,
            powered=None,
            power_w=None,
            cap_w=None,
            allocated=(),
            throttle_reasons=0,
            clock_mhz=None,
            die_temp_c=None,
        )

    def allocate(self, job_id: str, power_w: float) -> None:
        """Give a job its share.

        Raises:
            OrderRefusedError: the module is hung, off or full.
        """
        compute = self._changing()
        if not compute.powered:
            raise OrderRefusedError(f"compute module is off: {job_id} gets no share")
        if job_id not in compute.allocated and len(compute.allocated) >= JOBS_MAX:
            raise OrderRefusedError(f"compute module holds {JOBS_MAX} jobs: {job_id} gets no share")
        compute.allocated[job_id] = power_w
        self._vehicle.predict()

    def release(self, job_id: str) -> None:
        """Take a job off; nothing happens when it is not there."""
        self._changing().allocated.pop(job_id, None)
        self._vehicle.predict()

    def release_all(self) -> None:
        """Take every job off."""
        self._changing().allocated.clear()
        self._vehicle.predict()

    def set_cap(self, cap_w: float) -> None:
        """Cap the draw; the module's idle draw stays."""
        self._changing().cap_w = cap_w
        self._vehicle.predict()

    def power(self, on: bool) -> None:
        """Switch on or off; switched off, it forgets its jobs.

        Raises:
            OrderRefusedError: the module is hung, or too hot to be switched on.
        """
        compute = self._changing()
        if on and self._vehicle.too_hot:
            raise OrderRefusedError("compute module is above its trip temperature: it stays off")
        if on:
            compute.power_on()
        else:
            compute.power_off()
        self._vehicle.predict()

    def reset(self) -> None:
        """Power-cycle: on, empty, uncapped, no longer hung or latched up."""
        self._vehicle.settle()
        self._vehicle.compute.reset()
        self._vehicle.predict()

    def _changing(self) -> Compute:
        self._vehicle.settle()
        compute = self._vehicle.compute
        if compute.hung:
            raise OrderRefusedError("compute module hangs: it takes no order until it is reset")
        return compute
