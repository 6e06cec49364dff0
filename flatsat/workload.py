"""The mission's workload as submissions: which job, when, made from which bundle. Ids are fixed, so twice is once."""

import base64
from dataclasses import dataclass
from typing import Any

from flatsat.bundles import Bundle
from flatsat.mission import Mission, Workload
from icd.ids import JobId, TenantId
from icd.jobs import JobSpec
from icd.timebase import MissionTime, after, seconds_between


@dataclass(frozen=True, slots=True)
class Submission:
    """One job of the workload."""

    at: MissionTime
    spec: JobSpec
    bundle: Bundle


def submissions(mission: Mission, until: MissionTime | None = None) -> list[Submission]:
    """Return the workload in order of time, up to an instant if one is given."""
    found = [
        one
        for workload in mission.workload
        for one in _stream(mission.epoch, workload)
        if until is None or one.at < until
    ]
    return sorted(found, key=lambda one: (one.at, one.spec.job_id))


def job_request(one: Submission, epoch: MissionTime, node: str | None = None) -> dict[str, Any]:
    """Return a submission as the body of the ground's `POST /jobs`; a node is named only where it must be that one."""
    body: dict[str, Any] = one.spec.model_dump(mode="json", exclude={"bundle_sha256", "bundle_bytes", "deadline"})
    deadline = one.spec.deadline
    body["deadline_s"] = None if deadline is None else seconds_between(epoch, deadline)
    body["node"] = node
    body["bundle_base64"] = base64.b64encode(one.bundle.content).decode()
    return body


def _stream(epoch: MissionTime, workload: Workload) -> list[Submission]:
    table, bundle = workload.table, workload.bundle
    made = []
    for index in range(1, table.count + 1):
        at = after(epoch, table.first_s + (index - 1) * table.every_s)
        changed: dict[str, object] = {}
        if table.arguments:
            command = bundle.defaults["command"]
            assert isinstance(command, (list, tuple))
            changed["command"] = (*command, *(text.replace("{index}", str(index)) for text in table.arguments))
        if table.job_class is not None:
            changed["job_class"] = table.job_class
        job_id = table.name if table.count == 1 else f"{table.name}-{index:04d}"
        deadline = None if table.deadline_after_s is None else after(at, table.deadline_after_s)
        spec = bundle.spec(JobId(job_id), TenantId(table.tenant), deadline, **changed)
        made.append(Submission(at, spec, bundle))
    return made
