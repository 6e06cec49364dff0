"""The job contract as the smallest thing that keeps it: directories, environment, promotion of checkpoints."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Place:
    """Where one job's attempts live."""

    output: Path
    checkpoint: Path
    promoted: Path

    @classmethod
    def fresh(cls, folder: Path) -> "Place":
        """Make the directories."""
        place = cls(folder / "output", folder / "checkpoint", folder / "promoted")
        for path in (place.output, place.checkpoint, place.promoted):
            path.mkdir(parents=True)
        return place

    def next_attempt(self, lines: str) -> None:
        """Promote the last checkpoint that was reported, then lay the directories anew: that one entry, or none."""
        for line in lines.splitlines():
            name = _checkpoint_of(line)
            if name is not None:
                shutil.rmtree(self.promoted)
                self.promoted.mkdir()
                shutil.copy2(self.checkpoint / name, self.promoted / name)
        shutil.rmtree(self.checkpoint)
        shutil.copytree(self.promoted, self.checkpoint)
        shutil.rmtree(self.output)
        self.output.mkdir()


def _checkpoint_of(line: str) -> str | None:
    try:
        name = json.loads(line).get("checkpoint")
    except ValueError:
        return None  # the last line of a killed job may be cut
    return name if isinstance(name, str) else None


def start(
    bundle: Path, place: Place, arguments: tuple[str, ...], *, job_id: str, attempt: int = 1
) -> subprocess.Popen[str]:
    """Start an attempt in its bundle directory, as `python3` followed by the arguments."""
    environment = {
        **os.environ,
        "PYTHONDONTWRITEBYTECODE": "1",
        "DAWNLINE_JOB_ID": job_id,
        "DAWNLINE_ATTEMPT": str(attempt),
        "DAWNLINE_INPUT_DIR": str(bundle),
        "DAWNLINE_OUTPUT_DIR": str(place.output),
        "DAWNLINE_CHECKPOINT_DIR": str(place.checkpoint),
    }
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=bundle,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
