"""Live data over a real WebSocket on the loopback: greeting, updates, refusal, a client that comes back."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest
import uvicorn
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from ground.api.http import make_app
from ground.api.websocket import Cursor
from ground.client import GroundClient, UnauthorizedError
from ground.views import HelloView, LiveView, UpdateView
from tests.unit.ground.bench import TOKENS, Bench, job_body

pytestmark = pytest.mark.slow


@asynccontextmanager
async def serving(bench: Bench) -> AsyncIterator[str]:
    """Serve the bench's ground on a free port."""
    listener = socket.create_server(("127.0.0.1", 0))
    settings = uvicorn.Config(
        make_app(bench.ground), ws="websockets-sansio", log_config=None, lifespan="off", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(settings)
    task = asyncio.create_task(server.serve([listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


async def next_of(stream: AsyncIterator[LiveView], kind: str) -> LiveView:
    """Return the next message of a kind."""
    async with asyncio.timeout(5.0):
        async for message in stream:
            if message["type"] == kind:
                return message
    raise AssertionError("the stream ended")


@pytest.mark.req("GND-060")
async def test_a_client_is_greeted_and_then_told_what_changes(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.hear("node-a")
    bench.submit("job-1")

    async with (
        serving(bench) as url,
        GroundClient(url, TOKENS["eyes"]) as eyes,
        GroundClient(url, TOKENS["ops"]) as ops,
    ):
        stream = eyes.follow()
        hello = cast(HelloView, await next_of(stream, "hello"))
        await ops.submit(job_body("job-2"))
        update = cast(UpdateView, await next_of(stream, "update"))
        while not update["jobs"]:
            update = cast(UpdateView, await next_of(stream, "update"))
        await stream.aclose()

    assert [node["node"] for node in hello["nodes"]] == ["node-a", "node-b"]
    assert [job["job_id"] for job in hello["jobs"]] == ["job-1"]
    assert {"events", "tcs", "stations", "epoch_iso"} <= set(hello)
    assert [job["job_id"] for job in update["jobs"]] == ["job-2"]


@pytest.mark.req("GND-061")
@pytest.mark.parametrize("first", ['{"token": "wrong"}', "[]", "hello", '{"token": 5}', "[" * 4000])
async def test_a_stranger_is_shown_the_door(tmp_path: Path, first: str) -> None:
    async with serving(Bench(tmp_path)) as url, connect(f"{url.replace('http', 'ws')}/ws", proxy=None) as line:
        await line.send(first)
        with pytest.raises(ConnectionClosed) as closed:
            await line.recv()

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008


@pytest.mark.req("GND-061")
async def test_the_client_says_that_its_token_is_unknown(tmp_path: Path) -> None:
    async with serving(Bench(tmp_path)) as url, GroundClient(url, "wrong") as stranger:
        with pytest.raises(UnauthorizedError):
            await next_of(stranger.follow(), "hello")


@pytest.mark.req("GND-062")
async def test_updates_come_at_most_five_times_a_second_and_at_least_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    loop = asyncio.get_running_loop()
    async with serving(bench) as url, connect(f"{url.replace('http', 'ws')}/ws", proxy=None) as line:
        await line.send(json.dumps({"token": TOKENS["eyes"]}))
        await line.recv()
        quiet_from = loop.time()
        await line.recv()
        quiet_s = loop.time() - quiet_from
        busy_from, count = loop.time(), 0
        while loop.time() < busy_from + 1.5:
            bench.hear("node-a")
            await line.recv()
            count += 1

    assert quiet_s < 2.0
    assert 3 <= count <= 9


@pytest.mark.req("GND-060")
def test_a_client_that_fell_far_behind_is_greeted_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    cursor = Cursor(bench.ground)
    first = cursor.next()["type"]
    for number in range(5000):
        bench.ground.feed.job(f"job-{number}")

    kinds = [first, cursor.next()["type"], cursor.next()["type"]]

    assert kinds == ["hello", "hello", "update"]
