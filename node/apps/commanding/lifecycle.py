"""The life of a telecommand on board, as a transition table over its verification stages."""

from enum import StrEnum, unique

from icd.verification import FINAL_STAGES, Stage
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


_WAY: dict[Stage, tuple[TcTrigger, ...]] = {
    _S.STARTED: (_T.START,),
    _S.PROGRESS: (_T.START, _T.STEP),
    _S.COMPLETED: (_T.START, _T.COMPLETE),
    _S.FAILED: (_T.FAIL,),
}


def triggers_to(state: Stage, answer: Stage) -> tuple[TcTrigger, ...]:
    """Return what must fire, in order, for an accepted telecommand to get from its state to the answered stage.

    An app may answer COMPLETED at once: START is fired on its behalf. Nothing fires for an answer that says nothing
    new: a second STARTED, any answer after the end, or a stage that no app may answer.
    """
    way = _WAY.get(answer, ())
    if state in FINAL_STAGES:
        return ()
    return way if state is _S.ACCEPTED or answer is _S.FAILED else way[1:]
