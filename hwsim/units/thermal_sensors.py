"""Thermal sensors of the cooling chain: cold plate, coolant, radiator."""

from hwsim.vehicle import Vehicle
from icd.hw import Quality, ThermalReading
from icd.timebase import MissionTime


class ThermalSensors:
    """The sensors of one satellite's cooling chain."""

    def __init__(self, vehicle: Vehicle) -> None:
        self._vehicle = vehicle

    def truth(self, at: MissionTime) -> ThermalReading:
        """Return the temperatures at the present instant, to which the vehicle is settled."""
        chain = self._vehicle.chain
        return ThermalReading(
            quality=Quality.GOOD,
            module_temp_c=chain.plate_c,
            loop_temp_c=chain.loop_c,
            radiator_temp_c=chain.radiator_c,
        )

    def silence(self) -> ThermalReading:
        """Return the reading of quality LOST."""
        return ThermalReading(quality=Quality.LOST, module_temp_c=None, loop_temp_c=None, radiator_temp_c=None)
