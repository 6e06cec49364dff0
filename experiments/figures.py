"""The one shape of every benchmark and experiment: rows of figures, each beside its baseline and its requirement.

`run` prints the object of docs/house.md ("Figures") with `--json` and a table without, and gives the exit code: 0 when
every row holds, 1 when one does not.
"""

import json
import math
import os
import platform
from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Row:
    """One figure with its requirement.

    Exactly one of `at_least` and `at_most` is given; it binds the ratio where there is a baseline, else the value.
    """

    figure: str
    value: float
    unit: str
    baseline_name: str | None = None
    baseline: float | None = None
    at_least: float | None = None
    at_most: float | None = None

    def __post_init__(self) -> None:
        """Refuse a row that requires nothing, or two things, or names a baseline without its value."""
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError(f"{self.figure}: give exactly one of at_least and at_most")
        if (self.baseline_name is None) != (self.baseline is None):
            raise ValueError(f"{self.figure}: give baseline_name and baseline, or neither")

    @property
    def ratio(self) -> float | None:
        """The value over the baseline's; None without a baseline or over zero."""
        return None if not self.baseline else self.value / self.baseline

    @property
    def holds(self) -> bool:
        """Whether the requirement is met."""
        judged = self.value if self.baseline_name is None else self.ratio
        if judged is None or not math.isfinite(judged):
            return False
        return judged >= self.at_least if self.at_least is not None else judged <= (self.at_most or 0.0)

    def as_json(self) -> dict[str, object]:
        """Return the row as the object that `--json` prints."""
        named = self.baseline_name is not None
        baseline = {"name": self.baseline_name, "value": _finite(self.baseline)} if named else None
        return {
            "figure": self.figure,
            "value": _finite(self.value),
            "unit": self.unit,
            "baseline": baseline,
            "ratio": _finite(self.ratio),
            "at_least": self.at_least,
            "at_most": self.at_most,
            "holds": self.holds,
        }


@dataclass(frozen=True, slots=True)
class Study:
    """A benchmark or an experiment: `measure` takes the seeds and returns the rows."""

    name: str
    title: str
    seeds: tuple[int, ...]
    leaves_out: str  # one line: what the comparison does not count
    measure: Callable[[tuple[int, ...]], list[Row]]


def machine() -> dict[str, object]:
    """Return what the figures were measured on: cores, CPU, Python."""
    return {"cores": os.cpu_count(), "cpu": _cpu(), "python": platform.python_version()}


def run(study: Study, as_json: bool, console: Console) -> int:
    """Measure, print, and return the exit code."""
    rows = study.measure(study.seeds)
    if as_json:
        shape = {"name": study.name, "seeds": list(study.seeds), "machine": machine()}
        console.print_json(json.dumps(shape | {"rows": [row.as_json() for row in rows]}))
    else:
        console.print(_table(study, rows))
        console.print(f"Left out: {study.leaves_out}")
    return 0 if rows and all(row.holds for row in rows) else 1


def _table(study: Study, rows: list[Row]) -> Table:
    table = Table(title=f"{study.name}: {study.title}")
    for heading in ("figure", "value", "unit", "baseline", "ratio", "required", "holds"):
        table.add_column(heading, justify="right" if heading in ("value", "ratio") else "left")
    for row in rows:
        baseline = "" if row.baseline_name is None else f"{row.baseline_name}: {row.baseline:.6g}"
        required = f">= {row.at_least:g}" if row.at_least is not None else f"<= {row.at_most:g}"
        ratio = "" if row.ratio is None else f"{row.ratio:.3g}"
        table.add_row(row.figure, f"{row.value:.6g}", row.unit, baseline, ratio, required, "yes" if row.holds else "NO")
    return table


def _finite(value: float | None) -> float | None:
    """Return the value, or None where JSON knows none: such a row does not hold, and says so."""
    return value if value is not None and math.isfinite(value) else None


def _cpu() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()
