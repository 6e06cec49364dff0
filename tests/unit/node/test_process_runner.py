"""What only real processes can show: limits, the sandbox, hostile jobs and bundles, death of the node."""

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from icd.jobs import EndReason
from node.adapters import orphans, proc_tree, sandbox
from node.adapters.job_directory import JobDirectory
from node.adapters.process_runner import ProcessRunner
from node.messages import RunnerCheckpoint, RunnerCollected, RunnerExited, RunnerProgress, RunnerStarted
from node.ports.files import log_file, result_file
from node.ports.runner import JobStart
from tests.contract.runner_benches import HEAD, Bench, RealWorld, tar_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="the warden's watch needs /proc (Linux)"),
]
needs_landlock = pytest.mark.skipif(sandbox.landlock_abi() < 4, reason="this kernel's Landlock is older than ABI 4")
ROOT = Path(__file__).parents[3]


@pytest.fixture
def world(tmp_path: Path) -> RealWorld:
    return RealWorld(tmp_path)


def _left(directory: Path) -> list[proc_tree.Process]:
    return proc_tree.marked(orphans.mark_of(directory.resolve() / "jobs"))


def _log(bench: Bench, job_id: str = "job-1") -> str:
    return bench.files.read(log_file(job_id), 0, 100_000).decode(errors="replace")


def _ends(world: RealWorld, program: str, **changes: Any) -> tuple[RunnerExited, str]:
    """Run one program; return how it ended and its log. Nothing of it may be left."""
    found: list[tuple[RunnerExited, str]] = []

    async def scenario(bench: Bench) -> None:
        exited = await bench.finish(bench.pack(tar_of({"job.py": HEAD + program}), **changes))
        found.append((exited, _log(bench)))

    world.run(scenario)
    assert _left(world.directory) == []
    return found[0]


# --- limits ---


def test_a_job_that_takes_too_much_memory_is_ended(world: RealWorld) -> None:
    exited, _ = _ends(world, "held = bytearray(os.urandom(1) * 200_000_000)\ntime.sleep(30)", memory_mb=64)

    assert (exited.exit_code, exited.limit) == (None, EndReason.MEMORY_LIMIT)


def test_children_count_towards_the_memory_of_a_job(world: RealWorld) -> None:
    program = """
for _ in range(4):
    if os.fork() == 0:
        held = bytearray(b"x" * 30_000_000)
        time.sleep(30)
time.sleep(30)
"""
    exited, _ = _ends(world, program, memory_mb=80)

    assert exited.limit is EndReason.MEMORY_LIMIT


def test_a_job_that_fills_its_directory_is_ended(world: RealWorld) -> None:
    program = """
for number in range(40):
    open(os.path.join(out, str(number)), "wb").write(bytes(100_000))
time.sleep(30)
"""
    exited, _ = _ends(world, program, disk_mb=2)

    assert exited.limit is EndReason.DISK_LIMIT


def test_a_job_that_died_of_its_file_limit_is_named_so(world: RealWorld) -> None:
    exited, log = _ends(world, 'open(os.path.join(out, "big"), "wb").write(bytes(5_000_000))', disk_mb=2)

    assert exited.limit is EndReason.DISK_LIMIT
    assert "File too large" in log


def test_a_fork_bomb_is_ended_and_leaves_nothing(world: RealWorld) -> None:
    program = """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
while True:
    try:
        os.fork()
    except OSError:
        pass
"""
    exited, _ = _ends(world, program)

    assert exited.limit is EndReason.PROCESS_LIMIT


def test_a_flood_of_output_is_bounded(world: RealWorld) -> None:
    program = """
for number in range(40_000):
    print("line", number)
print("x" * 20_000)
print('{"progress": 1e999}')
print('{"checkpoint": 7}')
print("{" * 5000)
print('{"progress": 0.5}', flush=True)
os.write(1, b"to the end")
"""

    async def scenario(bench: Bench) -> None:
        exited = await bench.finish(bench.pack(tar_of({"job.py": HEAD + program})))

        assert exited.exit_code == 0
        assert [message.progress_frac for message in bench.inbox.of(RunnerProgress)] == [0.5]
        assert bench.inbox.of(RunnerCheckpoint) == []
        assert len(_log(bench)) <= 64 * 1024
        assert "line 39999" in _log(bench)
        assert "to the end" in _log(bench)

    world.run(scenario)


