"""The bench's own connection to the broker: it hears of faults, and executes the reset when a watchdog bites."""

import contextlib
from collections.abc import Callable

from flatsat.configs import LOOPBACK, Setting
from icd import codec, topics
from icd.faults import ActiveFaults
from icd.hw import DeviceFrame, WatchdogReading
from runtime.mqtt_link import BrokerSettings, MqttLink


class BenchLink:
    """Listens to every node's device frames for the watchdog's word, and to what faults are in force."""

    def __init__(
        self, setting: Setting, on_bite: Callable[[str], None], on_faults: Callable[[ActiveFaults], None]
    ) -> None:
        password = setting.run.keys.broker_password("bench").read_text().strip()
        access = BrokerSettings(LOOPBACK, setting.ports.broker, "bench", password)
        self._link = MqttLink(access, "bench", ("av/+/frame", topics.SIM_FAULTS))
        self._nodes = setting.mission.node_ids
        self._on_bite = on_bite
        self._on_faults = on_faults
        self._bites: dict[str, int] = {}

    async def run(self) -> None:
        """Listen until cancelled."""
        await self._link.run(self.on_message, lambda up: None)

    def on_message(self, topic: str, payload: bytes) -> None:
        """Look into a frame for a bite, or at the faults in force; what is neither is left."""
        if topic == topics.SIM_FAULTS:
            with contextlib.suppress(codec.DecodeError):
                self._on_faults(codec.decode(payload, ActiveFaults))
            return
        where = topics.parse(topic)
        if where is None or where.node not in self._nodes:
            return
        try:
            frame = codec.decode(payload, DeviceFrame)
        except codec.DecodeError:
            return  # the node counts bad frames; the bench only looks for bites
        if frame.node != where.node:
            return
        for reading in frame.readings:
            if isinstance(reading, WatchdogReading):
                known = self._bites.get(frame.node, reading.bites)
                self._bites[frame.node] = reading.bites  # fewer than before: the simulator came back from a snapshot
                if reading.bites > known:
                    self._on_bite(frame.node)
