"""What must have come to its end when a flight has been calm long enough. A pure function of a recorded history."""

from collections import Counter
from typing import Any

from flatsat.history import History
from flatsat.invariants import identity, reports_sent
from ground.ports.archive import JOB_ENDED, TcStage
from icd.timebase import MissionTime, seconds_between

# Housekeeping of links and modes goes on for ever: what was committed this long before the end must be on the ground.
REPORTS_WITHIN_S = 3600.0
_TC_ENDED = (TcStage.COMPLETED, TcStage.FAILED, TcStage.EXPIRED)


def unsettled(history: History, reports_within_s: float) -> list[str]:
    """Return one line for each thing that was taken on and has not come to its end."""
    found: list[str] = []
    got: Counter[str] = Counter()
    end = MissionTime(0)
    for entry in history.entries("end"):
        end = entry.at
        name, what = entry.what
        match name:
            case "live_jobs":
                found += [f"{entry.source}: job {job_id} is still {state}" for job_id, state in what.items()]
            case "open_tcs":
                found += [f"{entry.source}: telecommand {request_id} is still open" for request_id in what]
            case "ground_jobs":
                found += _open_jobs(what)
            case "ground_tcs":
                found += [
                    f"ground: telecommand {tc} is still {stage}" for tc, stage in what.items() if not _over(stage)
                ]
            case "reports":
                got.update(identity(node, kind, body) for node, kind, body in what)
    old = [entry for entry in history.entries("fact") if seconds_between(entry.at, end) > reports_within_s]
    sent = reports_sent([(entry.source, entry.what[0], body) for entry in old for body in entry.what[1]])
    return found + [f"the ground still waits for {missing}" for missing in (sent - got)]


def _open_jobs(jobs: dict[str, dict[str, Any]]) -> list[str]:
    found = [f"ground: job {job_id} is still {job['state']}" for job_id, job in jobs.items() if not _ended(job)]
    undelivered = [name for name, job in jobs.items() if job["state"] == "SUCCEEDED" and job["result"] != "READY"]
    return found + [f"ground: the result of job {job_id} has not come down" for job_id in undelivered]


def _ended(job: dict[str, Any]) -> bool:
    return job["state"] in JOB_ENDED


def _over(stage: str) -> bool:
    return stage in _TC_ENDED
