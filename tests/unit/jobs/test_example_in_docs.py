"""The example of docs/jobs.md is a real job: it loads, it runs, and it survives a preemption."""

import json
import re
import signal
from pathlib import Path

import pytest

from flatsat import bundles
from tests.unit.jobs.contract import Place, start

PAGE = Path("docs/jobs.md")

pytestmark = pytest.mark.slow


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    blocks = dict(re.findall(r"```(python|toml)\n(.*?)```", PAGE.read_text(), re.DOTALL))
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "job.py").write_text(blocks["python"])
    (folder / "job.toml").write_text(blocks["toml"])
    return folder


def test_the_example_of_the_job_page_is_a_bundle(bundle: Path) -> None:
    assert bundles.load(bundle).defaults["job_class"] == "STANDARD"


def test_the_example_of_the_job_page_survives_a_preemption(bundle: Path, tmp_path: Path) -> None:
    place = Place.fresh(tmp_path / "job")
    first = start(bundle, place, ("job.py",), job_id="sum-1")
    assert first.stdout is not None
    line = first.stdout.readline()
    first.send_signal(signal.SIGTERM)
    rest, _ = first.communicate(timeout=30)
    place.next_attempt(line + rest)

    second = start(bundle, place, ("job.py",), job_id="sum-1", attempt=2)
    _, errors = second.communicate(timeout=30)

    assert (first.returncode, second.returncode) == (75, 0), errors
    result = json.loads((place.output / "result.json").read_text())
    assert result == {"n": 2_000_000, "sum": 2_000_000 * 2_000_001 // 2}