# --- who slips away ---


def test_a_background_process_does_not_outlive_its_job(world: RealWorld) -> None:
    program = """
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.environ.clear()
        time.sleep(60)
    os._exit(0)
"""
    exited, _ = _ends(world, program)

    assert (exited.exit_code, exited.limit) == (0, None)


def test_a_crash_of_the_job_comes_as_a_code(world: RealWorld) -> None:
    exited, _ = _ends(world, "os.kill(os.getpid(), signal.SIGSEGV)")

    assert (exited.exit_code, exited.limit, exited.detail) == (139, None, "ended by signal 11")


def test_a_killed_warden_takes_its_job_with_it(world: RealWorld) -> None:
    async def scenario(bench: Bench) -> None:
        program = HEAD + "if os.fork() == 0: os.setsid()\nsay(progress=0.5)\ntime.sleep(60)"
        bench.runner.start(JobStart(bench.pack(tar_of({"job.py": program})), 1, None))
        await bench.inbox.until(RunnerProgress)
        pid, _ = json.loads((world.directory / "jobs/job-1/attempts/1/warden.pid").read_text())
        os.kill(pid, signal.SIGKILL)
        exited = await bench.inbox.until(RunnerExited)

        assert (exited.exit_code, exited.limit, exited.detail) == (None, None, "the warden ended without a word")
        assert _left(world.directory) == []

    world.run(scenario)


NODE = """
import asyncio, sys
from pathlib import Path
from tests.contract import runner_benches as rb
from node.messages import RunnerProgress
from node.ports.runner import JobStart

async def scenario(bench):
    bundle = rb.tar_of({"job.py": Path(sys.argv[2]).read_text()})
    bench.runner.start(JobStart(bench.pack(bundle), 1, None))
    await bench.inbox.until(RunnerProgress)
    print("running", flush=True)
    await asyncio.sleep(60)

rb.RealWorld(Path(sys.argv[1])).run(scenario)
"""
DAEMON = (
    HEAD
    + """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
say(progress=0.1)
time.sleep(60)
"""
)


def _node_with_a_job(directory: Path) -> subprocess.Popen[str]:
    (directory / "daemon.py").write_text(DAEMON)
    arguments = [sys.executable, "-c", NODE, str(directory), str(directory / "daemon.py")]
    node = subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert node.stdout is not None
    assert node.stdout.readline() == "running\n"
    assert len(_left(directory)) == 2
    return node


def _runner(directory: Path) -> ProcessRunner:
    return ProcessRunner(directory, None, None, print, "prefer")  # type: ignore[arg-type]  # it starts nothing


def test_kill_9_of_the_node_ends_its_jobs(tmp_path: Path) -> None:
    node = _node_with_a_job(tmp_path)

    node.kill()
    node.wait()
    _runner(tmp_path).end_orphans()

    assert _left(tmp_path) == []


def test_orphans_whose_warden_is_dead_too_are_found_and_ended(tmp_path: Path) -> None:
    node = _node_with_a_job(tmp_path)
    pid, _ = json.loads((tmp_path / "jobs/job-1/attempts/1/warden.pid").read_text())
    os.kill(node.pid, signal.SIGSTOP)  # so that it cannot clean up
    os.kill(pid, signal.SIGKILL)
    node.kill()
    node.wait()

    ended = _runner(tmp_path).end_orphans()

    assert ended >= 1, "the daemon in its own session outlived the warden"
    assert _left(tmp_path) == []
    assert _runner(tmp_path).end_orphans() == 0


def test_a_pid_that_was_given_out_again_is_left_alone(tmp_path: Path) -> None:
    bystander = subprocess.Popen(["sleep", "30"])
    attempt = tmp_path / "jobs/job-1/attempts/1"
    attempt.mkdir(parents=True)
    try:
        for content in (json.dumps([bystander.pid, 1]), "[]", "{", "nonsense"):
            (attempt / "warden.pid").write_text(content)
            assert _runner(tmp_path).end_orphans() == 0

        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


# --- the sandbox ---


