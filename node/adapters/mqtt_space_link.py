"""The space link over a broker connection: topics to channels, bounds, coming and going."""

from dataclasses import dataclass

from icd import topics
from icd.events import OutboxAck
from icd.tc import SignedTelecommand
from icd.transfer import Chunk
from node.adapters.edge import Edge
from node.messages import LinkChanged, UplinkReceived
from runtime.link import Link

SOURCE = "space"
# The largest legal message of each uplink channel; what is larger is refused unread.
UPLINK_BYTES_MAX = {"tc": SignedTelecommand.MAX_BYTES, "ack": OutboxAck.MAX_BYTES, "xfer": Chunk.MAX_BYTES}
DOWNLINK_QOS = {"hk": 0, "report": 1, "xfer": 1}
_TOPIC_SHOWN = 80  # characters of a foreign topic in an event


@dataclass(slots=True)
class SpaceCounters:
    """What came over the space link and was not passed on."""

    rejected: int = 0  # foreign topic, or too large
    refused: int = 0  # the app's pipe was full


class MqttSpaceLink:
    """Implements node.ports.link.SpaceLink. Its link subscribes to `ul/NODE/+` and runs with this one's callbacks."""

    def __init__(self, node: str, link: Link, edge: Edge) -> None:
        self.counters = SpaceCounters()
        self._node = node
        self._link = link
        self._edge = edge
        self._told_up = False
        self._topics = {channel: topics.downlink(node, channel) for channel in DOWNLINK_QOS}

    @property
    def up(self) -> bool:
        """Whether the ground's broker answers now."""
        return self._link.connected

    def send(self, channel: str, payload: bytes) -> bool:
        """Send on hk, report or xfer; False when the link is down or its queue is full, and nothing is kept."""
        topic = self._topics[channel]
        if not self._link.publish(topic, payload, qos=DOWNLINK_QOS[channel]):
            return False
        self._edge.record_output(SOURCE, topic, len(payload))
        return True

    def on_message(self, topic: str, payload: bytes) -> None:
        """Take a message from the ground; whatever it holds, nothing is raised."""
        parsed = topics.parse(topic)
        if parsed is None or parsed.tree != "ul" or parsed.node != self._node:
            self._reject(topic[:_TOPIC_SHOWN], "not a topic of this node's uplink")
            return
        if len(payload) > UPLINK_BYTES_MAX[parsed.channel]:
            self._reject(parsed.channel, f"{len(payload)} bytes is larger than {UPLINK_BYTES_MAX[parsed.channel]}")
            return
        self._edge.record_input(SOURCE, topic, payload)
        if not self._edge.post(UplinkReceived(parsed.channel, payload)):
            self.counters.refused += 1

    def on_state(self, up: bool) -> None:
        """Take the link's word that it came up or went down; a repetition says nothing."""
        if up is not self._told_up:
            self._told_up = up
            self._edge.record_input(SOURCE, "state", b"up" if up else b"down")
            self._edge.post(LinkChanged(up))

    def _reject(self, channel: str, detail: str) -> None:
        self.counters.rejected += 1
        self._edge.report("UPLINK_REJECTED", channel=channel, detail=detail)
