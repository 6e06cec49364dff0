"""Electrical power system: battery, array and loads, and which loads the bus feeds."""

from hwsim.vehicle import Vehicle
from icd.hw import EpsReading, LoadProfile, Quality
from icd.timebase import MissionTime


class Eps:
    """The power unit of one satellite."""

    def __init__(self, vehicle: Vehicle) -> None:
        self._vehicle = vehicle

    def truth(self, at: MissionTime) -> EpsReading:
        """Return charge, powers and light at the present instant, to which the vehicle is settled."""
        vehicle = self._vehicle
        return EpsReading(
            quality=Quality.GOOD,
            soc_frac=vehicle.battery.soc_frac,
            battery_wh=vehicle.battery.energy_wh,
            solar_w=vehicle.solar_w,
            load_w=vehicle.load_w,
            sunlit_frac=vehicle.sunlit_frac,
            profile=vehicle.load_profile,
            pack_temp_c=vehicle.battery.temp_c,
            health_frac=min(1.0, vehicle.battery.left_frac),
        )

    def silence(self) -> EpsReading:
        """Return the reading of quality LOST."""
        return EpsReading(
            quality=Quality.LOST,
            soc_frac=None,
            battery_wh=None,
            solar_w=None,
            load_w=None,
            sunlit_frac=None,
            profile=None,
            pack_temp_c=None,
            health_frac=None,
        )

    def set_profile(self, profile: LoadProfile) -> None:
        """Choose what the bus feeds besides compute."""
        self._vehicle.settle()
        self._vehicle.load_profile = profile
        self._vehicle.predict()

    def reset(self) -> None:
        """Power-cycle: the bus feeds everything again."""
        self.set_profile(LoadProfile.FULL)
