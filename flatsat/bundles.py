"""Job bundles: a folder becomes a tar that is the same bytes everywhere, and its job.toml a job specification."""

import hashlib
import io
import stat
import tarfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from icd.ids import JobId, TenantId
from icd.jobs import BUNDLE_BYTES_MAX, JobSpec
from icd.timebase import MissionTime

JOB_FILE = "job.toml"
FILES_MAX = 1_000  # in one bundle
JOB_FILE_BYTES_MAX = 64 * 1024

# The keys of job.toml and the fields of JobSpec that they fill. All must be there.
_KEYS = {
    "command": "command",
    "class": "job_class",
    "priority": "priority",
    "power_w": "power_w",
    "slots": "slots",
    "memory_mb": "memory_mb",
    "disk_mb": "disk_mb",
    "time_limit_s": "time_limit_s",
    "grace_s": "grace_s",
    "work_s": "work_s",
    "checkpoint_every_s": "checkpoint_every_s",
    "retries_max": "retries_max",
}
_KEY_OF_FIELD = {field: key for key, field in _KEYS.items()}
# What job.toml leaves to the one who submits; with it, JobSpec's own bounds check the rest.
_ANY_IDENTITY = {"job_id": "any", "tenant": "any", "deadline": None, "bundle_sha256": "0" * 64, "bundle_bytes": 1}
_CACHES = ("__pycache__", ".git", ".mypy_cache", ".ruff_cache", ".pytest_cache")


class BundleError(ValueError):
    """A folder that is no bundle. The text names the file, what is wrong and what is allowed."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A packed folder and what its job.toml asks for, by JobSpec's field names."""

    content: bytes
    sha256: str
    defaults: Mapping[str, object]

    def spec(self, job_id: JobId, tenant: TenantId, deadline: MissionTime | None, **changed: object) -> JobSpec:
        """Return the job specification, with some of job.toml's values changed.

        Raises:
            BundleError: a changed value is not allowed.
        """
        named = {"job_id": job_id, "tenant": tenant, "deadline": deadline}
        bundle = {"bundle_sha256": self.sha256, "bundle_bytes": len(self.content)}
        return _spec("the job", {**self.defaults, **changed, **named, **bundle})


def load(folder: Path) -> Bundle:
    """Pack a folder and read its job.toml.

    Raises:
        BundleError: the folder is no bundle.
    """
    defaults = read_job(folder)
    content = pack(folder)
    return Bundle(content, hashlib.sha256(content).hexdigest(), defaults)


def pack(folder: Path) -> bytes:
    """Return the folder as a tar that depends on names, content and executable bits alone.

    Caches such as `__pycache__` stay behind.

    Raises:
        BundleError: no folder, nothing in it, a link or device in it, or more than fits.
    """
    if not folder.is_dir():
        raise BundleError(f"{folder}: no such folder; a bundle is a folder with the job's files and a {JOB_FILE}")
    files = _files(folder)
    total_bytes = sum(path.stat().st_size for path in files)
    if total_bytes > BUNDLE_BYTES_MAX:
        raise BundleError(_too_large(folder, total_bytes))
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in files:
            _add(archive, folder, path)
    content = buffer.getvalue()
    if len(content) > BUNDLE_BYTES_MAX:
        raise BundleError(_too_large(folder, len(content)))
    return content


def read_job(folder: Path) -> Mapping[str, object]:
    """Return what the folder's job.toml asks for, by JobSpec's field names, checked.

    Raises:
        BundleError: the file is missing or not TOML, or a key is missing, unknown or out of bounds.
    """
    path = folder / JOB_FILE
    try:
        content = path.read_bytes()
        if len(content) > JOB_FILE_BYTES_MAX:
            raise BundleError(f"{path}: is {len(content)} bytes; at most {JOB_FILE_BYTES_MAX} are allowed")
        table = tomllib.loads(content.decode("utf-8"))
    except OSError as error:
        raise BundleError(f"{path}: cannot be read ({error.strerror}); docs/jobs.md has an example") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BundleError(f"{path}: is not TOML: {error}") from error
    unknown, missing = sorted(table.keys() - _KEYS.keys()), sorted(_KEYS.keys() - table.keys())
    if unknown:
        raise BundleError(f"{path}: unknown key {unknown[0]!r}; allowed are {', '.join(_KEYS)}")
    if missing:
        raise BundleError(f"{path}: key {missing[0]!r} is missing; needed are {', '.join(_KEYS)}")
    defaults = {_KEYS[key]: value for key, value in table.items()}
    _spec(str(path), {**defaults, **_ANY_IDENTITY})
    return defaults


def _spec(where: str, fields: Mapping[str, object]) -> JobSpec:
    try:
        return JobSpec.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0]) if first["loc"] else ""
        raise BundleError(f"{where}: key {_KEY_OF_FIELD.get(field, field)!r}: {first['msg']}") from error


def _files(folder: Path) -> list[Path]:
    """Return the bundle's files, sorted by name as a path in the tar."""
    found: list[Path] = []
    for path in folder.rglob("*"):
        inside = path.relative_to(folder)
        if any(part in _CACHES for part in inside.parts) or path.suffix == ".pyc":
            continue
        mode = path.lstat().st_mode
        if stat.S_ISREG(mode):
            found.append(path)
        elif not stat.S_ISDIR(mode):
            raise BundleError(f"{path}: is a link or a device; a bundle holds plain files and folders")
        if len(found) > FILES_MAX:
            raise BundleError(f"{folder}: more than {FILES_MAX} files; pack them into one and unpack it in the job")
    if not found:
        raise BundleError(f"{folder}: is empty; a bundle is a folder with the job's files and a {JOB_FILE}")
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def _add(archive: tarfile.TarFile, folder: Path, path: Path) -> None:
    entry = tarfile.TarInfo(path.relative_to(folder).as_posix())
    content = path.read_bytes()
    entry.size = len(content)
    entry.mode = 0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644
    try:
        archive.addfile(entry, io.BytesIO(content))
    except ValueError as error:
        raise BundleError(f"{path}: its name is too long for a bundle; use at most 100 bytes") from error


def _too_large(folder: Path, size_bytes: int) -> str:
    return f"{folder}: takes {size_bytes} bytes; a bundle holds at most {BUNDLE_BYTES_MAX}: leave something out"