@needs_landlock
def test_a_job_writes_and_reads_only_what_is_its_own(world: RealWorld) -> None:
    secret = world.directory / "secret"
    secret.write_text("of another")
    (world.directory / "jobs" / "job-2").mkdir(parents=True)
    program = f"""
def refused(call):
    try:
        call()
    except PermissionError:
        return True
    return False
tries = dict(
    read=lambda: open({str(secret)!r}).read(),
    write=lambda: open({str(world.directory / "new")!r}, "w"),
    listing=lambda: os.listdir({str(world.directory / "jobs")!r}),
    neighbour=lambda: open({str(world.directory / "jobs/job-2/x")!r}, "w"),
    rename=lambda: os.rename(os.path.join(out, "own"), {str(world.directory / "moved")!r}),
    input=lambda: open("job.py", "a"),
    passwords=lambda: open("/etc/passwd").read(),
    root=lambda: os.listdir("/"),
    kill=lambda: os.kill(os.getppid(), 0) or os.kill(os.getppid(), signal.SIGKILL),
    node=lambda: open(f"/proc/{{os.getppid()}}/environ").read(),
)
open(os.path.join(out, "own"), "w").write("x")
open(os.path.join(os.environ["TMPDIR"], "own"), "w").write("x")
open("/dev/null", "w").write("x")
json.dump([name for name, call in tries.items() if not refused(call)], open(os.path.join(out, "allowed"), "w"))
"""
    exited, log = _ends(world, program)

    assert (exited.exit_code, exited.limit) == (0, None), log
    assert json.loads((world.directory / "jobs/job-1/attempts/1/output/allowed").read_text()) == []


@needs_landlock
def test_a_job_reaches_no_network(world: RealWorld) -> None:
    program = """
import socket
tries = {
    "connect": lambda s: s.connect(("127.0.0.1", 9)),
    "bind": lambda s: s.bind(("127.0.0.1", 0)),
}
for name, call in tries.items():
    with socket.socket() as s:
        try:
            call(s)
        except PermissionError:
            continue
        except OSError as error:
            print(name, error)
        sys.exit(9)
"""
    exited, log = _ends(world, program, command=("python3", "-I", "job.py"))

    assert exited.exit_code == 0, log


