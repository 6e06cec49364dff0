"""The MQTT topic grammar, built and parsed in this one place.

dl/NODE/hk       node -> ground   housekeeping                 QoS 0
dl/NODE/report   node -> ground   outbox batches               QoS 1
dl/NODE/xfer     node -> ground   chunks and chunk acks        QoS 1
ul/NODE/tc       ground -> node   signed telecommands          QoS 1
ul/NODE/ack      ground -> node   outbox acknowledgements      QoS 0
ul/NODE/xfer     ground -> node   chunks and chunk acks        QoS 1
av/NODE/frame    hwsim -> node    device readings              QoS 0
av/NODE/cmd      node -> hwsim    device commands              QoS 1
sim/time         hwsim -> all     time authority, retained     QoS 1
sim/fault        any -> hwsim     fault injection              QoS 1
sim/faults       hwsim -> all     active faults, retained      QoS 1
"""

from dataclasses import dataclass

from icd.ids import NodeId, is_name

SIM_TIME = "sim/time"
SIM_FAULT = "sim/fault"
SIM_FAULTS = "sim/faults"

_CHANNELS = {"dl": ("hk", "report", "xfer"), "ul": ("tc", "ack", "xfer"), "av": ("frame", "cmd")}


@dataclass(frozen=True, slots=True)
class Topic:
    """A parsed node topic: `tree` is dl, ul or av."""

    tree: str
    node: NodeId
    channel: str


def parse(topic: str) -> Topic | None:
    """Return the parts of a node topic, or None when it is not of this grammar."""
    parts = topic.split("/")
    if len(parts) != 3 or parts[2] not in _CHANNELS.get(parts[0], ()) or not is_name(parts[1]):
        return None
    return Topic(parts[0], NodeId(parts[1]), parts[2])


def downlink(node: str, channel: str) -> str:
    """Return the topic on which a node sends to the ground; `channel` is hk, report or xfer."""
    return f"dl/{node}/{channel}"


def uplink(node: str, channel: str) -> str:
    """Return the topic on which the ground sends to a node; `channel` is tc, ack or xfer."""
    return f"ul/{node}/{channel}"


def avionics(node: str, channel: str) -> str:
    """Return a topic of a node's avionics bus; `channel` is frame or cmd."""
    return f"av/{node}/{channel}"
