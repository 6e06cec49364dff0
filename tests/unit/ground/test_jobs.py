"""Jobs on the ground: taken once, placed by reason, never on two nodes, ended once."""

from pathlib import Path

import pytest

from ground.errors import Refused, RefusedError
from ground.jobs import PLACEMENTS_MAX
from icd.codec import decode
from icd.jobs import JobState
from icd.tc import CancelJob, SignedTelecommand, SubmitJob, Telecommand
from icd.transfer import Chunk, ChunkAck
from icd.verification import Refusal, Stage, VerificationReport
from tests.unit.ground.bench import BUNDLE, Bench, job_request, user


def commands(bench: Bench, node: str) -> list[Telecommand]:
    """Return each telecommand that went up to a node, once."""
    payloads = dict.fromkeys(bench.link.take(f"ul/{node}/tc"))
    return [decode(decode(payload, SignedTelecommand).body, Telecommand) for payload in payloads]


def answer(bench: Bench, node: str, request_id: str, stage: Stage, reason: Refusal | None = None) -> None:
    bench.report(
        node,
        VerificationReport(
            request_id=request_id, stage=stage, step=0, at=bench.clock.now(), reason=reason, detail="because"
        ),
    )


@pytest.mark.req("GND-020")
def test_the_same_submission_again_changes_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    first, is_new = bench.ground.submit_job(job_request("job-1"), user("ops"))
    bench.advance(10.0)

    second, is_new_again = bench.ground.submit_job(job_request("job-1"), user("ops"))

    assert (is_new, is_new_again) == (True, False)
    assert first["submitted_s"] == second["submitted_s"]
    assert len(bench.ground.reader.jobs()) == 1


@pytest.mark.req("GND-020")
@pytest.mark.parametrize("changes", [{"priority": 51}, {"node": "node-b"}, {"bundle_base64": "AAAA"}])
def test_the_same_id_with_other_content_is_a_conflict(tmp_path: Path, changes: dict[str, object]) -> None:
    bench = Bench(tmp_path)
    bench.submit("job-1")

    with pytest.raises(RefusedError) as refused:
        bench.submit("job-1", **changes)

    assert refused.value.kind is Refused.CONFLICT


@pytest.mark.req("GND-021")
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("job_id", "Not A Name"),
        ("priority", 101),
        ("power_w", 50_000.0),
        ("slots", 3),
        ("node", "node-z"),
        ("bundle_base64", "*"),
        ("command", []),
        ("time_limit_s", 0.0),
        ("tenant", ""),
    ],
)
def test_what_breaks_a_rule_is_refused_by_the_fields_name(tmp_path: Path, field: str, value: object) -> None:
    bench = Bench(tmp_path)

    with pytest.raises(RefusedError) as refused:
        bench.ground.submit_job(job_request("job-1", **{field: value}), user("ops"))

    assert refused.value.kind is Refused.INVALID
    assert refused.value.field is not None
    assert refused.value.field.startswith(field.replace("bundle_base64", "bundle"))


