"""What the files on board promise: one suite over a directory and over memory."""

import errno
import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from node.adapters import disk
from node.adapters.files import FILE_BYTES_MAX, DirectoryFiles, MemoryFiles, WritableFiles
from node.kernel.errors import InvariantError, StorageError, StorageFault

Make = Callable[[int], WritableFiles]
ROOM = 1_000


def _sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture(params=["directory", "memory"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    if request.param == "memory":
        return MemoryFiles
    return lambda bytes_max: DirectoryFiles(tmp_path / "files", bytes_max, durable=False)


@pytest.fixture
def files(make: Make) -> WritableFiles:
    return make(ROOM)


def test_a_file_arrives_in_parts_and_becomes_whole(files: WritableFiles) -> None:
    sizes = [files.append_part("bundle-a", 0, b"abc"), files.append_part("bundle-a", 3, b"def")]
    before = (files.has("bundle-a"), files.stat("bundle-a"))

    assert files.finish_part("bundle-a", _sha(b"abcdef"))

    assert sizes == [3, 6]
    assert before == (False, None)
    assert files.has("bundle-a")
    assert files.stat("bundle-a") == (6, _sha(b"abcdef"))
    assert (files.read("bundle-a", 2, 3), files.read("bundle-a", 4, 99)) == (b"cde", b"ef")
    assert files.part_size("bundle-a") == 0


def test_a_part_at_another_offset_changes_nothing(files: WritableFiles) -> None:
    files.append_part("bundle-a", 0, b"abc")

    assert [files.append_part("bundle-a", offset, b"xyz") for offset in (0, 2, 4, 10**12)] == [3, 3, 3, 3]
    assert files.append_part("other", 7, b"x") == 0
    assert files.part_size("bundle-a") == 3


def test_a_file_with_another_hash_is_dropped(files: WritableFiles) -> None:
    files.append_part("bundle-a", 0, b"abc")

    assert not files.finish_part("bundle-a", _sha(b"abd"))
    assert not files.finish_part("never-came", _sha(b""))

    assert (files.has("bundle-a"), files.part_size("bundle-a")) == (False, 0)


def test_a_file_may_come_again_while_the_old_one_stays(files: WritableFiles) -> None:
    files.write("result-a", b"old")
    files.append_part("result-a", 0, b"new!")

    assert files.read("result-a", 0, 9) == b"old"
    assert files.finish_part("result-a", _sha(b"new!"))
    assert files.stat("result-a") == (4, _sha(b"new!"))


def test_a_removed_file_is_gone_whole_or_incoming(files: WritableFiles) -> None:
    files.write("log-a", b"line")
    files.append_part("log-a", 0, b"li")

    for _ in range(2):
        files.remove("log-a")

    assert (files.has("log-a"), files.stat("log-a"), files.part_size("log-a")) == (False, None, 0)


def test_a_missing_file_cannot_be_read(files: WritableFiles) -> None:
    with pytest.raises(StorageError):
        files.read("result-x", 0, 1)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/etc/passwd", "A", "a.part", "a\n", "x" * 81, "-a", "a\0b"])
def test_a_name_outside_the_grammar_is_our_own_error(files: WritableFiles, name: str) -> None:
    calls: list[Callable[[], object]] = [
        lambda: files.append_part(name, 0, b"x"),
        lambda: files.part_size(name),
        lambda: files.finish_part(name, _sha(b"x")),
        lambda: files.write(name, b"x"),
        lambda: files.has(name),
        lambda: files.read(name, 0, 1),
        lambda: files.stat(name),
        lambda: files.remove(name),
    ]

    for call in calls:
        with pytest.raises(InvariantError):
            call()


def test_a_full_space_refuses_more_and_keeps_what_is_there(files: WritableFiles) -> None:
    files.write("result-a", b"x" * 600)
    files.append_part("bundle-b", 0, b"y" * 300)

    for call in (lambda: files.append_part("bundle-b", 300, b"y" * 101), lambda: files.write("log-a", b"z" * 101)):
        with pytest.raises(StorageError) as refused:
            call()
        assert refused.value.kind is StorageFault.FULL

    assert files.part_size("bundle-b") == 300
    assert not files.has("log-a")
    files.write("result-a", b"x" * 700)
    files.remove("result-a")
    assert files.append_part("bundle-b", 300, b"y" * 101) == 401


def test_one_file_is_bounded_by_what_a_transfer_carries(make: Make) -> None:
    files = make(10 * FILE_BYTES_MAX)

    files.write("result-a", bytes(FILE_BYTES_MAX))
    with pytest.raises(StorageError):
        files.write("result-b", bytes(FILE_BYTES_MAX + 1))


def test_files_and_parts_are_there_after_a_restart(tmp_path: Path) -> None:
    before = DirectoryFiles(tmp_path, ROOM, durable=True)
    before.write("result-a", b"result")
    before.append_part("bundle-b", 0, b"half")
    (tmp_path / "torn.tmp").write_bytes(b"of a write that never ended")

    after = DirectoryFiles(tmp_path, ROOM, durable=True)

    assert after.stat("result-a") == (6, _sha(b"result"))
    assert after.append_part("bundle-b", 4, b"done") == 8
    assert after.finish_part("bundle-b", _sha(b"halfdone"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundle-b", "result-a"]


def test_a_disk_that_fills_up_in_mid_write_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = DirectoryFiles(tmp_path, ROOM, durable=False)
    files.append_part("bundle-a", 0, b"abc")
    files.write("result-a", b"old")
    real_open, real_write = io.open, disk.os.write  # type: ignore[attr-defined]

    def short_write(handle: int, content: bytes) -> int:
        real_write(handle, bytes(content)[:1])
        raise OSError(errno.ENOSPC, "No space left on device")

    class ShortFile(io.FileIO):
        def write(self, content: Any) -> int:
            return short_write(self.fileno(), bytes(content))

    with monkeypatch.context() as patched:
        patched.setattr(disk.os, "write", short_write)  # type: ignore[attr-defined]
        patched.setattr(
            Path, "open", lambda path, mode: ShortFile(path, "a") if mode == "ab" else real_open(path, mode)
        )
        for call in (lambda: files.append_part("bundle-a", 3, b"def"), lambda: files.write("result-a", b"new")):
            with pytest.raises(StorageError) as refused:
                call()
            assert refused.value.kind is StorageFault.FULL

    assert files.append_part("bundle-a", 3, b"def") == 6
    assert files.finish_part("bundle-a", _sha(b"abcdef"))
    assert files.read("result-a", 0, 9) == b"old"
