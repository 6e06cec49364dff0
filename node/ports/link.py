"""The space link, as the apps see it."""

from typing import Protocol


class SpaceLink(Protocol):
    """Bytes to the ground. What arrives comes as UplinkReceived; coming and going of the link as LinkChanged."""

    @property
    def up(self) -> bool:
        """Whether the ground's broker answers now."""
        ...

    def send(self, channel: str, payload: bytes) -> bool:
        """Send on hk, report or xfer; False when the link is down or its queue is full, and nothing is kept."""
        ...
