"""The HTTP API as its users see it, without sockets, and the client over it."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from ground.api.http import make_app
from ground.client import (
    ConflictError,
    ForbiddenError,
    GroundClient,
    InvalidError,
    NotFoundError,
    UnauthorizedError,
    UnreachableError,
    WaitTimeoutError,
)
from ground.tables import BODY_BYTES_MAX
from icd.jobs import JobState
from tests.unit.ground.bench import TOKENS, Bench, job_body
from tests.unit.ground.scripted_node import RESULT, ScriptedNode

URL = "http://ground"


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def client_of(bench: Bench, name: str = "ops", *, token: str | None = None) -> GroundClient:
    transport = httpx.ASGITransport(make_app(bench.ground))
    return GroundClient(URL, TOKENS[name] if token is None else token, transport)


@pytest_asyncio.fixture
async def ops(bench: Bench) -> AsyncIterator[GroundClient]:
    async with client_of(bench) as client:
        yield client


async def raw(bench: Bench, method: str, path: str, **options: Any) -> httpx.Response:
    transport = httpx.ASGITransport(make_app(bench.ground), client=options.pop("client", ("127.0.0.1", 1)))
    async with httpx.AsyncClient(transport=transport, base_url=URL) as http:
        return await http.request(method, path, **options)


@pytest.mark.req("GND-050")
async def test_without_a_known_token_nothing_is_told(bench: Bench) -> None:
    paths = ["/fleet", "/nodes", "/nodes/node-a", "/nodes/node-a/history", "/jobs", "/jobs/x", "/jobs/x/log"]
    for path in [*paths, "/jobs/x/result", "/tcs", "/tcs/x", "/commands", "/events"]:
        answer = await raw(bench, "GET", path)
        assert (path, answer.status_code) == (path, 401)
        assert "Authorization: Bearer" in answer.json()["error"]
    for path in ["/jobs", "/tcs", "/jobs/x/cancel"]:
        assert (await raw(bench, "POST", path, headers={"Authorization": "Bearer wrong"})).status_code == 401

    assert (await raw(bench, "GET", "/healthz")).json()["status"] == "ok"


@pytest.mark.req("GND-050")
async def test_roles_allow_what_they_say(bench: Bench) -> None:
    async with client_of(bench, "acme") as acme, client_of(bench, "eyes") as eyes:
        await acme.submit(job_body("job-1"))
        with pytest.raises(ForbiddenError):
            await acme.submit(job_body("job-2", tenant="other"))
        with pytest.raises(ForbiddenError):
            await acme.send_tc("node-a", {"name": "ping"})
        with pytest.raises(ForbiddenError):
            await eyes.submit(job_body("job-3"))
        with pytest.raises(ForbiddenError):
            await eyes.cancel("job-1")
        assert [job["job_id"] for job in await eyes.jobs()] == ["job-1"]
        assert (await acme.cancel("job-1"))["state"] == "CANCELLED"
    async with client_of(bench, token="x" * 5000) as nobody:
        with pytest.raises(UnauthorizedError):
            await nobody.fleet()


@pytest.mark.req("GND-051")
async def test_a_submission_is_created_once_and_then_answered_the_same(bench: Bench) -> None:
    headers = {"Authorization": f"Bearer {TOKENS['ops']}"}

    first = await raw(bench, "POST", "/jobs", headers=headers, json=job_body("job-1"))
    second = await raw(bench, "POST", "/jobs", headers=headers, json=job_body("job-1"))
    third = await raw(bench, "POST", "/jobs", headers=headers, json=job_body("job-1", priority=1))

    assert [first.status_code, second.status_code, third.status_code] == [201, 200, 409]
    assert first.json() == second.json()


@pytest.mark.req("GND-052")
@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "body"),
        (b"[]", "body"),
        (b'{"job_id": 5}', "job_id"),
        (json.dumps(job_body("job-1", surprise=1)).encode(), "surprise"),
        (json.dumps(job_body("job-1", deadline_s="soon")).encode(), "deadline_s"),
        (json.dumps(job_body("job-1", job_class="WARM")).encode(), "job_class"),
        (b"\xff\xfe", "body"),
    ],
)
async def test_a_body_that_breaks_a_rule_names_the_field(bench: Bench, body: bytes, field: str) -> None:
    answer = await raw(bench, "POST", "/jobs", headers={"Authorization": f"Bearer {TOKENS['ops']}"}, content=body)

    assert answer.status_code == 422
    assert answer.json()["field"] == field


@pytest.mark.req("GND-052")
async def test_a_body_above_its_bound_is_refused(bench: Bench) -> None:
    headers = {"Authorization": f"Bearer {TOKENS['ops']}"}

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * (BODY_BYTES_MAX // 10)

    declared = await raw(bench, "POST", "/tcs", headers=headers, content=b"x" * (BODY_BYTES_MAX + 1))
    streamed = await raw(bench, "POST", "/tcs", headers=headers, content=endless())

    assert [declared.status_code, streamed.status_code] == [413, 413]


@pytest.mark.req("GND-053")
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/nodes/node-z", 404),
        ("/nodes/node-a/history?points=0", 422),
        ("/nodes/node-a/history?points=1e99", 422),
        ("/nodes/node-a/history?start_s=nan", 422),
        ("/nodes/node-a/history?start_s=5&end_s=4", 422),
        ("/nodes/node-a/history?start_s=1e300&end_s=1e301", 422),
        ("/jobs/no-such-job", 404),
        ("/jobs/no-such-job/log", 404),
        ("/jobs?state=TIRED", 422),
        ("/jobs?limit=many", 422),
        ("/jobs?node=node-z", 404),
        ("/events?after=-99999999999", 200),
        ("/events?severity=LOUD", 422),
        ("/tcs/tc-999999", 404),
        ("/nowhere", 404),
    ],
)
async def test_odd_questions_get_clear_answers(bench: Bench, path: str, status: int) -> None:
    answer = await raw(bench, "GET", path, headers={"Authorization": f"Bearer {TOKENS['eyes']}"})

    assert answer.status_code == status
    if status != 200:
        assert set(answer.json()) == {"error", "field"}


@pytest.mark.req("GND-054")
async def test_views_hold_floats_since_the_epoch_and_no_mission_time(bench: Bench, ops: GroundClient) -> None:
    bench.hear("node-a")
    await ops.submit(job_body("job-1", deadline_s=5000.0))
    await ops.send_tc("node-a", {"name": "ping"})
    bench.ground.flush()

    fleet, node = await ops.fleet(), await ops.node("node-a")
    answers = [fleet, node, await ops.job("job-1"), await ops.tcs(), await ops.events()]
    answers.append(await ops.history("node-a", 0.0, 200.0))

    assert fleet["now_s"] == 100.0
    assert fleet["epoch_iso"] == "2026-08-22T12:00:00.000Z"
    assert (await ops.job("job-1"))["deadline_s"] == 5000.0
    assert node["lasers"][0] == {"terminal": 0, "state": "TRACK", "peer": "node-b", "rate_bps": 4e11}
    for number in _numbers(answers):
        assert abs(number) < 1e15, "a mission time in nanoseconds has slipped out"


@pytest.mark.req("GND-055")
async def test_a_job_through_the_client_from_submission_to_result(bench: Bench, ops: GroundClient) -> None:
    node = ScriptedNode("node-a")
    job = await ops.submit(job_body("job-1"))
    tc = await ops.send_tc("node-a", {"name": "ping"})
    waiting = asyncio.create_task(ops.wait_job("job-1", timeout_wall_s=10.0))
    for _ in range(12):
        node.step(bench)
        bench.advance(5.0)

    assert job["state"] == "PLACED"
    assert (await waiting)["state"] == JobState.SUCCEEDED
    assert (await ops.wait_tc(tc["request_id"], timeout_wall_s=1.0))["stage"] == "COMPLETED"
    assert await ops.result("job-1") == RESULT
    with pytest.raises(NotFoundError, match="log of job job-1"):
        await ops.log("job-1")


@pytest.mark.req("GND-055")
async def test_the_clients_errors_say_what_is_wrong(bench: Bench, ops: GroundClient) -> None:
    await ops.submit(job_body("job-1"))

    with pytest.raises(ConflictError):
        await ops.submit(job_body("job-1", priority=3))
    with pytest.raises(InvalidError) as invalid:
        await ops.submit(job_body("job-2", slots=99))
    with pytest.raises(NotFoundError):
        await ops.job("../fleet")
    with pytest.raises(WaitTimeoutError, match="it is PLACED"):
        await ops.wait_job("job-1", timeout_wall_s=0.05)
    async with GroundClient("http://127.0.0.1:9", "x") as lost:
        with pytest.raises(UnreachableError):
            await lost.fleet()
    assert invalid.value.field == "slots"


@pytest.mark.req("GND-056")
async def test_metrics_are_for_the_loopback(bench: Bench) -> None:
    bench.hear("node-a")

    near = await raw(bench, "GET", "/metrics")
    far = await raw(bench, "GET", "/metrics", client=("10.0.0.9", 1))

    assert 'dawnline_node_soc_frac{node="node-a"} 0.9' in near.text
    assert "dawnline_ground_received_hk_total 1.0" in near.text
    assert far.status_code == 401


@pytest.mark.req("GND-057")
async def test_the_console_is_served_with_a_strict_policy(bench: Bench, tmp_path: Path) -> None:
    console = tmp_path / "console"
    console.mkdir()
    (console / "index.html").write_text("<!doctype html>")
    (console / "main.js").write_text("1;")
    bench.ground.config = bench.ground.config.model_copy(update={"console_dir": str(console)})

    page, script = await raw(bench, "GET", "/"), await raw(bench, "GET", "/console/main.js")
    outside = await raw(bench, "GET", "/console/../archive.sqlite")

    assert (page.status_code, script.status_code, outside.status_code) == (200, 200, 404)
    assert "default-src 'none'" in page.headers["content-security-policy"]


def _numbers(value: Any) -> list[float]:
    match value:
        case bool():
            return []
        case int() | float():
            return [value]
        case dict():
            return [number for one in value.values() for number in _numbers(one)]
        case list():
            return [number for one in value for number in _numbers(one)]
        case _:
            return []
