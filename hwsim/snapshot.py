"""The world on disk: one JSON file, replaced whole, with version and checksum; a crash loses a second at most."""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from hwsim.errors import SnapshotError
from icd.timebase import MissionTime

SNAPSHOT_VERSION = 2
SNAPSHOT_BYTES_MAX = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of the world at an instant, and the time authority of the run that wrote it."""

    session: str
    epoch: MissionTime
    anchor_unix_ns: int
    rate: float
    at: MissionTime
    world: dict[str, object]


def write(path: Path, snapshot: Snapshot) -> None:
    """Put a snapshot in place of the one before: written aside, forced to disk, renamed.

    Raises:
        OSError: the disk refuses; the snapshot before is still whole.
    """
    body = json.dumps(
        {
            "session": snapshot.session,
            "epoch": snapshot.epoch,
            "anchor_unix_ns": snapshot.anchor_unix_ns,
            "rate": snapshot.rate,
            "at": snapshot.at,
            "world": snapshot.world,
        },
        allow_nan=False,
    )
    head = json.dumps({"version": SNAPSHOT_VERSION, "sha256": hashlib.sha256(body.encode()).hexdigest()})
    aside = path.with_name(path.name + ".new")
    with aside.open("w", encoding="utf-8") as file:
        file.write(head + "\n" + body + "\n")
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read(path: Path) -> Snapshot:
    """Return the snapshot in a file.

    Raises:
        SnapshotError: there is none, it is torn, or it is of another version; the text says which.
    """
    try:
        with path.open("rb") as file:
            content = file.read(SNAPSHOT_BYTES_MAX + 1)
    except FileNotFoundError:
        raise SnapshotError("there is none yet") from None
    except OSError as error:
        raise SnapshotError(f"it cannot be read: {error.strerror}") from error
    head, _, body = content.partition(b"\n")
    body = body.removesuffix(b"\n")
    try:
        header = json.loads(head)
        version, digest = header["version"], header["sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise SnapshotError("its first line is torn") from error
    if version != SNAPSHOT_VERSION:
        raise SnapshotError(f"it is of version {version}, this program writes {SNAPSHOT_VERSION}")
    if hashlib.sha256(body).hexdigest() != digest:
        raise SnapshotError("it is torn: its checksum does not match")
    try:
        fields = json.loads(body)
        return Snapshot(
            session=str(fields["session"]),
            epoch=MissionTime(int(fields["epoch"])),
            anchor_unix_ns=int(fields["anchor_unix_ns"]),
            rate=float(fields["rate"]),
            at=MissionTime(int(fields["at"])),
            world=dict(fields["world"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise SnapshotError(f"a field is missing or wrong: {error}") from error
