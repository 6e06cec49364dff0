"""The mission's workload as submissions: which job, when, made from which bundle. Ids are fixed, so twice is once."""

import base64
from dataclasses import dataclass
from typing import Any

from flatsat.bundles import Bundle
from flatsat.mission import Mission, Workload
from icd.jobs import JobSpec
from icd.timebase import MissionTime, seconds_between


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
    body["deadline_s"] = None if deadline is None else seconds_between(epoch, MissionTime(deadline))
    body["node"] = node
    body["bundle_base64"] = base64.b64encode(one.bundle.content).decode()
    return body


def _stream(epoch: MissionTime, workload: Workload) -> list[Submission]:
    return [
        Submission(workload.at(epoch, index), workload.spec(epoch, index), workload.bundle)
        for index in range(1, workload.table.count + 1)
    ]
