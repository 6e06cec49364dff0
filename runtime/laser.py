"""A laser terminal's data port, as a node sees it: frames to whichever terminal is locked on ours."""

from collections.abc import Callable
from typing import Protocol

FRAME_BYTES_MAX = 16 * 1024


class LaserPort(Protocol):
    """One terminal's data port: connected while two terminals are locked on each other and both ports are open."""

    @property
    def connected(self) -> bool:
        """Whether a peer's port is at the other end."""
        ...

    def send(self, frame: bytes) -> bool:
        """Send one frame; False when not connected, empty or too large. Order is kept, delivery is not promised."""
        ...

    async def run(self, on_frame: Callable[[bytes], None], on_state: Callable[[bool], None]) -> None:
        """Hold the port open, again and again, until cancelled."""
        ...
