"""Every wall is shown to stand: a breach is planted in a small house of the same plan, and its contract breaks."""

import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.tidy.sources import ROOT

CONTRACTS = {
    contract["id"]: contract["name"]
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
}

# The plan: every kind of module, each with imports that are allowed.
HOUSE = {
    "icd/timebase.py": "",
    "icd/jobs.py": "import pydantic\nimport icd.timebase\n",
    "icd/hw.py": "import pydantic\n",
    "icd/hk.py": "",
    "icd/isl.py": "",
    "icd/params.py": "",
    "icd/tc.py": "import cryptography\nimport icd.jobs\n",
    "icd/transfer.py": "",
    "astro/orbit.py": "import numpy\nimport icd.timebase\n",
    "astro/routes.py": "import scipy\n",
    "runtime/clock.py": "import time\nimport icd.timebase\n",
    "runtime/mqtt_link.py": "import asyncio\nimport aiomqtt\n",
    "node/kernel/app.py": "import icd.timebase\n",
    "node/messages.py": "import icd.jobs\nimport node.kernel.app\n",
    "node/ports/store.py": "import icd.jobs\nimport node.messages\n",
    "node/apps/power/app.py": "import astro.orbit\nimport icd.tc\nimport node.kernel.app\nimport node.ports.store\n",
    "node/apps/power/policy.py": "import icd.jobs\n",
    "node/apps/jobs/app.py": "import node.ports.store\n",
    "node/adapters/sqlite_store.py": "import sqlite3\nimport node.ports.store\nimport runtime.mqtt_link\n",
    "node/config.py": "import pydantic\n",
    "node/build.py": "import node.config\nimport node.adapters.sqlite_store\nimport node.apps.power.app\n",
    "node/__main__.py": "import node.build\n",
    "ground/config.py": "import pydantic\n",
    "ground/api/http.py": "import starlette\nimport icd.jobs\n",
    "hwsim/world.py": "import numpy\nimport astro.orbit\n",
    "flatsat/fly.py": "import node.build\nimport ground.config\nimport hwsim.world\nimport matplotlib\n",
    "experiments/first.py": "import flatsat.fly\n",
    "benchmarks/codec.py": "import icd.jobs\n",
}


@dataclass(frozen=True, slots=True)
class Breach:
    """An import where it must not be, and the contract that must notice."""

    contract: str
    file: str
    imported: str


BREACHES = [
    Breach("programs", "hwsim/world.py", "node.messages"),
    Breach("programs", "ground/api/http.py", "hwsim.world"),
    Breach("icd", "icd/jobs.py", "runtime.clock"),
    Breach("ground-floor", "astro/orbit.py", "icd.jobs"),
    Breach("ground-floor", "runtime/clock.py", "node.kernel.app"),
    Breach("astro-runtime", "astro/orbit.py", "runtime.clock"),
    Breach("nobody-imports-the-bench", "ground/api/http.py", "experiments.first"),
    Breach("nobody-imports-the-bench", "node/build.py", "tests"),
    Breach("node-layers", "node/kernel/app.py", "node.messages"),
    Breach("node-layers", "node/apps/power/app.py", "node.adapters.sqlite_store"),
    Breach("node-kernel", "node/kernel/app.py", "icd.jobs"),
    Breach("apps", "node/apps/power/app.py", "node.apps.jobs.app"),
    Breach("apps-are-synchronous", "node/apps/power/policy.py", "asyncio"),
    Breach("apps-are-synchronous", "node/ports/store.py", "sqlite3"),
    Breach("pydantic", "node/messages.py", "pydantic"),
    Breach("node-is-light", "node/adapters/sqlite_store.py", "scipy"),
    Breach("scipy-for-routes", "astro/orbit.py", "scipy"),
    Breach("one-broker-client", "ground/api/http.py", "aiomqtt"),
]

pytestmark = pytest.mark.slow


def build(folder: Path) -> Path:
    for name, content in HOUSE.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    for directory in [path for path in folder.rglob("*") if path.is_dir()]:
        (directory / "__init__.py").touch()
    (folder / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    return folder


def broken(folder: Path) -> list[str]:
    """Return the ids of the contracts that do not hold, by import-linter itself."""
    program = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    run = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False)
    assert "Contracts:" in run.stdout, run.stdout + run.stderr
    return [key for key, name in CONTRACTS.items() if f"{name} BROKEN" in run.stdout]


def test_the_house_as_planned_breaks_no_wall(tmp_path: Path) -> None:
    assert broken(build(tmp_path)) == []


@pytest.mark.parametrize("breach", BREACHES, ids=lambda breach: f"{breach.contract}-{breach.file}")
def test_a_breach_is_caught_by_its_wall(tmp_path: Path, breach: Breach) -> None:
    folder = build(tmp_path)

    with (folder / breach.file).open("a") as file:
        file.write(f"import {breach.imported}\n")

    assert breach.contract in broken(folder)


def test_every_wall_has_a_breach_that_proves_it() -> None:
    assert sorted({breach.contract for breach in BREACHES}) == sorted(CONTRACTS)
