"""Submits the mission's workload over HTTP when its time comes. Ids are fixed: a repeat after a crash is harmless."""

import asyncio

from flatsat.mission import Mission
from flatsat.workload import Submission, job_request, submissions
from ground.client import ConflictError, GroundClient, GroundClientError, InvalidError
from icd.timebase import seconds_between

POLL_WALL_S = 0.25
RETRY_WALL_S = 1.0


class Submitter:
    """Walks the workload in order of time."""

    def __init__(self, mission: Mission, client: GroundClient) -> None:
        self._mission = mission
        self._client = client
        self._waiting = submissions(mission)

    async def run(self) -> None:
        """Submit each job when it is due, until none is left."""
        while self._waiting:
            try:
                now_s = float((await self._client.fleet())["now_s"])
                while self._waiting and self._due_s(self._waiting[0]) <= now_s:
                    await self._submit(self._waiting[0])
                    self._waiting.pop(0)
                await asyncio.sleep(POLL_WALL_S)
            except (ConflictError, InvalidError):
                raise  # a mission whose jobs the ground refuses is a mistake, not an outage
            except GroundClientError:
                await asyncio.sleep(RETRY_WALL_S)

    def _due_s(self, one: Submission) -> float:
        return seconds_between(self._mission.epoch, one.at)

    async def _submit(self, one: Submission) -> None:
        await self._client.submit(job_request(one, self._mission.epoch))
