"""The training job: whatever interrupts it, the weights are the same bytes."""

import hashlib
import json
import random
import signal
from pathlib import Path

import pytest

from tests.unit.jobs.contract import Place, start

BUNDLE = Path("missions/jobs/train").resolve()
EPOCHS = 6
STEPS = EPOCHS * (1437 // 32)
SMALL = ("train.py", "--epochs", str(EPOCHS), "--channels", "8", "--checkpoint-every-steps", "20")
ATTEMPTS_MAX = 40

pytestmark = pytest.mark.slow


def run_whole(place: Place) -> str:
    process = start(BUNDLE, place, SMALL, job_id="train-1")
    lines, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert json.loads(lines.splitlines()[-1]) == {"progress": 1.0}
    return hashlib.sha256((place.output / "weights.bin").read_bytes()).hexdigest()


def run_interrupted(place: Place, signals: list[signal.Signals], rng: random.Random) -> tuple[str, list[int]]:
    """Run to the end, one signal per attempt after a number of report lines drawn by seed."""
    codes: list[int] = []
    for attempt in range(1, ATTEMPTS_MAX + 1):
        process = start(BUNDLE, place, SMALL, job_id="train-1", attempt=attempt)
        assert process.stdout is not None
        lines = ""
        if signals:
            for _ in range(rng.randint(1, 5)):
                lines += process.stdout.readline()
            process.send_signal(signals.pop())
        rest, errors = process.communicate(timeout=120)
        codes.append(process.returncode)
        assert process.returncode in (0, 75, -signal.SIGKILL), errors
        if process.returncode == 0:
            return hashlib.sha256((place.output / "weights.bin").read_bytes()).hexdigest(), codes
        place.next_attempt(lines + rest)
    raise AssertionError(f"not finished in {ATTEMPTS_MAX} attempts: {codes}")


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> str:
    return run_whole(Place.fresh(tmp_path_factory.mktemp("whole")))


@pytest.mark.parametrize("seed", [1, 2])
def test_sigterm_at_any_moment_leaves_the_weights_the_same(tmp_path: Path, uninterrupted: str, seed: int) -> None:
    digest, codes = run_interrupted(Place.fresh(tmp_path / "job"), [signal.SIGTERM] * 4, random.Random(seed))

    assert digest == uninterrupted, f"seed {seed}"
    assert 75 in codes, f"seed {seed} preempted nothing"


@pytest.mark.parametrize("seed", [3, 4])
def test_sigkill_at_any_moment_leaves_the_weights_the_same(tmp_path: Path, uninterrupted: str, seed: int) -> None:
    digest, codes = run_interrupted(Place.fresh(tmp_path / "job"), [signal.SIGKILL] * 4, random.Random(seed))

    assert digest == uninterrupted, f"seed {seed}"
    assert -signal.SIGKILL in codes, f"seed {seed} killed nothing"


def test_a_preempted_attempt_reports_a_whole_checkpoint_of_its_last_step(tmp_path: Path) -> None:
    place = Place.fresh(tmp_path / "job")
    process = start(BUNDLE, place, SMALL, job_id="train-1")
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in ("the start", "the first checkpoint")]

    process.send_signal(signal.SIGTERM)
    rest, _ = process.communicate(timeout=60)

    assert process.returncode == 75
    reports = [json.loads(line) for line in ("".join(lines) + rest).splitlines()]
    names = [report["checkpoint"] for report in reports if "checkpoint" in report]
    assert (place.checkpoint / names[-1]).is_file()
    assert sorted(path.name for path in place.checkpoint.iterdir()) == sorted(set(names))


def test_a_damaged_checkpoint_is_named_and_the_job_starts_over(tmp_path: Path, uninterrupted: str) -> None:
    place = Place.fresh(tmp_path / "job")
    (place.checkpoint / "step-0000020.ckpt").write_bytes(b'{"arrays": {}, "sha256": "0"}\nrubbish')

    process = start(BUNDLE, place, SMALL, job_id="train-1")
    lines, errors = process.communicate(timeout=120)

    assert process.returncode == 0, errors
    assert "step-0000020.ckpt is damaged" in lines
    assert hashlib.sha256((place.output / "weights.bin").read_bytes()).hexdigest() == uninterrupted


def test_a_checkpoint_of_another_plan_is_not_resumed(tmp_path: Path) -> None:
    place = Place.fresh(tmp_path / "job")
    run_whole(place)

    other = (*SMALL[:2], str(EPOCHS + 1), *SMALL[3:])
    process = start(BUNDLE, place, other, job_id="train-1", attempt=2)
    lines, errors = process.communicate(timeout=120)

    assert process.returncode == 0, errors
    assert "of another plan" in lines
    assert "starts at step 0" in lines


def test_even_a_short_training_learns(tmp_path: Path) -> None:
    place = Place.fresh(tmp_path / "job")

    digest = run_whole(place)

    result = json.loads((place.output / "result.json").read_text())
    assert result["test_accuracy"] > 0.9
    assert result["steps"] == STEPS
    assert result["weights_sha256"] == digest
