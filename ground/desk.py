"""What every part of the ground works with, and the one way by which anything goes up."""

from dataclasses import dataclass

from ground.feed import Feed
from ground.fleet import FleetWatch
from ground.notices import Notices
from ground.ports.archive import Archive
from ground.ports.files import Files
from icd.codec import encode
from icd.envelope import Message
from icd.topics import uplink
from runtime.clock import MissionClock
from runtime.link import Link


@dataclass(frozen=True, slots=True)
class Stores:
    """Where the ground keeps things."""

    archive: Archive
    files: Files


@dataclass(frozen=True, slots=True)
class Desk:
    """The shared surroundings of the ground's parts."""

    clock: MissionClock
    link: Link
    archive: Archive
    files: Files
    watch: FleetWatch
    feed: Feed
    notices: Notices

    def can_send(self, node: str) -> bool:
        """Return whether sending to a node makes sense: the broker answers and the node is heard."""
        return self.link.connected and self.watch.heard(node)

    def send(self, node: str, channel: str, message: Message, qos: int) -> bool:
        """Send a message up; False when the link does not take it now."""
        return self.link.publish(uplink(node, channel), encode(message), qos=qos)
