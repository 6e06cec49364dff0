"""The laser data ports of a node over runtime's LaserPort, one per terminal."""

from collections.abc import Callable, Sequence

from node.adapters.edge import Edge
from node.messages import IslFrameReceived, IslPortChanged
from runtime.laser import FRAME_BYTES_MAX, LaserPort

SOURCE = "isl"


class LaserIslPorts:
    """Implements node.ports.isl.IslPorts. Each port runs with the callbacks of its terminal."""

    def __init__(self, ports: Sequence[LaserPort], edge: Edge) -> None:
        self.rejected = 0  # frames too large to look at
        self.refused = 0  # frames that the app's pipe did not take
        self._ports = tuple(ports)
        self._edge = edge
        self._told_up = [False] * len(self._ports)

    @property
    def ports(self) -> tuple[LaserPort, ...]:
        """The ports, by terminal."""
        return self._ports

    def send(self, terminal: int, payload: bytes) -> bool:
        """Send one frame; False when the port has no peer, and nothing is kept."""
        if not 0 <= terminal < len(self._ports) or not self._ports[terminal].send(payload):
            return False
        self._edge.record_output(SOURCE, str(terminal), len(payload))
        return True

    def callbacks(self, terminal: int) -> tuple[Callable[[bytes], None], Callable[[bool], None]]:
        """Return `on_frame` and `on_state` of a terminal, for its port's `run`."""
        return lambda frame: self._on_frame(terminal, frame), lambda up: self._on_state(terminal, up)

    def _on_frame(self, terminal: int, frame: bytes) -> None:
        if len(frame) > FRAME_BYTES_MAX:
            self.rejected += 1
            detail = f"{len(frame)} bytes is larger than {FRAME_BYTES_MAX}"
            self._edge.report("ISL_FRAME_REJECTED", terminal=terminal, detail=detail)
            return
        self._edge.record_input(SOURCE, str(terminal), frame)
        if not self._edge.post(IslFrameReceived(terminal, frame)):
            self.refused += 1

    def _on_state(self, terminal: int, up: bool) -> None:
        if up is not self._told_up[terminal]:
            self._told_up[terminal] = up
            self._edge.record_input(SOURCE, f"{terminal}/state", b"up" if up else b"down")
            self._edge.post(IslPortChanged(terminal, up))
