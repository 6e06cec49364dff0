"""The directories of one job: its bundle unpacked, its checkpoints kept, its output packed.

    jobs/JOB/attempts/N/{input,output,checkpoint,tmp}   one attempt; the last three are the job's own to write
    jobs/JOB/kept-N-NAME                                a promoted checkpoint, of which the last two are kept

What a job wrote is not trusted: it is opened step by step, following no link, and counted while it is copied.
"""

import io
import os
import re
import shutil
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from icd.jobs import RESULT_BYTES_MAX, EndReason
from node.adapters.disk import is_full, sync_directory

BUNDLE_ENTRIES_MAX = 2_000
BUNDLE_EXPANDS_MAX = 16  # times its own size, at least a MiB: what an unpacked bundle may take
ENTRIES_MAX = 2_000  # of a checkpoint or a result
KEPT_MAX = 2  # promoted checkpoints of a job
CHECKPOINT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
WRITE_DIRS = ("output", "checkpoint", "tmp")

Add = Callable[[Path, BinaryIO | None, os.stat_result], None]  # path, open file (None: a directory), what it is

_KEPT = re.compile(r"kept-([0-9]{1,9})-(.+)")
_MIB = 1024 * 1024
_COPY_BYTES = 256 * 1024


class JobFilesError(Exception):
    """What a bundle, a checkpoint or a result breaks, as the reason for which the attempt ends."""

    def __init__(self, reason: EndReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class JobDirectory:
    """All that the runner keeps of one job."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def attempt(self, number: int) -> Path:
        """Return the directory of an attempt."""
        return self.path / "attempts" / str(number)

    def prepare(self, number: int, bundle: bytes, checkpoint: str | None) -> Path:
        """Lay an attempt's directory anew: bundle unpacked, checkpoint in place, earlier attempts gone.

        Raises:
            JobFilesError: the bundle is bad, or the disk is full.
        """
        attempt = self.attempt(number)
        try:
            remove_tree(self.path / "attempts")
            for name in ("input", *WRITE_DIRS):
                (attempt / name).mkdir(parents=True)
            unpack(bundle, attempt / "input")
            if checkpoint is not None:
                self._lay_checkpoint(checkpoint, attempt / "checkpoint")
        except OSError as error:
            raise _from_disk(error) from error
        return attempt

    def promote(self, number: int, name: str, limit_bytes: int) -> str:
        """Copy a finished checkpoint to where no job can reach it; durable when this returns its new name.

        Raises:
            JobFilesError: it is not there, holds links or devices, is too large, or the disk is full.
        """
        if CHECKPOINT_NAME.fullmatch(name) is None:
            raise JobFilesError(EndReason.EXIT_CODE, f"checkpoint name {name[:60]!r} is not one plain file name")
        order = 1 + max((number for number, _ in self._kept()), default=0)
        temporary, kept = self.path / f"kept.tmp-{order}", self.path / f"kept-{order}-{name}"
        try:
            remove_tree(temporary)
            _Copy(limit_bytes).entry(self.attempt(number) / "checkpoint", name, temporary)
            temporary.rename(kept)
            sync_directory(self.path)
            for _, old in sorted(self._kept())[:-KEPT_MAX]:
                remove_tree(old)
        except OSError as error:
            remove_tree(temporary)
            raise _from_disk(error) from error
        except JobFilesError:
            remove_tree(temporary)
            raise
        return kept.name

    def pack_output(self, number: int) -> bytes:
        """Return the output of an attempt as a tar whose bytes depend on names and contents alone.

        Raises:
            JobFilesError: larger than a result may be, not there, or not readable.
        """
        output = self.attempt(number) / "output"
        if not output.is_dir():
            raise JobFilesError(EndReason.RESET, "no output of this attempt is there")
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:

            def add(path: Path, file: BinaryIO | None, about: os.stat_result) -> None:
                entry = tarfile.TarInfo(path.relative_to(output).as_posix())
                entry.mode = 0o755 if file is None or about.st_mode & stat.S_IXUSR else 0o644
                entry.type = tarfile.DIRTYPE if file is None else tarfile.REGTYPE
                entry.size = 0 if file is None else about.st_size
                archive.addfile(entry, file)

            try:
                _read_tree(output, RESULT_BYTES_MAX, add)
            except OSError as error:
                raise _from_disk(error) from error
        if buffer.tell() > RESULT_BYTES_MAX:
            raise JobFilesError(EndReason.RESULT_TOO_LARGE, f"holds more than {RESULT_BYTES_MAX} bytes")
        return buffer.getvalue()

    def discard(self) -> None:
        """Remove everything."""
        remove_tree(self.path)

    def _kept(self) -> list[tuple[int, Path]]:
        matches = [(_KEPT.fullmatch(path.name), path) for path in self.path.glob("kept-*")]
        return [(int(match[1]), path) for match, path in matches if match is not None]

    def _lay_checkpoint(self, wanted: str, target: Path) -> None:
        """Copy a promoted checkpoint to the new attempt, under the name that the job gave it.

        Where the one that is wanted gave way to later ones before its row could be written, the latest serves.
        """
        kept = {path.name: path for _, path in sorted(self._kept())}
        source = kept.get(wanted) or next(reversed(kept.values()), None)
        if source is None:
            return
        name = source.name.split("-", 2)[2]
        if source.is_dir():
            shutil.copytree(source, target / name)
        else:
            shutil.copyfile(source, target / name)


def unpack(bundle: bytes, target: Path) -> None:
    """Unpack a bundle member by member: plain files and directories below `target`, nothing else.

    Raises:
        JobFilesError: BUNDLE_BAD with the first rule that it breaks.
        OSError: the disk fails.
    """
    room = max(_MIB, BUNDLE_EXPANDS_MAX * len(bundle))
    try:
        with tarfile.open(fileobj=io.BytesIO(bundle), mode="r:*") as archive:
            for count, member in enumerate(archive):
                if count >= BUNDLE_ENTRIES_MAX:
                    raise _bad(f"more than {BUNDLE_ENTRIES_MAX} entries")
                path = target / _inside(member)
                if member.isdir():
                    path.mkdir(parents=True, exist_ok=True)
                    continue
                room -= member.size
                if room < 0:
                    raise _bad("unpacks to more than it may")
                path.parent.mkdir(parents=True, exist_ok=True)
                content = archive.extractfile(member)
                if content is None:
                    raise _bad(f"{member.name[:80]!r} is no plain file")
                with path.open("xb") as file:
                    shutil.copyfileobj(content, file, _COPY_BYTES)
                path.chmod(0o755 if member.mode & stat.S_IXUSR else 0o644)
    except (tarfile.TarError, EOFError, ValueError, FileExistsError, NotADirectoryError) as error:
        raise _bad(f"{type(error).__name__}: {error}"[:200]) from error
    except OSError as error:
        if error.errno is None:  # a damaged compressed stream, not the disk
            raise _bad(str(error)[:200]) from error
        raise


def remove_tree(path: Path) -> None:
    """Remove a file or a directory, even one that a job has closed to us; nothing happens when it is not there."""

    def open_up(_call: Callable[..., Any], name: str, _error: object) -> None:
        os.chmod(os.path.dirname(name), 0o700)
        if os.path.isdir(name) and not os.path.islink(name):
            os.chmod(name, 0o700)
            shutil.rmtree(name)
        else:
            os.unlink(name)

    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path, onerror=open_up)


def _inside(member: tarfile.TarInfo) -> str:
    """Return the member's path, which lies below the directory it is unpacked in, of a kind that may be there."""
    name = member.name
    parts = name.split("/")
    if not name or name.startswith("/") or ".." in parts or "\0" in name or "\\" in name:
        raise _bad(f"{name[:80]!r} is not a path inside the bundle")
    if not member.isreg() and not member.isdir():
        raise _bad(f"{name[:80]!r} is a link or a device")
    return name


class _Copy:
    """Copies one checkpoint, durable, within a number of bytes."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes

    def entry(self, directory: Path, name: str, target: Path) -> None:
        """Copy a file or a directory."""

        def add(path: Path, file: BinaryIO | None, about: os.stat_result) -> None:
            copy = target / path.relative_to(directory / name) if path != directory / name else target
            if file is None:
                copy.mkdir()
                directories.append(copy)
                return
            with copy.open("xb") as whole:
                left_bytes = about.st_size
                while left_bytes > 0 and (part := file.read(min(left_bytes, _COPY_BYTES))):
                    whole.write(part)
                    left_bytes -= len(part)
                whole.flush()
                os.fsync(whole.fileno())

        directories: list[Path] = []
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            _Walk(self._limit_bytes, add, strict=True).entry(handle, name, directory / name)
        except FileNotFoundError as error:
            raise JobFilesError(EndReason.EXIT_CODE, f"checkpoint {name[:60]!r} is not there") from error
        finally:
            os.close(handle)
        for copied in directories:
            sync_directory(copied)


def _read_tree(directory: Path, limit_bytes: int, add: Add) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        _Walk(limit_bytes, add, strict=False).inside(handle, directory)
    finally:
        os.close(handle)


class _Walk:
    """Reads files below an open directory without following a link: a job may still be changing them.

    `strict` refuses what is neither file nor directory; otherwise it is passed over.
    """

    def __init__(self, limit_bytes: int, add: Add, *, strict: bool) -> None:
        self._limit_bytes = limit_bytes
        self._left_bytes = limit_bytes
        self._left_entries = ENTRIES_MAX
        self._add = add
        self._strict = strict

    def inside(self, handle: int, path: Path) -> None:
        """Read every entry of an open directory, by name."""
        with os.scandir(handle) as found:
            names = sorted(entry.name for _, entry in zip(range(ENTRIES_MAX + 1), found, strict=False))
        for name in names:
            self.entry(handle, name, path / name)

    def entry(self, parent: int, name: str, path: Path) -> None:
        """Read one entry of an open directory."""
        self._left_entries -= 1
        if self._left_entries < 0:
            raise JobFilesError(EndReason.RESULT_TOO_LARGE, f"more than {ENTRIES_MAX} files")
        kind = os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode
        if not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
            if self._strict:
                raise JobFilesError(EndReason.EXIT_CODE, f"{name[:60]!r} is a link or a device")
            return
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=parent)
        try:
            about = os.fstat(handle)
            if stat.S_ISDIR(about.st_mode):
                self._add(path, None, about)
                self.inside(handle, path)
            elif stat.S_ISREG(about.st_mode):
                self._left_bytes -= about.st_size
                if self._left_bytes < 0:
                    raise JobFilesError(EndReason.RESULT_TOO_LARGE, f"holds more than {self._limit_bytes} bytes")
                with os.fdopen(handle, "rb", closefd=False) as file:
                    self._add(path, file, about)
        finally:
            os.close(handle)


def _bad(detail: str) -> JobFilesError:
    return JobFilesError(EndReason.BUNDLE_BAD, f"bundle: {detail}")


def _from_disk(error: OSError) -> JobFilesError:
    reason = EndReason.STORAGE_FULL if is_full(error) else EndReason.START_FAILED
    return JobFilesError(reason, f"{error.strerror or error}: {error.filename or 'file'}"[:300])