def test_a_job_finds_its_environment_and_nothing_of_ours(world: RealWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NODE_SECRET", "x")
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")

    _, log = _ends(world, "print(sorted(os.environ)); print(os.getcwd() == os.environ['DAWNLINE_INPUT_DIR'])")

    names = "DAWNLINE_ATTEMPT DAWNLINE_CHECKPOINT_DIR DAWNLINE_INPUT_DIR DAWNLINE_JOB_ID DAWNLINE_OUTPUT_DIR HOME LANG "
    names += "OMP_NUM_THREADS OPENBLAS_CORETYPE OPENBLAS_NUM_THREADS PATH PYTHONDONTWRITEBYTECODE PYTHONHASHSEED TMPDIR"
    shown = set(log.splitlines()[0].strip("[]").replace("'", "").split(", "))
    assert shown - {"LC_CTYPE", "OPENBLAS_L2_SIZE"} == set(names.split())
    assert log.splitlines()[1] == "True"


def test_numpy_works_in_the_sandbox(world: RealWorld) -> None:
    exited, log = _ends(
        world,
        "import numpy as np; print(float(np.linalg.solve(np.eye(9) * 2, np.ones(9)).sum()))",
        command=("python3", "job.py"),
        memory_mb=512,
    )

    assert (exited.exit_code, log.strip()) == (0, "4.5")


def test_a_shell_script_is_a_job_too(world: RealWorld) -> None:
    async def scenario(bench: Bench) -> None:
        job = bench.pack(tar_of({"run.sh": "echo hello > $DAWNLINE_OUTPUT_DIR/a\n"}), command=("sh", "run.sh"))
        exited = await bench.finish(job)
        bench.runner.collect("job-1", 1)
        collected = await bench.inbox.until(RunnerCollected)

        assert (exited.exit_code, collected.error) == (0, None), _log(bench)
        with tarfile.open(fileobj=io.BytesIO(bench.files.read(result_file("job-1"), 0, 10**6))) as archive:
            assert archive.getnames() == ["a"]

    world.run(scenario)


def test_required_confinement_that_is_not_there_starts_nothing(
    world: RealWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "landlock_abi", lambda: 0)

    async def scenario(bench: Bench) -> None:
        assert bench.runner.sandbox_level() == "rlimits"
        assert (await bench.finish(bench.job("fail"))).exit_code == 3
        monkeypatch.setattr(bench.runner, "_policy", "require")
        exited = await bench.finish(bench.job("fail"), 2)

        assert exited.limit is EndReason.START_FAILED
        assert "no Landlock" in exited.detail

    world.run(scenario)


@pytest.mark.parametrize("command", [("no-such-program",), ("./job.py",), ("python3\0",)])
def test_a_command_that_cannot_start_says_why(world: RealWorld, command: tuple[str, ...]) -> None:
    async def scenario(bench: Bench) -> None:
        exited = await bench.finish(bench.job("fail", command=command))

        assert exited.limit is EndReason.START_FAILED
        assert exited.detail
        assert bench.inbox.of(RunnerStarted) == []

    world.run(scenario)


# --- what a job leaves behind ---


CHECKPOINTS = (
    HEAD
    + """
def path(name): return os.path.join(kept, name)
os.symlink("/etc/passwd", path("link"))
os.mkfifo(path("pipe"))
os.mkdir(path("tree"))
open(os.path.join(path("tree"), "part"), "w").write("whole")
os.mkdir(path("bad"))
os.symlink("/etc", os.path.join(path("bad"), "etc"))
for name in ("link", "pipe", "bad", "gone", "..", "a/b", "", "x" * 101, ".hidden"):
    say(checkpoint=name)
for number in range(4):
    open(path("step"), "w").write(str(number))
    say(checkpoint="step")
say(checkpoint="tree")
"""
)


def test_only_sound_checkpoints_are_kept_and_the_last_two_stay(world: RealWorld) -> None:
    async def scenario(bench: Bench) -> None:
        job = bench.pack(tar_of({"job.py": CHECKPOINTS}))
        exited = await bench.finish(job)
        names = [message.checkpoint for message in bench.inbox.of(RunnerCheckpoint)]
        folder = world.directory / "jobs/job-1"

        assert exited.exit_code == 0
        assert names == ["kept-1-step", "kept-2-step", "kept-3-step", "kept-4-step", "kept-5-tree"]
        assert sorted(path.name for path in folder.glob("kept*")) == ["kept-4-step", "kept-5-tree"]
        assert (folder / "kept-5-tree/part").read_text() == "whole"
        assert _log(bench).count("checkpoint not kept") == 9

    world.run(scenario)


@pytest.mark.parametrize(
    ("wanted", "found"), [("kept-1-a", ["a"]), ("kept-9-a", ["a"]), ("nonsense", ["a"]), (None, [])]
)
def test_the_next_attempt_finds_its_checkpoint_alone(world: RealWorld, wanted: str | None, found: list[str]) -> None:
    program = (
        HEAD
        + """
print(sorted(os.listdir(kept)), sorted(os.listdir(out)), flush=True)
open(os.path.join(kept, "a"), "w").write("1")
open(os.path.join(kept, "b"), "w").write("2")
open(os.path.join(out, "left"), "w").write("3")
say(checkpoint="a")
sys.exit(75)
"""
    )

    async def scenario(bench: Bench) -> None:
        job = bench.pack(tar_of({"job.py": program}))
        await bench.finish(job)
        await bench.finish(job, 2, wanted)

        assert _log(bench).splitlines()[0] == f"{found} []"

    world.run(scenario)


def test_output_that_is_too_large_is_named(world: RealWorld) -> None:
    async def scenario(bench: Bench) -> None:
        program = HEAD + 'open(os.path.join(out, "big"), "wb").write(bytes(9_000_000))'
        exited = await bench.finish(bench.pack(tar_of({"job.py": program}), disk_mb=16))
        bench.runner.collect("job-1", 1)
        collected = await bench.inbox.until(RunnerCollected)

        assert exited.exit_code == 0
        assert collected.error is EndReason.RESULT_TOO_LARGE

    world.run(scenario)


def test_links_in_the_output_are_left_out_and_the_tar_does_not_depend_on_time(world: RealWorld) -> None:
    program = (
        HEAD
        + """
os.mkdir(os.path.join(out, "d"))
for name in ("z", "d/a"):
    open(os.path.join(out, name), "w").write(name)
os.symlink("/etc/passwd", os.path.join(out, "link"))
os.utime(os.path.join(out, "z"), (int(os.environ["DAWNLINE_ATTEMPT"]) * 1000,) * 2)
"""
    )

    async def scenario(bench: Bench) -> None:
        job = bench.pack(tar_of({"job.py": program}))
        for attempt in (1, 2):
            await bench.finish(job, attempt)
            bench.runner.collect("job-1", attempt)
            await bench.inbox.until(RunnerCollected, attempt)

        first, second = bench.inbox.of(RunnerCollected)
        assert first.result_sha256 == second.result_sha256
        with tarfile.open(fileobj=io.BytesIO(bench.files.read(result_file("job-1"), 0, 10**6))) as archive:
            assert archive.getnames() == ["d", "d/a", "z"]

    world.run(scenario)


def test_a_directory_that_a_job_has_closed_is_removed_all_the_same(world: RealWorld) -> None:
    async def scenario(bench: Bench) -> None:
        program = HEAD + 'os.makedirs(os.path.join(out, "a/b")); os.chmod(os.path.join(out, "a"), 0)'
        await bench.finish(bench.pack(tar_of({"job.py": program})))
        bench.runner.discard("job-1")
        await bench.rest(0.0)

        assert not (world.directory / "jobs/job-1").exists()

    world.run(scenario)


# --- bundles ---


def _member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "", size: int = 0) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname, entry.size = kind, target, size
        archive.addfile(entry, io.BytesIO(bytes(size)))
    return buffer.getvalue()


