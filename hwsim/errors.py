"""What can go wrong in the simulator.

HwsimError
|- ConfigError        the configuration file is not usable: an operator's line, exit code 2
|- SnapshotError      a snapshot is absent, torn or of another fleet: start afresh
|- FaultRefusedError  a fault order names what is not there: counted and answered
|- OrderRefusedError  a device order names what is not there: counted
|- EnergyBookError    the energy of a satellite does not add up: ours, stop
|- HeatBookError      the heat of a satellite does not add up: ours, stop
`- KernelStuckError   an instant does not end: ours, stop
"""


class HwsimError(Exception):
    """Base of the simulator's errors."""


class ConfigError(HwsimError):
    """The configuration cannot be used; the text names file, key, what was found and what is allowed."""


class SnapshotError(HwsimError):
    """A snapshot cannot be used; the text says why."""


class FaultRefusedError(HwsimError):
    """A fault order cannot be carried out; the text says why in one line."""


class OrderRefusedError(HwsimError):
    """A device order cannot be carried out; the text says why in one line."""


class EnergyBookError(HwsimError):
    """Energy was made or lost: the sums of a satellite's energy book do not close."""


class HeatBookError(HwsimError):
    """Heat was made or lost: the sums of a satellite's heat book do not close."""


class KernelStuckError(HwsimError):
    """Events of one instant beget each other without end."""
