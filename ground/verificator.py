"""How far each telecommand has come: stage reports in, in any order and more than once, one truth out."""

from collections.abc import Callable
from dataclasses import replace

from ground.desk import Desk
from ground.ports.archive import TcRow, TcStage
from icd.verification import VerificationReport

# A stage further down the list wins over one before it. The node's word wins over the ground's guess EXPIRED.
_RANK: dict[TcStage, int] = {
    TcStage.ISSUED: 0,
    TcStage.EXPIRED: 1,
    TcStage.RECEIVED: 2,
    TcStage.ACCEPTED: 3,
    TcStage.STARTED: 4,
    TcStage.PROGRESS: 5,
    TcStage.COMPLETED: 6,
    TcStage.FAILED: 6,
}


def advance(row: TcRow, report: VerificationReport) -> TcRow | None:
    """Return the telecommand after a report, or None when the report is no news: late, or of an ended one."""
    stage = TcStage(report.stage.value)
    known, new = _RANK[row.stage], _RANK[stage]
    if new < known or known == _RANK[TcStage.COMPLETED] or (new == known and stage is not TcStage.PROGRESS):
        return None
    reason = None if report.reason is None else report.reason.value
    return replace(row, stage=stage, reason=reason, detail=report.detail)


class Verificator:
    """Takes stage reports and tells who asked when a telecommand moves."""

    def __init__(self, desk: Desk, on_moved: Callable[[TcRow], None]) -> None:
        self._desk = desk
        self._on_moved = on_moved

    def on_report(self, node: str, report: VerificationReport) -> bool:
        """Take a report; False when this node was never sent that telecommand. Runs in the caller's transaction."""
        tcs = self._desk.archive.tcs
        row = tcs.find(report.request_id)
        if row is None or row.node != node:
            return False
        if not tcs.add_stage(report):
            return True
        moved = advance(row, report)
        self._desk.feed.tc(row.request_id)
        if moved is not None:
            tcs.move(row.request_id, moved.stage, moved.reason, moved.detail, self._desk.clock.now())
            self._on_moved(moved)
        return True