EVIL = {
    "absolute": _member("/tmp/evil"),
    "parent": _member("a/../../evil"),
    "symlink": _member("link", tarfile.SYMTYPE, "/etc"),
    "hard link": _member("link", tarfile.LNKTYPE, "/etc/passwd"),
    "device": _member("null", tarfile.CHRTYPE),
    "pipe": _member("pipe", tarfile.FIFOTYPE),
    "twice": tar_of({"a": "1"})[:1024] + tar_of({"a": "2"}),
    "file as directory": tar_of({"a": "1"})[:1024] + tar_of({"a/b": "2"}),
    "no tar": b"not a tar at all" * 100,
    "empty": b"",
    "cut": _member("a", size=100_000)[:5_000],
    "too many": tar_of({str(number): "" for number in range(2_001)}),
}


@pytest.mark.parametrize("evil", list(EVIL))
def test_a_bundle_that_breaks_a_rule_is_refused_before_anything_starts(world: RealWorld, evil: str) -> None:
    async def scenario(bench: Bench) -> None:
        exited = await bench.finish(bench.pack(EVIL[evil]))

        assert exited.limit is EndReason.BUNDLE_BAD
        assert exited.detail
        assert bench.inbox.of(RunnerStarted) == []

    world.run(scenario)


def test_another_bundle_than_the_promised_one_is_refused(world: RealWorld) -> None:
    async def scenario(bench: Bench) -> None:
        assert (await bench.finish(bench.job("fail", bundle_sha256="00" * 32))).limit is EndReason.BUNDLE_BAD

    world.run(scenario)


def test_a_full_disk_is_the_reason_for_which_nothing_starts(world: RealWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "input")

    async def scenario(bench: Bench) -> None:
        job = bench.job("count")
        with monkeypatch.context() as patched:
            patched.setattr(JobDirectory, "prepare", full)
            exited = await bench.finish(job)
        bench.runner.start(JobStart(job, 2, None))
        await bench.inbox.until(RunnerStarted)
        with monkeypatch.context() as patched:
            patched.setattr("node.adapters.job_directory.sync_directory", full)
            ended = await bench.inbox.until(RunnerExited, 2)

        assert exited.limit is EndReason.STORAGE_FULL
        assert (ended.exit_code, bench.inbox.of(RunnerCheckpoint)) == (0, [])
        assert "checkpoint not kept: STORAGE_FULL" in ended.detail

    world.run(scenario)


def test_closing_the_runner_ends_what_runs(world: RealWorld) -> None:
    async def scenario(bench: Bench) -> None:
        bench.runner.start(JobStart(bench.job("stubborn"), 1, None))
        bench.runner.start(JobStart(bench.job("stubborn", "job-2"), 1, None))
        await bench.inbox.until(RunnerStarted)
        await asyncio.wait_for(bench.rest(0.0), 5.0)

        assert len(bench.inbox.of(RunnerExited)) == 2
        assert _left(world.directory) == []

    world.run(scenario)
