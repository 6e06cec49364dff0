"""Rows and reports for the tests of the node's stores, runners and files."""

from typing import Any

from icd.events import EventReport, Severity
from icd.jobs import JobClass, JobReport, JobSpec, JobState
from icd.timebase import MissionTime
from icd.verification import Refusal, Stage, VerificationReport
from node.ports.store import JobRow, TcRow

NOW = MissionTime(1_787_371_837_000_000_000)
SHA = "ab" * 32


def spec(job_id: str, **changes: Any) -> JobSpec:
    fields: dict[str, Any] = {
        "job_id": job_id,
        "tenant": "acme",
        "job_class": JobClass.BULK,
        "priority": 10,
        "command": ("python3", "job.py"),
        "bundle_sha256": SHA,
        "bundle_bytes": 100,
        "power_w": 500.0,
        "slots": 1,
        "memory_mb": 256,
        "disk_mb": 8,
        "time_limit_s": 20.0,
        "grace_s": 1.0,
        "work_s": 600.0,
        "checkpoint_every_s": 60.0,
        "retries_max": 1,
        "deadline": None,
    }
    return JobSpec(**{**fields, **changes})


def job_row(job_id: str, state: JobState = JobState.STAGING) -> JobRow:
    return JobRow(spec(job_id), f"req-{job_id}", state, NOW, 0, 0, 0, None, None, None, None, None, None, 0.0)


def job_report(job_id: str, state: JobState, attempt: int = 0) -> JobReport:
    return JobReport(
        job_id=job_id,
        state=state,
        attempt=attempt,
        at=NOW,
        reason=None,
        detail="",
        progress_frac=None,
        checkpoint=None,
        exit_code=None,
        result_sha256=None,
        result_bytes=None,
        energy_wh=0.0,
    )


def tc_row(request_id: str, sequence: int = 1) -> TcRow:
    return TcRow(request_id, SHA, "op", sequence, b"body", NOW, Stage.ACCEPTED, 0)


def tc_report(request_id: str, stage: Stage, step: int = 0, reason: Refusal | None = None) -> VerificationReport:
    return VerificationReport(request_id=request_id, stage=stage, step=step, at=NOW, reason=reason, detail="")


def event(event_id: str = "LINK_UP", severity: Severity = Severity.INFO, number: int = 0) -> EventReport:
    return EventReport(event_id=event_id, severity=severity, at=NOW, app="link", fields={"number": number})
