"""Bundles: same folder, same bytes; and errors that name the file and the key."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from flatsat import bundles
from icd.ids import JobId, TenantId
from icd.jobs import BUNDLE_BYTES_MAX, JobClass

GOOD = """\
command = ["python3", "job.py"]
class = "BULK"
priority = 40
power_w = 3500
slots = 1
memory_mb = 64
disk_mb = 8
time_limit_s = 60.0
grace_s = 2.0
work_s = 90.0
checkpoint_every_s = 30.0
retries_max = 3
"""
SHIPPED = sorted(path.parent for path in Path("missions/jobs").glob("*/job.toml"))


def make(folder: Path, job: str = GOOD) -> Path:
    (folder / "sub").mkdir(parents=True)
    (folder / "job.toml").write_text(job)
    (folder / "job.py").write_text("print('{\"progress\": 1.0}')\n")
    (folder / "sub" / "values.bin").write_bytes(b"\x00\x01")
    return folder


def test_the_same_folder_packs_to_the_same_bytes_whenever_and_wherever(tmp_path: Path) -> None:
    first, second = make(tmp_path / "one"), make(tmp_path / "two")
    os.utime(second / "job.py", (1, 1))
    (second / "__pycache__").mkdir()
    (second / "__pycache__" / "job.cpython-311.pyc").write_bytes(b"cache")

    assert bundles.pack(first) == bundles.pack(second)


def test_a_bundle_names_no_owner_no_time_and_nothing_but_files(tmp_path: Path) -> None:
    folder = make(tmp_path / "one")
    (folder / "job.py").chmod(0o700)

    with tarfile.open(fileobj=io.BytesIO(bundles.pack(folder))) as archive:
        entries = archive.getmembers()

    assert [entry.name for entry in entries] == ["job.py", "job.toml", "sub/values.bin"]
    assert {(entry.mtime, entry.uid, entry.gid, entry.uname) for entry in entries} == {(0, 0, 0, "")}
    assert [entry.mode for entry in entries] == [0o755, 0o644, 0o644]


def test_one_changed_byte_changes_the_digest(tmp_path: Path) -> None:
    folder = make(tmp_path / "one")
    before = bundles.load(folder).sha256

    (folder / "sub" / "values.bin").write_bytes(b"\x00\x02")

    assert bundles.load(folder).sha256 != before


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ('class = "COLD"', "'class'"),
        ("power_w = -1.0", "'power_w'"),
        ("slots = 1.5", "'slots'"),
        ('command = "python3 job.py"', "'command'"),
        ("grace_s = 900.0", "'grace_s'"),
    ],
)
def test_a_bad_value_is_refused_by_file_and_key(tmp_path: Path, line: str, named: str) -> None:
    key = line.split(" ")[0]
    job = "".join(f"{line}\n" if old.startswith(f"{key} ") else f"{old}\n" for old in GOOD.splitlines())

    with pytest.raises(bundles.BundleError, match=named) as caught:
        bundles.load(make(tmp_path / "one", job))

    assert "job.toml" in str(caught.value)


@pytest.mark.parametrize(
    ("job", "words"),
    [
        (GOOD + "colour = 1\n", "unknown key 'colour'; allowed are command, class"),
        (GOOD.replace("slots = 1\n", ""), "key 'slots' is missing"),
        ("class = \n", "is not TOML"),
    ],
)
def test_a_bad_job_file_is_refused_with_what_is_allowed(tmp_path: Path, job: str, words: str) -> None:
    with pytest.raises(bundles.BundleError, match=words):
        bundles.load(make(tmp_path / "one", job))


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(bundles.BundleError, match="no such folder"):
        bundles.pack(tmp_path / "none")


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(bundles.BundleError, match="is empty"):
        bundles.pack(tmp_path)


def test_a_folder_without_a_job_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(bundles.BundleError, match=r"job\.toml: cannot be read"):
        bundles.load(tmp_path)


def test_a_link_is_refused(tmp_path: Path) -> None:
    folder = make(tmp_path / "one")
    (folder / "passwords").symlink_to("/etc/passwd")

    with pytest.raises(bundles.BundleError, match="passwords: is a link"):
        bundles.pack(folder)


def test_more_than_fits_is_refused_with_the_bound(tmp_path: Path) -> None:
    folder = make(tmp_path / "one")
    (folder / "large").write_bytes(bytes(BUNDLE_BYTES_MAX))

    with pytest.raises(bundles.BundleError, match=str(BUNDLE_BYTES_MAX)):
        bundles.pack(folder)


def test_a_name_that_no_tar_can_hold_is_refused(tmp_path: Path) -> None:
    folder = make(tmp_path / "one")
    (folder / ("n" * 200)).write_text("x")

    with pytest.raises(bundles.BundleError, match="too long"):
        bundles.pack(folder)


def test_submitting_may_change_what_the_job_file_says_within_its_bounds(tmp_path: Path) -> None:
    bundle = bundles.load(make(tmp_path / "one"))

    spec = bundle.spec(JobId("train-1"), TenantId("lab"), None, power_w=900.0)

    assert (spec.power_w, spec.job_class, spec.bundle_sha256) == (900.0, JobClass.BULK, bundle.sha256)
    with pytest.raises(bundles.BundleError, match="'power_w'"):
        bundle.spec(JobId("train-1"), TenantId("lab"), None, power_w=-1.0)


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda path: path.name)
def test_every_shipped_bundle_loads(folder: Path) -> None:
    bundle = bundles.load(folder)

    assert bundle.spec(JobId("any"), TenantId("any"), None).command[0] == "python3"
