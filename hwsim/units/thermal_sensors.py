"""Thermal sensors: the temperature of the compute module's cold plate."""

from hwsim.vehicle import Vehicle
from icd.hw import Quality, ThermalReading
from icd.timebase import MissionTime


class ThermalSensors:
    """The cold plate's sensor of one satellite."""

    def __init__(self, vehicle: Vehicle) -> None:
        self._vehicle = vehicle

    def truth(self, at: MissionTime) -> ThermalReading:
        """Return the temperature at the present instant, to which the vehicle is settled."""
        return ThermalReading(quality=Quality.GOOD, module_temp_c=self._vehicle.radiator.temp_c)

    def silence(self) -> ThermalReading:
        """Return the reading of quality LOST."""
        return ThermalReading(quality=Quality.LOST, module_temp_c=None)
