"""What the system tests share: missions of their own, what runs in a run's name, waiting with a deadline."""

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from typer.testing import CliRunner

from flatsat.cli import app
from flatsat.plugin import LiveRun

ROOT = Path(__file__).parents[2]
FIRST_LIGHT = ROOT / "missions" / "first-light.toml"
TRAIN = ROOT / "missions" / "jobs" / "train"
POLL_WALL_S = 0.05
T = TypeVar("T")


def until(what: str, ask: Callable[[], T], wall_s: float, poll_wall_s: float = POLL_WALL_S) -> T:
    """Return the first answer that is true, or fail with what was waited for and the last answer."""
    deadline = time.monotonic() + wall_s
    while True:
        answer = ask()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"{what}: not within {wall_s:g} s; the last answer was {answer!r}"
        time.sleep(poll_wall_s)


def write_mission(folder: Path, *, rate: float, text: str = "") -> Path:
    """Return a mission of first-light's sky at another rate, with `text` in place of its workload."""
    head = FIRST_LIGHT.read_text().split("[[workload]]")[0].rstrip()
    head = re.sub(r"^rate = .*$", f"rate = {rate}", head, flags=re.MULTILINE)
    for key in ("elements", "stations", "profile"):
        head = re.sub(rf'^{key} = "', f'{key} = "{FIRST_LIGHT.parent}/', head, flags=re.MULTILINE)
    path = folder / "mission.toml"
    path.write_text(f"{head}\n\n{text}")
    return path


def write_training(folder: Path, epochs: int) -> Path:
    """Return a folder with the training job, shorter, and light enough to run in eclipse too."""
    bundle = folder / "training"
    shutil.copytree(TRAIN, bundle, ignore=shutil.ignore_patterns("__pycache__"))
    job = (bundle / "job.toml").read_text()
    command = ["python3", "train.py", "--epochs", str(epochs), "--checkpoint-every-steps", "55"]
    job = re.sub(r"^command = .*$", f"command = {json.dumps(command)}", job, flags=re.MULTILINE)
    job = job.replace('class = "BULK"', 'class = "STANDARD"').replace("power_w = 3500.0", "power_w = 700.0")
    (bundle / "job.toml").write_text(job)
    return bundle


def reference_weights(bundle: Path, folder: Path, before: tuple[str, ...] = ()) -> str:
    """Run a training job's own program, alone and without a stop, and return the SHA-256 of its weights."""
    found = re.search(r"^command = (.*)$", (bundle / "job.toml").read_text(), flags=re.MULTILINE)
    assert found is not None
    command = [*before, sys.executable, *json.loads(found[1])[1:]]
    places = {name: folder / name.lower() for name in ("OUTPUT", "CHECKPOINT")}
    for place in places.values():
        place.mkdir(parents=True)
    environment = os.environ | {f"DAWNLINE_{name}_DIR": str(place) for name, place in places.items()}
    environment |= {"DAWNLINE_INPUT_DIR": str(bundle)}
    subprocess.run(command, cwd=bundle, env=environment, check=True, stdout=subprocess.DEVNULL)
    return hashlib.sha256((places["OUTPUT"] / "weights.bin").read_bytes()).hexdigest()


def weights_in(result: bytes) -> str:
    """Return the SHA-256 of the weights in a training job's result."""
    with tarfile.open(fileobj=io.BytesIO(result)) as archive:
        name = next(name for name in archive.getnames() if name.endswith("weights.bin"))
        content = archive.extractfile(name)
        assert content is not None
        return hashlib.sha256(content.read()).hexdigest()


def processes_of(run: Path) -> dict[int, str]:
    """Return every process that names the run's directory in its command line or its environment."""
    mark = f"{run}/".encode()
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes()
            if mark in words or mark in (entry / "environ").read_bytes():
                found[int(entry.name)] = words.replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
    return found


def attempts_of(run: Path, job_id: str) -> dict[int, str]:
    """Return the processes of a job's attempts: the attempt's number by process id."""
    mark, job = f"{run}/".encode(), f"DAWNLINE_JOB_ID={job_id}".encode()
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if job in words and any(mark in word for word in words):
            number = next(word for word in words if word.startswith(b"DAWNLINE_ATTEMPT="))
            found[int(entry.name)] = number.partition(b"=")[2].decode()
    return found


class JobWatch:
    """Looks all the time at which attempts of a job have a living process."""

    def __init__(self, run: Path, job_id: str) -> None:
        self.seen: list[str] = []  # attempts in the order in which they were first seen
        self.overlaps: list[dict[int, str]] = []  # moments at which two attempts lived
        self._run, self._job_id = run, job_id
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "JobWatch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(POLL_WALL_S):
            alive = attempts_of(self._run, self._job_id)
            self.seen += [one for one in alive.values() if one not in self.seen]
            if len(set(alive.values())) > 1:
                self.overlaps.append(alive)


def dawnline(run: LiveRun, *words: str, code: int = 0) -> Any:
    """Give a command with --json to a run and return what it prints, parsed."""
    result = CliRunner().invoke(app, [*words, "--run", str(run.path), "--json"])
    assert result.exit_code == code, f"dawnline {' '.join(words)}: {result.output} {result.exception!r}"
    return json.loads(result.stdout) if result.stdout else None
