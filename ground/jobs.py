"""Jobs as the ground keeps them: taken once, moved by what the nodes report, ended once."""

import hashlib
from dataclasses import dataclass, replace

from ground.commanding import Commanding
from ground.desk import Desk
from ground.errors import Refused, RefusedError
from ground.ports.archive import JOB_ENDED, GroundJobState, JobRow, ResultState, TcRow, TcStage
from icd.jobs import JobReport, JobSpec
from icd.timebase import MissionTime, after
from icd.verification import Refusal

PLACEMENTS_MAX = 8  # refusals by nodes before a job is given up
BACK_OFF_S = 60.0  # mission time before a refused job is placed again, times the number of refusals

# Refusals of a submission after which the node may still have the job: nobody else may get it.
_IN_DOUBT = frozenset((Refusal.TIMED_OUT.value, Refusal.INTERRUPTED.value, Refusal.APP_FAILED.value))
_S = GroundJobState


@dataclass(frozen=True, slots=True)
class Submission:
    """What a tenant hands in."""

    spec: JobSpec
    node: str | None
    bundle: bytes


class Jobs:
    """The jobs of all tenants."""

    def __init__(self, desk: Desk, commanding: Commanding) -> None:
        self._desk = desk
        self._commanding = commanding

    def submit(self, submission: Submission) -> tuple[JobRow, bool]:
        """Keep a job durably; return it, and whether it is new. The same submission again changes nothing.

        Raises:
            RefusedError: the id belongs to another submission, or no node of the fleet can run the job.
            ArchiveError: it could not be kept.
        """
        spec = submission.spec
        self._check(submission)
        text = f"{spec.model_dump_json()}|{submission.node or ''}"
        digest = hashlib.sha256(text.encode()).hexdigest()
        there = self._desk.archive.jobs.find(spec.job_id)
        if there is not None:
            if there.digest != digest:
                raise RefusedError(Refused.CONFLICT, f"job {spec.job_id} exists with other content", "job_id")
            return there, False
        self._desk.files.put(spec.bundle_sha256, submission.bundle)
        row = _new_row(submission, digest, self._desk.clock.now())
        with self._desk.archive.transaction():
            self._desk.archive.jobs.add(row)
        self._desk.feed.job(row.job_id)
        return row, True

    def cancel(self, job_id: str) -> JobRow:
        """End a job that no node has, or ask its node to end it; an ended job stays as it is.

        Raises:
            RefusedError: no such job.
            ArchiveError: it could not be kept.
        """
        row = self._desk.archive.jobs.find(job_id)
        if row is None:
            raise RefusedError(Refused.UNKNOWN, f"no job {job_id!r}")
        if row.state in JOB_ENDED or row.cancel_wanted:
            return row
        with self._desk.archive.transaction():
            if row.state in (_S.SUBMITTED, _S.PLACED) or self._withdrawn(row):
                return self._put(row, state=_S.CANCELLED, reason="CANCELLED", detail="Cancelled before it went up.")
            return self._put(row, cancel_wanted=True, detail="Cancellation asked for.")

    def on_report(self, node: str, seq: int, report: JobReport) -> bool:
        """Take a node's job report; False when that node does not have the job. Runs in the caller's transaction."""
        row = self._desk.archive.jobs.find(report.job_id)
        if row is None or row.node != node or row.state in (_S.SUBMITTED, _S.PLACED):
            return False
        self._desk.archive.jobs.add_report(node, seq, report)
        self._desk.feed.job(row.job_id)
        if row.state in JOB_ENDED or (report.at, seq) <= (row.report_at, row.report_seq):
            return True
        self._put(
            row,
            state=GroundJobState(report.state.value),
            reason=None if report.reason is None else report.reason.value,
            detail=report.detail,
            attempt=report.attempt,
            progress_frac=row.progress_frac if report.progress_frac is None else report.progress_frac,
            energy_wh=report.energy_wh,
            result_sha256=report.result_sha256 or row.result_sha256,
            result_bytes=row.result_bytes if report.result_bytes is None else report.result_bytes,
            report_at=report.at,
            report_seq=seq,
        )
        return True

    def on_tc(self, tc: TcRow) -> None:
        """Follow what became of a telecommand that carries or cancels a job. Runs in the caller's transaction."""
        row = None if tc.job_id is None else self._desk.archive.jobs.find(tc.job_id)
        if row is None or row.state in JOB_ENDED:
            return
        if tc.request_id == row.request_id:
            self._on_submission(row, tc)
        elif tc.request_id == row.cancel_id:
            self._on_cancellation(row, tc)

    def end(self, row: JobRow, state: GroundJobState, reason: str, detail: str) -> JobRow:
        """End a job on the ground's own account."""
        return self._put(row, state=state, reason=reason, detail=detail)

    def set_result(self, row: JobRow, state: ResultState) -> JobRow:
        """Note where the result is."""
        return self._put(row, result_state=state)

    def place(self, row: JobRow, node: str | None, detail: str) -> JobRow:
        """Note on which node the job shall go, while nothing has been sent."""
        return self._put(row, state=_S.SUBMITTED if node is None else _S.PLACED, node=node, detail=detail)

    def uplink(self, row: JobRow, node: str, request_id: str, detail: str) -> JobRow:
        """Note the telecommand that carries the job; from now on it is this node's until the node refuses."""
        placements = row.placements + 1
        changed = {"state": _S.UPLINKING, "node": node, "request_id": request_id, "placements": placements}
        return self._put(row, **changed, detail=detail)

    def cancelling(self, row: JobRow, cancel_id: str) -> JobRow:
        """Note the telecommand that cancels the job."""
        return self._put(row, cancel_id=cancel_id)

    def _on_submission(self, row: JobRow, tc: TcRow) -> None:
        if row.state is not _S.UPLINKING:
            return
        if tc.stage is TcStage.EXPIRED:
            if not tc.sent:
                self._place_again(row, "It was not sent in time.")
            else:
                self._put(row, detail=f"{tc.node} has not answered; it may hold the job, so the job is not moved.")
        elif tc.stage is TcStage.FAILED:
            said = f"{tc.node} refused: {tc.reason} {tc.detail}".strip()
            if tc.reason in _IN_DOUBT:
                self._put(row, request_id=None, detail=f"{said}; tried again there.", not_before=self._back_off(row))
            elif row.cancel_wanted:
                self._put(row, state=_S.CANCELLED, reason="CANCELLED", detail=said)
            elif tc.reason == Refusal.BAD_ARGUMENT.value:
                self._put(row, state=_S.FAILED, reason="REFUSED", detail=said)
            else:
                self._place_again(row, said)

    def _on_cancellation(self, row: JobRow, tc: TcRow) -> None:
        if tc.stage is TcStage.EXPIRED:
            self._put(row, cancel_id=None)
        elif tc.stage is TcStage.FAILED and tc.reason == Refusal.UNKNOWN_JOB.value:
            self._put(row, state=_S.CANCELLED, reason="CANCELLED", detail=f"{tc.node} has no such job.")
        elif tc.stage is TcStage.FAILED and tc.reason != Refusal.ALREADY_ENDED.value:
            said = f"{tc.node} did not cancel: {tc.reason} {tc.detail}".strip()
            self._put(row, cancel_id=None, cancel_wanted=False, detail=said)

    def _place_again(self, row: JobRow, why: str) -> None:
        if row.placements >= PLACEMENTS_MAX:
            self._put(
                row, state=_S.FAILED, reason="REFUSED", detail=f"{why} Given up after {row.placements} placements."
            )
            return
        self._put(
            row, state=_S.SUBMITTED, node=None, request_id=None, detail=f"{why} Placed again soon.",
            not_before=self._back_off(row),
        )  # fmt: skip

    def _back_off(self, row: JobRow) -> MissionTime:
        return after(self._desk.clock.now(), BACK_OFF_S * max(1, row.placements))

    def _withdrawn(self, row: JobRow) -> bool:
        tc = None if row.request_id is None else self._desk.archive.tcs.find(row.request_id)
        return tc is not None and self._commanding.withdraw(tc, "Withdrawn: the job was cancelled.")

    def _check(self, submission: Submission) -> None:
        spec, fleet = submission.spec, self._desk.watch.fleet
        if submission.node is not None and not self._desk.watch.knows(submission.node):
            raise RefusedError(Refused.INVALID, f"node: no node {submission.node!r} in this fleet", "node")
        if spec.power_w > fleet.profile.compute.max_w:
            raise RefusedError(
                Refused.INVALID, f"power_w: no node gives more than {fleet.profile.compute.max_w:g} W", "power_w"
            )
        if spec.slots > fleet.profile.compute.slots:
            raise RefusedError(Refused.INVALID, f"slots: no node has more than {fleet.profile.compute.slots}", "slots")

    def _put(self, row: JobRow, **changes: object) -> JobRow:
        changed = replace(row, updated_at=self._desk.clock.now(), **changes)  # type: ignore[arg-type]  # names checked
        self._desk.archive.jobs.put(changed)
        self._desk.feed.job(row.job_id)
        return changed


def _new_row(submission: Submission, digest: str, now: MissionTime) -> JobRow:
    return JobRow(
        job_id=submission.spec.job_id,
        spec=submission.spec,
        digest=digest,
        state=_S.SUBMITTED,
        node=None,
        wanted_node=submission.node,
        request_id=None,
        cancel_id=None,
        cancel_wanted=False,
        placements=0,
        not_before=None,
        reason=None,
        detail="",
        attempt=0,
        progress_frac=None,
        energy_wh=0.0,
        result_state=ResultState.NONE,
        result_sha256=None,
        result_bytes=None,
        submitted_at=now,
        updated_at=now,
        report_at=MissionTime(0),
        report_seq=0,
    )
