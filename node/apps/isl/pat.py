"""Pointing, acquisition and tracking of one terminal, and the lease on its link, as transition tables."""

from collections import deque
from enum import StrEnum, unique

from icd.hw import PatState
from node.kernel.fsm import TransitionTable


@unique
class PatTrigger(StrEnum):
    """What moves a terminal. All come from its readings: the terminal is the truth."""

    POINT = "POINT"
    AIMED = "AIMED"
    LOCKED = "LOCKED"
    BROKEN = "BROKEN"
    STOPPED = "STOPPED"
    SWITCHED_OFF = "SWITCHED_OFF"
    SWITCHED_ON = "SWITCHED_ON"


_S, _T = PatState, PatTrigger

PAT_TABLE: TransitionTable[PatState, PatTrigger] = TransitionTable(
    "pat",
    _S.IDLE,
    (
        (_S.IDLE, _T.POINT, _S.SLEW),
        (_S.IDLE, _T.SWITCHED_OFF, _S.OFF),
        (_S.SLEW, _T.AIMED, _S.ACQUIRE),
        (_S.SLEW, _T.STOPPED, _S.IDLE),
        (_S.SLEW, _T.SWITCHED_OFF, _S.OFF),
        (_S.ACQUIRE, _T.LOCKED, _S.TRACK),
        (_S.ACQUIRE, _T.BROKEN, _S.LOST),
        (_S.ACQUIRE, _T.POINT, _S.SLEW),
        (_S.ACQUIRE, _T.STOPPED, _S.IDLE),
        (_S.ACQUIRE, _T.SWITCHED_OFF, _S.OFF),
        (_S.TRACK, _T.BROKEN, _S.LOST),
        (_S.TRACK, _T.POINT, _S.SLEW),
        (_S.TRACK, _T.STOPPED, _S.IDLE),
        (_S.TRACK, _T.SWITCHED_OFF, _S.OFF),
        (_S.LOST, _T.POINT, _S.SLEW),
        (_S.LOST, _T.AIMED, _S.ACQUIRE),
        (_S.LOST, _T.STOPPED, _S.IDLE),
        (_S.LOST, _T.SWITCHED_OFF, _S.OFF),
        (_S.OFF, _T.SWITCHED_ON, _S.IDLE),
    ),
)


def steps(source: PatState, target: PatState) -> tuple[PatTrigger, ...]:
    """Return the fewest triggers from one state to another.

    Device frames may be lost, so that a reading may be several states ahead: the machine then walks all of them.
    """
    return _STEPS[source, target]


def _search(source: PatState) -> dict[tuple[PatState, PatState], tuple[PatTrigger, ...]]:
    found: dict[tuple[PatState, PatState], tuple[PatTrigger, ...]] = {(source, source): ()}
    queue = deque([source])
    while queue:
        here = queue.popleft()
        for start, trigger, end in PAT_TABLE.edges:
            if start is here and (source, end) not in found:
                found[source, end] = (*found[source, here], trigger)
                queue.append(end)
    return found


_STEPS = {pair: path for state in PatState for pair, path in _search(state).items()}


@unique
class LeaseState(StrEnum):
    """How far the two ends of a link have agreed."""

    NONE = "NONE"
    OFFERED = "OFFERED"
    HELD = "HELD"


@unique
class LeaseTrigger(StrEnum):
    """What moves a lease."""

    OFFER = "OFFER"
    AGREED = "AGREED"
    DROP = "DROP"
    EXPIRE = "EXPIRE"


ISL_LEASE: TransitionTable[LeaseState, LeaseTrigger] = TransitionTable(
    "isl_lease",
    LeaseState.NONE,
    (
        (LeaseState.NONE, LeaseTrigger.OFFER, LeaseState.OFFERED),
        (LeaseState.OFFERED, LeaseTrigger.AGREED, LeaseState.HELD),
        (LeaseState.OFFERED, LeaseTrigger.DROP, LeaseState.NONE),
        (LeaseState.HELD, LeaseTrigger.DROP, LeaseState.NONE),
        (LeaseState.HELD, LeaseTrigger.EXPIRE, LeaseState.NONE),
    ),
)
