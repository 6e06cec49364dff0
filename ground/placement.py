"""Which node gets a job: a pure choice by expected start, with its reason in words."""

from collections.abc import Sequence
from dataclasses import dataclass

from icd.jobs import JobClass, JobSpec
from icd.tc import PowerMode

# Expected wait until a node in this mode takes new work: about an orbit in SURVIVAL, an operator's time in SAFE.
_SAFE_WAIT_S = 6 * 3600.0
_SURVIVAL_WAIT_S = 5_700.0  # one revolution of a low orbit
_ECLIPSE_WAIT_S = 2_100.0  # the longest eclipse of a low orbit
_LOW_BATTERY_WAIT_S = 1_800.0
_UNKNOWN_WAIT_S = 600.0  # no housekeeping yet
LOW_SOC_FRAC = 0.5
_UNFORESEEN_WAIT_S = 7_200.0  # not heard, and no contact foreseen or looked for: some revolutions


@dataclass(frozen=True, slots=True)
class Standing:
    """What the choice may know of a node."""

    node: str
    heard: bool
    contact_in_s: float | None  # until it may be heard again; None when no contact is foreseen
    mode: PowerMode | None  # None before the first housekeeping
    soc_frac: float | None
    backlog_s: float  # declared work of the jobs it has
    has_room: bool  # one more telecommand may wait for it
    slots: int


@dataclass(frozen=True, slots=True)
class Choice:
    """The chosen node, when the job may start there, and why there."""

    node: str
    heard: bool
    start_in_s: float
    why: str


def choose(spec: JobSpec, wanted: str | None, standings: Sequence[Standing]) -> Choice | None:
    """Return the node where the job may start soonest; a heard one, then the first of the fleet, when equal.

    A wanted node is taken whatever its state. None when there is nothing to choose from.
    """
    choices = [_rate(spec, standing) for standing in standings if wanted is None or standing.node == wanted]
    return min(choices, key=lambda choice: (choice.start_in_s, not choice.heard), default=None)


def _rate(spec: JobSpec, standing: Standing) -> Choice:
    reasons: list[str] = []
    wait_s = standing.backlog_s / max(1, standing.slots)
    if standing.backlog_s > 0.0:
        reasons.append(f"{standing.backlog_s:.0f} s of work before it")
    for extra_s, reason in (_mode_wait(spec.job_class, standing.mode), _battery_wait(standing.soc_frac)):
        if extra_s > 0.0:
            wait_s += extra_s
            reasons.append(reason)
    heard = standing.heard and standing.has_room
    if not standing.heard:
        wait_s += _UNFORESEEN_WAIT_S if standing.contact_in_s is None else standing.contact_in_s
        reasons.append("not heard" if standing.contact_in_s is None else f"heard in {standing.contact_in_s:.0f} s")
    elif not standing.has_room:
        reasons.append("many telecommands wait for it")
    return Choice(standing.node, heard, wait_s, ", ".join(reasons) or "idle")


def _mode_wait(job_class: JobClass, mode: PowerMode | None) -> tuple[float, str]:
    match mode:
        case None:
            return _UNKNOWN_WAIT_S, "no housekeeping yet"
        case PowerMode.SAFE:
            return _SAFE_WAIT_S, "in SAFE"
        case PowerMode.SURVIVAL:
            return _SURVIVAL_WAIT_S, "in SURVIVAL"
        case PowerMode.ECLIPSE if job_class is not JobClass.HOT:
            return _ECLIPSE_WAIT_S, "in ECLIPSE"
        case _:
            return 0.0, ""


def _battery_wait(soc_frac: float | None) -> tuple[float, str]:
    if soc_frac is None or soc_frac >= LOW_SOC_FRAC:
        return 0.0, ""
    return _LOW_BATTERY_WAIT_S * (1.0 - soc_frac / LOW_SOC_FRAC), f"battery at {soc_frac:.2f}"
