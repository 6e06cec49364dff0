"""The hardware, one small Protocol per unit. Orders return at once; readings arrive as messages of node/messages.py."""

from typing import Protocol

from icd.hw import LoadProfile


class Eps(Protocol):
    """The power system's switches."""

    def set_profile(self, profile: LoadProfile) -> None:
        """Choose what the bus feeds besides compute."""
        ...


class ComputeModule(Protocol):
    """The compute module's power."""

    def allocate(self, job_id: str, power_w: float) -> None:
        """Give a job its share: the module draws this much more."""
        ...

    def release(self, job_id: str) -> None:
        """Take a job off the module."""
        ...

    def release_all(self) -> None:
        """Take every job off the module."""
        ...

    def set_cap(self, cap_w: float) -> None:
        """Cap what the module draws."""
        ...

    def set_power(self, on: bool) -> None:
        """Switch the module on or off."""
        ...


class LaserTerminals(Protocol):
    """The pointing of the laser terminals."""

    def point(self, terminal: int, peer: str, peer_terminal: int, request_id: str) -> None:
        """Slew to a peer and acquire it. SLEW, ACQUIRE, then TRACK or LOST arrive with the request id."""
        ...

    def stop(self, terminal: int) -> None:
        """Drop the link and rest."""
        ...


class Watchdog(Protocol):
    """The hardware watchdog."""

    def serve(self) -> None:
        """Restart its time."""
        ...


class UnitControl(Protocol):
    """Power cycling."""

    def reset(self, unit: str) -> None:
        """Power-cycle a unit of icd.hw.UNITS."""
        ...
