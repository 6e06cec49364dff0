"""The boot record: three copies, a vote, and every way in which one copy, or all, can be bad."""

import hashlib
import json
from pathlib import Path

import pytest

from icd.tc import PowerMode
from node.adapters import boot_record, disk
from node.adapters.boot_record import BOOT_COUNT_MAX, COPIES, Boot, BootRecord, ResetCause


def _copies(directory: Path) -> list[Path]:
    return [directory / f"boot-{copy}.rec" for copy in range(COPIES)]


def _record(directory: Path) -> BootRecord:
    return BootRecord(directory, durable=False)


def _flown(directory: Path, boots: int = 3) -> None:
    """Boot a few times, the last one still running in ECLIPSE."""
    for _ in range(boots):
        record = _record(directory)
        record.boot()
        record.note_mode(PowerMode.ECLIPSE)


def test_the_first_boot_is_a_power_on(tmp_path: Path) -> None:
    assert _record(tmp_path / "new").boot() == Boot(1, ResetCause.POWER_ON, None, 0)


def test_a_run_that_just_ended_was_unexpected(tmp_path: Path) -> None:
    _flown(tmp_path)

    assert _record(tmp_path).boot() == Boot(4, ResetCause.UNEXPECTED, PowerMode.ECLIPSE, 0)


@pytest.mark.parametrize("cause", [ResetCause.ORDERLY, ResetCause.COMMANDED, ResetCause.WATCHDOG])
def test_a_noted_stop_is_the_cause_of_the_next_boot_only(tmp_path: Path, cause: ResetCause) -> None:
    record = _record(tmp_path)
    record.boot()
    record.note_stop(cause)

    assert _record(tmp_path).boot().cause is cause
    assert _record(tmp_path).boot().cause is ResetCause.UNEXPECTED


def _damage(content: bytes) -> dict[str, bytes | None]:
    body = json.dumps([9, BOOT_COUNT_MAX + 1, None, None]).encode()
    mode = json.dumps([9, 3, None, "WARP"]).encode()
    return {
        "empty": b"",
        "torn": content[:40],
        "garbage": b"\xff\x00" * 300,
        "bit flipped": content.replace(b"ECLIPSE", b"ECLIPSF"),
        "gone": None,
        "implausible count": hashlib.sha256(body).hexdigest().encode() + b" " + body,
        "unknown mode": hashlib.sha256(mode).hexdigest().encode() + b" " + mode,
        "nested": hashlib.sha256(b"[" * 99).hexdigest().encode() + b" " + b"[" * 99,
    }


@pytest.mark.parametrize("damage", list(_damage(b"")))
@pytest.mark.parametrize("copy", range(COPIES))
def test_one_bad_copy_is_outvoted_and_mended(tmp_path: Path, copy: int, damage: str) -> None:
    _flown(tmp_path)
    path = _copies(tmp_path)[copy]
    content = _damage(path.read_bytes())[damage]
    path.unlink() if content is None else path.write_bytes(content)

    assert _record(tmp_path).boot() == Boot(4, ResetCause.UNEXPECTED, PowerMode.ECLIPSE, 1)
    assert _record(tmp_path).boot() == Boot(5, ResetCause.UNEXPECTED, PowerMode.ECLIPSE, 0)


@pytest.mark.parametrize("left", range(COPIES))
def test_one_good_copy_is_enough(tmp_path: Path, left: int) -> None:
    _flown(tmp_path)
    for copy, path in enumerate(_copies(tmp_path)):
        if copy != left:
            path.write_bytes(b"\x00")

    assert _record(tmp_path).boot() == Boot(4, ResetCause.UNEXPECTED, PowerMode.ECLIPSE, 2)


def test_with_no_good_copy_the_loss_is_named(tmp_path: Path) -> None:
    _flown(tmp_path)
    for path in _copies(tmp_path):
        path.write_bytes(b"nothing")

    assert _record(tmp_path).boot() == Boot(1, ResetCause.RECORD_LOST, None, 3)


@pytest.mark.parametrize("written", range(COPIES + 1))
def test_a_power_cut_between_the_copies_leaves_the_old_state_or_the_new(tmp_path: Path, written: int) -> None:
    _flown(tmp_path)
    old = [path.read_bytes() for path in _copies(tmp_path)]
    _record(tmp_path).boot()
    for path, content in list(zip(_copies(tmp_path), old, strict=True))[written:]:
        path.write_bytes(content)

    found = _record(tmp_path).boot()

    assert found.boot_count == (4 if written <= 1 else 5)
    assert found.last_mode is PowerMode.ECLIPSE


def test_when_all_copies_differ_the_newest_counts(tmp_path: Path) -> None:
    snapshots = []
    for _ in range(COPIES):
        _flown(tmp_path, boots=1)
        snapshots.append(_copies(tmp_path)[0].read_bytes())
    for path, content in zip(_copies(tmp_path), snapshots, strict=True):
        path.write_bytes(content)

    assert _record(tmp_path).boot().boot_count == 4


def test_a_full_disk_overwrites_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _flown(tmp_path)

    def no_room(path: Path, content: bytes, *, durable: bool) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(boot_record, "write_whole", no_room)
    record = _record(tmp_path)
    assert record.boot().boot_count == 4
    record.note_stop(ResetCause.ORDERLY)
    monkeypatch.setattr(boot_record, "write_whole", disk.write_whole)

    assert record.write_failures == 0
    assert _record(tmp_path).boot() == Boot(5, ResetCause.ORDERLY, PowerMode.ECLIPSE, 0)


def test_a_disk_that_refuses_all_writes_does_not_keep_the_node_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_disk(path: Path, content: bytes, *, durable: bool) -> None:
        raise OSError(5, "Input/output error", str(path))

    monkeypatch.setattr(boot_record, "write_whole", no_disk)

    record = _record(tmp_path)

    assert record.boot().boot_count == 1
    assert record.write_failures == COPIES


def test_a_durable_record_is_the_same_record(tmp_path: Path) -> None:
    BootRecord(tmp_path, durable=True).boot()

    assert BootRecord(tmp_path, durable=True).boot().boot_count == 2