@pytest.mark.req("GND-022")
def test_a_job_goes_to_the_node_that_is_heard(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.submit("job-1")
    waiting = bench.ground.reader.job("job-1")["state"]

    bench.hear("node-b")

    job = bench.ground.reader.job("job-1")
    assert waiting == "PLACED"
    assert (job["state"], job["node"]) == ("UPLINKING", "node-b")
    assert [type(tc.command) for tc in commands(bench, "node-b")] == [SubmitJob]


@pytest.mark.slow
@pytest.mark.req("GND-023")
def test_a_refused_job_is_placed_again_and_given_up_in_the_end(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.submit("job-1")
    spent: list[str] = []
    for _ in range(400):
        bench.hear("node-a")
        bench.advance(5.0)
        for tc in commands(bench, "node-a"):
            if tc.request_id not in spent:
                spent.append(tc.request_id)
                answer(bench, "node-a", tc.request_id, Stage.FAILED, Refusal.QUEUE_FULL)

    job = bench.ground.reader.job("job-1")
    assert len(spent) == PLACEMENTS_MAX
    assert (job["state"], job["reason"]) == ("FAILED", "REFUSED")
    assert "QUEUE_FULL" in job["detail"]


@pytest.mark.slow
@pytest.mark.req("GND-024")
def test_a_job_whose_telecommand_may_have_been_taken_is_never_moved(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.hear("node-a")
    bench.submit("job-1")
    commands(bench, "node-a")
    for _ in range(60):  # node-a is silent for two hours, node-b is heard all along
        bench.hear("node-b")
        bench.advance(120.0)
        bench.hear("node-b")

    job = bench.ground.reader.job("job-1")
    assert (job["state"], job["node"]) == ("UPLINKING", "node-a")
    assert "may hold the job" in job["detail"]
    assert commands(bench, "node-b") == []


@pytest.mark.slow
@pytest.mark.req("GND-024")
def test_an_expired_submission_that_the_node_proves_untaken_is_placed_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.hear("node-a")
    bench.submit("job-1")
    name = commands(bench, "node-a")[0].request_id
    bench.advance(4000.0)

    answer(bench, "node-a", name, Stage.FAILED, Refusal.EXPIRED)
    bench.keep_hearing("node-b", 120.0)

    assert bench.ground.reader.job("job-1")["node"] == "node-b"


@pytest.mark.req("GND-025")
def test_cancel_before_anything_was_sent_ends_the_job_here(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.submit("job-1")

    view = bench.ground.cancel_job("job-1", user("ops"))
    bench.hear("node-a")

    assert view["state"] == "CANCELLED"
    assert commands(bench, "node-a") == []


@pytest.mark.req("GND-025")
def test_cancel_follows_the_submission_and_does_not_overtake_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.hear("node-a")
    bench.submit("job-1")
    submission = commands(bench, "node-a")[0]

    bench.ground.cancel_job("job-1", user("ops"))
    bench.keep_hearing("node-a", 10.0)
    early = [tc for tc in commands(bench, "node-a") if isinstance(tc.command, CancelJob)]
    answer(bench, "node-a", submission.request_id, Stage.ACCEPTED)
    bench.report("node-a", bench.job_report("job-1", JobState.STAGING))
    bench.keep_hearing("node-a", 10.0)
    late = [tc for tc in commands(bench, "node-a") if isinstance(tc.command, CancelJob)]
    bench.report("node-a", bench.job_report("job-1", JobState.CANCELLED))

    assert early == []
    assert len(late) == 1
    assert bench.ground.reader.job("job-1")["state"] == "CANCELLED"


@pytest.mark.req("GND-025")
def test_cancel_of_a_job_that_the_node_does_not_know_ends_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.hear("node-a")
    bench.submit("job-1")
    bench.report("node-a", bench.job_report("job-1", JobState.QUEUED))
    bench.ground.cancel_job("job-1", user("ops"))
    cancel = next(tc for tc in commands(bench, "node-a") if isinstance(tc.command, CancelJob))

    answer(bench, "node-a", cancel.request_id, Stage.FAILED, Refusal.UNKNOWN_JOB)

    assert bench.ground.reader.job("job-1")["state"] == "CANCELLED"


@pytest.mark.req("GND-026")
def test_reports_out_of_order_leave_the_newest_state_and_an_ended_job_stays_ended(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.hear("node-a")
    bench.submit("job-1")
    queued = bench.job_report("job-1", JobState.QUEUED)
    bench.advance(1.0)
    running = bench.job_report("job-1", JobState.RUNNING, progress_frac=0.5)
    bench.advance(1.0)
    done = bench.job_report("job-1", JobState.SUCCEEDED, energy_wh=3.0)

    bench.report("node-a", running)
    bench.report("node-a", queued)
    between = bench.ground.reader.job("job-1")["state"]
    bench.report("node-a", done)
    bench.report("node-a", bench.job_report("job-1", JobState.RUNNING))

    job = bench.ground.reader.job("job-1")
    assert between == "RUNNING"
    assert job["state"] == "SUCCEEDED"
    assert [report["state"] for report in job["reports"]] == ["QUEUED", "RUNNING", "SUCCEEDED", "RUNNING"]


def test_a_deadline_that_passes_on_the_ground_ends_the_job(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.submit("job-1", deadline_s=200.0)

    bench.advance(150.0)

    job = bench.ground.reader.job("job-1")
    assert (job["state"], job["reason"]) == ("FAILED", "DEADLINE")


@pytest.mark.req("GND-027")
def test_queued_jobs_show_their_place_and_why_they_wait(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.hear("node-a")
    bench.submit("job-low", priority=10)
    bench.submit("job-high", priority=90)
    for job_id in ("job-low", "job-high"):
        bench.report("node-a", bench.job_report(job_id, JobState.QUEUED))
    bench.hear("node-a", hold_reason="ECLIPSE_AHEAD", jobs_queued=2)

    low, high = (bench.ground.reader.job(job_id) for job_id in ("job-low", "job-high"))
    assert (high["queue_position"], low["queue_position"]) == (1, 2)
    assert high["hold_reason"] == "ECLIPSE_AHEAD"
    assert high["hold_advice"] is not None
    assert "eclipse" in high["hold_advice"]


@pytest.mark.req("GND-028")
def test_the_bundle_goes_up_in_a_window_and_again_after_silence(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.hear("node-a")
    bench.submit("job-1")
    bench.report("node-a", bench.job_report("job-1", JobState.STAGING))
    first = [decode(payload, Chunk) for payload in bench.link.take("ul/node-a/xfer")]
    bench.keep_hearing("node-a", 10.0)
    again = [decode(payload, Chunk) for payload in bench.link.take("ul/node-a/xfer")]
    bench.send(
        "node-a",
        "xfer",
        ChunkAck(transfer_id=first[0].transfer_id, next_offset=len(BUNDLE), done=True, refused=None),
    )
    bench.keep_hearing("node-a", 10.0)

    assert [chunk.content for chunk in first] == [BUNDLE]
    assert again
    assert bench.link.take("ul/node-a/xfer") == []
