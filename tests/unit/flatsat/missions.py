"""A mission on a folder of its own, made from the shipped one, for tests that break it."""

import shutil
from pathlib import Path

SHIPPED = Path("missions")


def copy(folder: Path) -> Path:
    """Return the mission file of a private copy of first-light."""
    for part in ("elements", "stations", "profiles"):
        shutil.copytree(SHIPPED / part, folder / part)
    job = folder / "jobs" / "image"
    job.mkdir(parents=True)
    for name in ("job.toml", "process.py"):
        shutil.copy(SHIPPED / "jobs" / "image" / name, job / name)
    text = (SHIPPED / "first-light.toml").read_text().replace("jobs/train", "jobs/image")
    path = folder / "mission.toml"
    path.write_text(text)
    return path


def edit(path: Path, old: str, new: str) -> None:
    """Replace a text that stands in the file, once."""
    text = path.read_text()
    assert old in text, old
    path.write_text(text.replace(old, new, 1))
