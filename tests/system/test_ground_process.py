"""The ground service as a process: it starts, says so, serves, and ends in order."""

import asyncio
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ground.client import GroundClient
from icd.params import BrokerAccess
from tests.unit.ground.bench import TOKENS, config, job_body

pytestmark = pytest.mark.slow
READY_WALL_S = 20.0
END_WALL_S = 3.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def write_config(directory: Path, port: int, **changes: object) -> Path:
    """Write a configuration with its secrets; its broker does not answer."""
    for name in ("scheduler", "operator"):
        key = directory / f"{name}.key"
        key.write_text(hashlib.sha256(name.encode()).hexdigest())
        key.chmod(0o600)
    users = directory / "users.json"
    sha = hashlib.sha256(TOKENS["ops"].encode()).hexdigest()
    users.write_text(json.dumps({"ops": {"token_sha256": sha, "roles": ["operator"]}}))
    (directory / "password").write_text("secret")
    access = BrokerAccess(host="127.0.0.1", port=9, username="ground", password_file=str(directory / "password"))
    made = config(directory).model_copy(
        update={
            "broker": access,
            "http_port": port,
            "archive_file": str(directory / "archive.sqlite"),
            "scheduler_key_file": str(directory / "scheduler.key"),
            "operator_key_file": str(directory / "operator.key"),
            "users_file": str(users),
            **changes,
        }
    )
    file = directory / "ground.json"
    file.write_text(made.model_dump_json())
    return file


@contextmanager
def running(file: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "ground", "--config", str(file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=READY_WALL_S)


def ready(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.mark.req("GND-072")
async def test_it_serves_and_ends_in_order_and_keeps_what_it_took(tmp_path: Path) -> None:
    port = free_port()
    file = write_config(tmp_path, port)
    url = f"http://127.0.0.1:{port}"

    with running(file) as process:
        assert await asyncio.to_thread(ready, process) == "ground ready"
        async with GroundClient(url, TOKENS["ops"]) as ops:
            stream = ops.follow()
            assert (await anext(stream))["type"] == "hello"
            await ops.submit(job_body("job-1"))
            process.send_signal(signal.SIGTERM)
            code = await asyncio.to_thread(process.wait, END_WALL_S)
            await stream.aclose()
    with running(file) as process:
        assert await asyncio.to_thread(ready, process) == "ground ready"
        async with GroundClient(url, TOKENS["ops"]) as ops:
            assert [job["job_id"] for job in await ops.jobs()] == ["job-1"]
        process.kill()

    assert code == 0


@pytest.mark.req("GND-072")
def test_it_ends_in_order_while_it_waits_for_the_time_authority(tmp_path: Path) -> None:
    file = write_config(tmp_path, free_port(), clock="authority")

    with running(file) as process:
        assert process.stderr is not None
        process.stderr.readline()  # the link's complaint: the program is up and waits
        process.send_signal(signal.SIGTERM)

        assert process.wait(END_WALL_S) == 0


@pytest.mark.req("GND-073")
def test_a_taken_port_ends_it_with_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with running(write_config(tmp_path, port)) as process:
            _, errors = process.communicate(timeout=READY_WALL_S)

    assert process.returncode == 2
    assert len(errors.splitlines()) == 1
    assert f"127.0.0.1:{port}" in errors


@pytest.mark.req("GND-073")
def test_a_bad_configuration_ends_it_with_one_clear_line(tmp_path: Path) -> None:
    file = tmp_path / "ground.json"
    file.write_text("{}")

    with running(file) as process:
        _, errors = process.communicate(timeout=READY_WALL_S)

    assert process.returncode == 2
    assert errors.startswith(f"ground: {file}: fleet: ")
    assert len(errors.splitlines()) == 1
