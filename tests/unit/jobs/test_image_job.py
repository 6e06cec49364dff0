"""The image job, as the node would run it."""

import json
import signal
from pathlib import Path

import pytest

from tests.unit.jobs.contract import Place, start

BUNDLE = Path("missions/jobs/image").resolve()
SMALL = ("process.py", "--side-px", "128")

pytestmark = pytest.mark.slow


def run(place: Place, *extra: str, job_id: str = "image-1") -> dict[str, object]:
    process = start(BUNDLE, place, (*SMALL, *extra), job_id=job_id)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    result: dict[str, object] = json.loads((place.output / "result.json").read_text())
    return result


def test_the_same_tile_gives_the_same_result(tmp_path: Path) -> None:
    first = run(Place.fresh(tmp_path / "one"), "--tile", "5")
    second = run(Place.fresh(tmp_path / "two"), "--tile", "5")

    assert first == second
    assert (tmp_path / "one/output/preview.png").read_bytes() == (tmp_path / "two/output/preview.png").read_bytes()


def test_the_job_id_chooses_the_tile(tmp_path: Path) -> None:
    first = run(Place.fresh(tmp_path / "one"), job_id="image-1")
    second = run(Place.fresh(tmp_path / "two"), job_id="image-2")

    assert first["tile"] != second["tile"]


def test_the_cloud_mask_finds_the_cover_that_was_drawn(tmp_path: Path) -> None:
    result = run(Place.fresh(tmp_path / "one"), "--tile", "5")

    cloud_frac, clear = result["cloud_frac"], result["reflectance_mean_clear"]
    assert isinstance(cloud_frac, float)
    assert isinstance(clear, float)
    assert 0.02 < cloud_frac < 0.75
    assert clear < 0.4


def test_sigterm_ends_a_tile_at_once_with_75(tmp_path: Path) -> None:
    process = start(BUNDLE, Place.fresh(tmp_path / "one"), ("process.py", "--side-px", "2048"), job_id="image-1")
    assert process.stdout is not None
    assert json.loads(process.stdout.readline()) == {"progress": 0.4}

    process.send_signal(signal.SIGTERM)

    assert process.wait(timeout=10) == 75
    assert process.stderr is not None
    assert process.stderr.read() == ""


def test_output_lines_are_reports_of_the_contract(tmp_path: Path) -> None:
    process = start(BUNDLE, Place.fresh(tmp_path / "one"), SMALL, job_id="image-1")

    lines, _ = process.communicate(timeout=60)

    reports = [json.loads(line) for line in lines.splitlines()]
    assert [list(report) for report in reports] == [["progress"]] * len(reports)
    assert reports[-1] == {"progress": 1.0}
