"""Which app carries out which command, and whether it may be carried out twice."""

from typing import assert_never

from icd.tc import (
    CancelJob,
    EnterSafe,
    LeaveSafe,
    Ping,
    ResetUnit,
    SetComputeCap,
    SetHkInterval,
    SetIslEnabled,
    SubmitJob,
    Telecommand,
)
from node.kernel.bus import BusMessage
from node.messages import FdirTc, IslTc, JobsTc, PowerTc, TelemetryTc

# Commands whose second execution changes nothing that the first did not: after a reset of the processor, one that was
# accepted and not answered goes to its app again. A command that is not named here is closed as INTERRUPTED instead.
REPEATABLE: frozenset[str] = frozenset(
    (
        "ping",
        "enter_safe",  # sets a latch
        "leave_safe",  # clears it
        "set_hk_interval",  # sets a value
        "set_compute_cap",  # sets a value
        "set_isl_enabled",  # sets a value
        "reset_unit",  # a unit that was power-cycled twice stands where it stood after the first time
        "submit_job",  # the job id makes it one job
        "cancel_job",  # a job ends once
    )
)


def message_for(tc: Telecommand) -> BusMessage:
    """Return the on-board message that hands the command to the app that carries it out."""
    command = tc.command
    match command:
        case EnterSafe() | LeaveSafe() | SetComputeCap():
            return PowerTc(tc.request_id, command)
        case SubmitJob() | CancelJob():
            return JobsTc(tc.request_id, command)
        case SetIslEnabled():
            return IslTc(tc.request_id, command)
        case SetHkInterval() | Ping():
            return TelemetryTc(tc.request_id, command)
        case ResetUnit():
            return FdirTc(tc.request_id, command)
        case _:
            assert_never(command)
