"""Device frames of one node: what changed, once per instant, and everything at each heartbeat."""

from collections.abc import Callable

from hwsim.kernel import FRAMES, Kernel
from hwsim.units.sensor import Sensor
from hwsim.vehicle import Vehicle
from icd.hw import HEARTBEAT_S, DeviceFrame
from icd.timebase import MissionTime, after


class FrameFeed:
    """Gathers touched units into one frame per instant, at least `gap_s` of mission time apart.

    Silent until `begin`: while a resumed world catches up, nobody is told of the past.
    """

    def __init__(
        self,
        kernel: Kernel,
        node: str,
        vehicle: Vehicle,
        sensors: dict[str, Sensor],
        gap_s: float,
        send: Callable[[DeviceFrame], None],
    ) -> None:
        self._kernel = kernel
        self._node = node
        self._vehicle = vehicle
        self._sensors = sensors
        self._gap_s = gap_s
        self._send = send
        self._dirty: set[str] = set()
        self._free_at = kernel.now
        self._live = False
        self._flush_slot = kernel.slot(self._flush, FRAMES)
        self._beat_slot = kernel.slot(self._beat, FRAMES)
        self.counter = 0
        self.dropping = False  # a fault point: frames are counted and not sent

    def begin(self) -> None:
        """Speak from now on, first of everything."""
        self._live = True
        self._beat()

    def touch(self, key: str) -> None:
        """Ask for a unit to be told of: `eps`, `thermal`, `compute`, `gnss`, `watchdog` or `terminal0` and so on."""
        if self._live:
            self._dirty.add(key)
            self._flush_slot.set(max(self._kernel.now, self._free_at))

    def _beat(self) -> None:
        self._dirty.update(self._sensors)
        self._flush_slot.set(max(self._kernel.now, self._free_at))

    def _flush(self) -> None:
        now, dirty = self._kernel.now, self._dirty
        self._vehicle.settle()
        if "eps" in dirty or "thermal" in dirty:  # told together, so that both deadbands start here
            dirty.update(("eps", "thermal"))
        if len(dirty) == len(self._sensors):
            self._beat_slot.set(after(now, HEARTBEAT_S))
        readings = tuple(sensor.report(now) for key, sensor in self._sensors.items() if key in dirty)
        if "eps" in dirty:
            self._vehicle.tell()
        dirty.clear()
        self._free_at = MissionTime(after(now, self._gap_s))
        frame = DeviceFrame(node=self._node, counter=self.counter, at=now, readings=readings)
        self.counter += 1
        if not self.dropping:
            self._send(frame)
