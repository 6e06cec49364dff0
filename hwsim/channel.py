"""What the simulator tells the carriers of real connections: which paths there are now, and how long they are."""

from typing import Protocol

from hwsim.network import LaserPath, SpacePath
from hwsim.units.laser_terminal import TerminalKey


class Channels(Protocol):
    """The carriers of space links and laser links. Both calls return at once; times are mission times.

    At rate 0 connections stand and what is sent waits.
    """

    def set_space(self, node: str, path: SpacePath | None) -> None:
        """Give a node a path to the ground, or take it away: what is connected is then really cut."""
        ...

    def set_laser(self, a: TerminalKey, b: TerminalKey, path: LaserPath | None) -> None:
        """Join two terminals' data ports with a delay and a rate, or change these, or part the ports."""
        ...
