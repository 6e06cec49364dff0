"""The life of a telecommand on board, as a transition table over its verification stages."""

from enum import StrEnum, unique

from icd.verification import Stage
from node.kernel.fsm import TransitionTable


@unique
class TcTrigger(StrEnum):
    """What moves a telecommand."""

    ACCEPT = "ACCEPT"
    REJECT = "REJECT"
    START = "START"
    STEP = "STEP"
    COMPLETE = "COMPLETE"
    FAIL = "FAIL"


_S, _T = Stage, TcTrigger

TC_TABLE: TransitionTable[Stage, TcTrigger] = TransitionTable(
    "telecommand",
    _S.RECEIVED,
    (
        (_S.RECEIVED, _T.ACCEPT, _S.ACCEPTED),
        (_S.RECEIVED, _T.REJECT, _S.FAILED),
        (_S.ACCEPTED, _T.START, _S.STARTED),
        (_S.ACCEPTED, _T.FAIL, _S.FAILED),
        (_S.STARTED, _T.STEP, _S.PROGRESS),
        (_S.STARTED, _T.COMPLETE, _S.COMPLETED),
        (_S.STARTED, _T.FAIL, _S.FAILED),
        (_S.PROGRESS, _T.STEP, _S.PROGRESS),
        (_S.PROGRESS, _T.COMPLETE, _S.COMPLETED),
        (_S.PROGRESS, _T.FAIL, _S.FAILED),
    ),
)
