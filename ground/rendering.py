"""Archive rows to views: what is kept, said in the API's words."""

import json
from dataclasses import dataclass
from typing import Any

from ground.ports.archive import EventRow, GroundJobState, HkRow, JobRow, TcRow, TimelineRow
from ground.views import EventView, JobDetailView, JobReportView, JobView, LaserView, StageView, TcView
from icd.jobs import HOLD_ADVICE, HoldReason
from icd.timebase import NS_PER_S, MissionTime, to_iso
from icd.verification import VerificationReport

LASERS_MAX = 16
_ADVICE = {reason.value: advice for reason, advice in HOLD_ADVICE.items()}
_WAITING = frozenset((GroundJobState.STAGING, GroundJobState.QUEUED))


@dataclass(frozen=True, slots=True)
class TimeScale:
    """Mission time to the API's seconds since the epoch."""

    epoch: MissionTime

    def s(self, at: MissionTime | int) -> float:
        """Return seconds since the epoch, to the millisecond."""
        return round((at - self.epoch) / NS_PER_S, 3)

    def maybe_s(self, at: MissionTime | int | None) -> float | None:
        """Return seconds since the epoch, or None of None."""
        return None if at is None else self.s(at)


def event_view(row: EventRow, scale: TimeScale) -> EventView:
    """Return an event's view."""
    return {
        "id": row.number,
        "node": row.node,
        "at_s": scale.s(row.at),
        "at_iso": to_iso(row.at),
        "severity": row.severity,
        "event_id": row.event_id,
        "app": row.app,
        "text": row.text,
    }


def stage_view(report: VerificationReport, scale: TimeScale) -> StageView:
    """Return a stage's view."""
    at = MissionTime(report.at)
    return {
        "stage": report.stage.value,
        "step": report.step,
        "at_s": scale.s(at),
        "at_iso": to_iso(at),
        "reason": None if report.reason is None else report.reason.value,
        "detail": report.detail,
    }


def tc_view(row: TcRow, stages: list[VerificationReport], scale: TimeScale) -> TcView:
    """Return a telecommand's view."""
    return {
        "request_id": row.request_id,
        "node": row.node,
        "command": _command_view(row.command, scale),
        "user": row.user,
        "key_id": row.key_id,
        "sequence": row.sequence,
        "issued_s": scale.s(row.issued_at),
        "issued_iso": to_iso(row.issued_at),
        "expires_s": scale.s(row.expires_at),
        "sent": row.sent,
        "stage": row.stage.value,
        "reason": row.reason,
        "detail": row.detail,
        "updated_s": scale.s(row.updated_at),
        "stages": [stage_view(report, scale) for report in stages],
    }


@dataclass(frozen=True, slots=True)
class QueueNote:
    """What the newest housekeeping adds to a job's own row."""

    hold_reason: str | None
    queue_position: int | None
    progress_frac: float | None


def job_view(row: JobRow, note: QueueNote, scale: TimeScale) -> JobView:
    """Return a job's view."""
    hold = "BUNDLE_MISSING" if row.state is GroundJobState.STAGING else note.hold_reason
    hold = hold if row.state in _WAITING else None
    return {
        "job_id": row.job_id,
        "tenant": row.spec.tenant,
        "job_class": row.spec.job_class.value,
        "priority": row.spec.priority,
        "node": row.node,
        "state": row.state.value,
        "reason": row.reason,
        "detail": row.detail,
        "attempt": row.attempt,
        "progress_frac": row.progress_frac if note.progress_frac is None else note.progress_frac,
        "hold_reason": hold,
        "hold_advice": advice(hold),
        "queue_position": note.queue_position,
        "submitted_s": scale.s(row.submitted_at),
        "updated_s": scale.s(row.updated_at),
        "energy_wh": row.energy_wh,
        "result_state": row.result_state.value,
        "result_bytes": row.result_bytes,
        "result_sha256": row.result_sha256,
        "deadline_s": scale.maybe_s(row.spec.deadline),
        "request_id": row.request_id,
        "cancel_wanted": row.cancel_wanted,
    }


def job_detail(view: JobView, row: JobRow, timeline: list[TimelineRow], scale: TimeScale) -> JobDetailView:
    """Return a job's view with its spec and its reports."""
    return {
        **view,
        "spec": _spec_view(row.spec.model_dump(mode="json"), scale),
        "reports": [_report_view(step, scale) for step in timeline],
    }


def advice(hold_reason: str | None) -> str | None:
    """Return what to do about a hold."""
    return None if not hold_reason else _ADVICE.get(hold_reason, "")


def lasers(text: str) -> list[LaserView]:
    """Return the terminals that a housekeeping text describes; what is malformed in it is left out."""
    found: list[LaserView] = []
    for part in text.split()[:LASERS_MAX]:
        fields = part.split(":")
        if len(fields) != 4 or not fields[0].isdecimal() or not (fields[3] or "0").isdecimal():
            continue
        terminal, state, peer, rate_bps = fields
        found.append({"terminal": int(terminal), "state": state, "peer": peer, "rate_bps": float(rate_bps or 0)})
    return found


def running(hk: HkRow | None) -> list[str]:
    """Return the ids of the jobs that a sample says are running."""
    return [] if hk is None else [job_id for job_id in hk.sample.jobs_running.split(",") if job_id]


def known_hold(text: str) -> str | None:
    """Return a hold reason from housekeeping, None when it holds none."""
    return text if text in HoldReason.__members__ else None


def _command_view(text: str, scale: TimeScale) -> dict[str, Any]:
    command: dict[str, Any] = json.loads(text)
    return {**command, "spec": _spec_view(command["spec"], scale)} if "spec" in command else command


def _spec_view(spec: dict[str, Any], scale: TimeScale) -> dict[str, Any]:
    """Return a job's spec with its deadline in the API's seconds: a mission time is too long for a browser."""
    kept = {name: value for name, value in spec.items() if name != "deadline"}
    return {**kept, "deadline_s": scale.maybe_s(spec["deadline"])}


def _report_view(step: TimelineRow, scale: TimeScale) -> JobReportView:
    report = step.report
    at = MissionTime(report.at)
    return {
        "at_s": scale.s(at),
        "at_iso": to_iso(at),
        "node": step.node,
        "state": report.state.value,
        "attempt": report.attempt,
        "reason": None if report.reason is None else report.reason.value,
        "detail": report.detail,
        "progress_frac": report.progress_frac,
        "checkpoint": report.checkpoint,
        "exit_code": report.exit_code,
        "energy_wh": report.energy_wh,
    }
