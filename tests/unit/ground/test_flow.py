"""The life of jobs and telecommands through the whole ground, against a node played by the book."""

import itertools
from pathlib import Path

import pytest

from ground.adapters.sqlite_archive import SqliteArchive
from ground.adapters.sqlite_database import Database
from ground.tables import TcRequest, parse
from icd.jobs import JobState
from icd.transfer import TransferKind
from tests.unit.ground.bench import BUNDLE, Bench, job_request, user
from tests.unit.ground.scripted_node import RESULT, ScriptedNode

STEPS_MAX = 60
PING = b'{"node": "node-a", "command": {"name": "ping"}}'


class PowerCut(BaseException):
    """The ground's process dies here."""


class CutDatabase(Database):
    """Dies at the k-th commit, just before it or just after it."""

    def __init__(self, file: str, cut_at: int, *, after_it: bool) -> None:
        self.commits = 0
        self._cut_at, self._after_it = cut_at, after_it
        super().__init__(file, durable=False)

    def commit(self) -> None:
        self.commits += 1
        if self.commits == self._cut_at and not self._after_it:
            raise PowerCut
        super().commit()
        if self.commits == self._cut_at:
            raise PowerCut


def fly(directory: Path, cut_at: int, *, after_it: bool) -> tuple[Bench, ScriptedNode, int]:
    """Fly one job and one ping; the ground dies once, at a commit, and comes back. Return what is left."""
    file = str(directory / "archive.sqlite")
    database = CutDatabase(file, cut_at, after_it=after_it)
    node = ScriptedNode("node-a")
    bench = Bench(directory, SqliteArchive(database))
    submitted = pinged = False
    for _ in range(STEPS_MAX):
        try:
            if not submitted:
                bench.ground.submit_job(job_request("job-1"), user("ops"))
                submitted = True
            if not pinged:
                pinged = True  # a command is not sent twice because its answer was lost
                bench.ground.send_tc(parse(TcRequest, PING), user("ops"))
            node.step(bench)
            bench.advance(5.0)
        except PowerCut:
            bench.archive.close()
            bench = Bench(directory, SqliteArchive(Database(file, durable=False)), bench.clock)
    return bench, node, database.commits


def check(bench: Bench, node: ScriptedNode) -> None:
    """Nothing accepted was lost, nothing happened twice."""
    job = bench.ground.reader.job("job-1")
    assert job["state"] == JobState.SUCCEEDED
    assert job["result_state"] == "READY"
    assert bench.ground.reader.job_file("job-1", TransferKind.RESULT) == RESULT
    assert node.bundles == {"job-1": BUNDLE}
    states = [report["state"] for report in job["reports"]]
    assert states == ["STAGING", "QUEUED", "STARTING", "RUNNING", "VERIFYING", "SUCCEEDED"]
    tcs = bench.ground.reader.tcs()
    assert sum(tc["command"]["name"] == "submit_job" for tc in tcs) == 1
    assert sorted(node.executed) == sorted(tc["request_id"] for tc in tcs)
    for tc in tcs:
        assert [stage["stage"] for stage in tc["stages"]] == ["ACCEPTED", "STARTED", "COMPLETED"]
    assert node.is_idle
    assert bench.ground.notices.counts["messages_rejected"] == 0


@pytest.mark.req("GND-030")
def test_a_job_goes_up_runs_and_comes_back(tmp_path: Path) -> None:
    bench, node, _ = fly(tmp_path, 0, after_it=False)

    check(bench, node)
    assert [tc["command"]["name"] for tc in bench.ground.reader.tcs()] == ["submit_job", "ping"]


@pytest.mark.slow
@pytest.mark.req("GND-031")
def test_a_crash_at_any_commit_loses_and_doubles_nothing(tmp_path: Path) -> None:
    golden = tmp_path / "golden"
    golden.mkdir()
    _, _, commits = fly(golden, 0, after_it=False)
    assert commits > 10

    for cut_at, after_it in itertools.product(range(2, commits + 1), (False, True)):
        directory = tmp_path / f"{cut_at}-{after_it}"
        directory.mkdir()
        bench, node, _ = fly(directory, cut_at, after_it=after_it)
        try:
            check(bench, node)
        except AssertionError as error:
            raise AssertionError(f"cut at commit {cut_at}, {'after' if after_it else 'before'} it") from error
