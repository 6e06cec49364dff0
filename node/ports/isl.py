"""The laser data ports, as the isl app sees them."""

from typing import Protocol


class IslPorts(Protocol):
    """Frames to the neighbour on a terminal. What arrives comes as IslFrameReceived, IslPortChanged."""

    def send(self, terminal: int, payload: bytes) -> bool:
        """Send one frame; False when the port has no peer, and nothing is kept."""
        ...
