"""A connection to the broker, as every program sees it. MQTT is a lossy link: our own outboxes carry the guarantee."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

QUEUE_OUT_MAX = 512  # messages waiting to leave one link; the oldest of QoS 0 goes first, QoS 1 is refused
PAYLOAD_BYTES_MAX = 512 * 1024  # one message; a larger one is refused

OnMessage = Callable[[str, bytes], None]
OnState = Callable[[bool], None]


@dataclass(frozen=True, slots=True)
class LinkCounters:
    """What a link has done since it was made."""

    sent: int
    received: int
    refused: int
    connects: int


class Link(Protocol):
    """One client connection. Callbacks run on the loop, one at a time, in the order of arrival."""

    @property
    def connected(self) -> bool:
        """Whether the broker answers now."""
        ...

    @property
    def counters(self) -> LinkCounters:
        """What the link has done since it was made."""
        ...

    def publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> bool:
        """Queue a message and return at once.

        Returns:
            False, and nothing is kept, when the link is down, its queue full or `payload` too large.

        Raises:
            ValueError: `topic` is empty or holds a wildcard.
        """
        ...

    async def run(self, on_message: OnMessage, on_state: OnState) -> None:
        """Connect, subscribe, deliver; connect again for ever. Ends only by cancellation, and then disconnects."""
        ...
