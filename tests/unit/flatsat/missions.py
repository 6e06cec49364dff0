"""A mission in a folder of its own, for tests that break it; its numbers follow no shipped mission."""

import shutil
from pathlib import Path

SHIPPED = Path("missions")
TEXT = """\
# First light: four real satellites in crossing planes, a dozen stations, a stream of image jobs and one training job.
# It starts just before a ground pass, and a few minutes before three of the four lose the Sun.

name = "first-light"
title = "First light: four nodes, two orbits, the Sun sets at 18:37"
start = "2026-08-22T18:29:30Z"
seed = 7
rate = 60.0

elements = "elements/first-light.tle"
stations = "stations/dozen.toml"

[vehicle]
profile = "profiles/v3node.toml"
laser_terminals = 2 # of the profile's four: the others serve the wider constellation

[jobs]
sandbox = "prefer" # these jobs are our own; a fleet with tenants says "require"
hk_interval_s = 30.0

[[nodes]]
id = "node-1"
satellite = "STARLINK-3308"
soc_start_frac = 0.93

[[nodes]]
id = "node-2"
satellite = "STARLINK-37440"
soc_start_frac = 0.90

[[nodes]]
id = "node-3"
satellite = "STARLINK-32298"
soc_start_frac = 0.95

[[nodes]]
id = "node-4"
satellite = "STARLINK-34532"
soc_start_frac = 0.92

[[workload]]
name = "train"
bundle = "jobs/image"
tenant = "atelier"
first_s = 0.0
every_s = 1.0
count = 1

[[workload]]
name = "image"
bundle = "jobs/image"
tenant = "meteo"
first_s = 60.0
every_s = 300.0
count = 200
arguments = ["--seed", "{index}"]
"""


def copy(folder: Path) -> Path:
    """Return the mission file of a private mission, with all that it names beside it."""
    for part in ("elements", "stations", "profiles"):
        shutil.copytree(SHIPPED / part, folder / part)
    job = folder / "jobs" / "image"
    job.mkdir(parents=True)
    for name in ("job.toml", "process.py"):
        shutil.copy(SHIPPED / "jobs" / "image" / name, job / name)
    path = folder / "mission.toml"
    path.write_text(TEXT)
    return path


def edit(path: Path, old: str, new: str) -> None:
    """Replace a text that stands in the file, once."""
    text = path.read_text()
    assert old in text, old
    path.write_text(text.replace(old, new, 1))
