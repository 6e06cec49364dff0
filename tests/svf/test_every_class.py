"""Every class of vehicle flies: the first mission's sky and work, scaled to what each module carries."""

from pathlib import Path

import pytest

from flatsat import fly
from flatsat.invariants import INVARIANTS
from flatsat.mission import load_mission
from tests.unit.flatsat import missions

HOURS = 3.0
# What a job draws, and how many terminals fly; W.
CLASSES = {"cubesat": (40.0, 1), "starcloud1": (300.0, 1), "v2mini": (400.0, 3), "dawndusk": (12_000.0, 2)}
