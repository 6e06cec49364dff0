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

PLAIN_WIDTH = 180  # columns of what is piped into a file
HEADINGS = ("figure", "value", "unit", "baseline", "ratio", "required", "margin", "holds")


@dataclass(frozen=True, slots=True)
class Row:
    """One figure with its requirement.

    Exactly one of `at_least`, `at_most` and `within` is given. The first two bind the ratio where there is a baseline,
    else the value; `within` is the most by which the value may differ from the baseline's, in the figure's unit.
    """

    figure: str
    value: float
    unit: str
    baseline_name: str | None = None
    baseline: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    within: float | None = None
    leaves_out: str = ""  # what the baseline counts or computes that the value does not, or the other way round

    def __post_init__(self) -> None:
        """Refuse a row that requires nothing, or two things, or names a baseline without its value."""
        if sum(bound is not None for bound in (self.at_least, self.at_most, self.within)) != 1:
            raise ValueError(f"{self.figure}: give exactly one of at_least, at_most and within")
        if (self.baseline_name is None) != (self.baseline is None):
            raise ValueError(f"{self.figure}: give baseline_name and baseline, or neither")
        if self.within is not None and not self.baseline:
            raise ValueError(f"{self.figure}: give within only beside a baseline other than 0")

    @property
    def ratio(self) -> float | None:
        """The value over the baseline's; None without a baseline or over zero."""
        return None if not self.baseline else self.value / self.baseline

    @property
    def bounds(self) -> tuple[float | None, float | None]:
        """The least and the most that `judged` may be; `within` makes both, of the ratio."""
        if self.within is None or not self.baseline:
            return self.at_least, self.at_most
        share = self.within / abs(self.baseline)
        return 1.0 - share, 1.0 + share

    @property
    def judged(self) -> float | None:
        """What the requirement binds: the ratio where there is a baseline, else the value."""
        return self.value if self.baseline_name is None else self.ratio

    @property
    def holds(self) -> bool:
        """Whether the requirement is met."""
        judged, (least, most) = self.judged, self.bounds
        if judged is None or not math.isfinite(judged):
            return False
        return bool((least is None or judged >= least) and (most is None or judged <= most))  # numpy has its own

    @property
    def margin(self) -> float | None:
        """How many times over the requirement is met, 1 at its edge; None where it is met without any difference."""
        judged = self.judged
        if judged is None or not math.isfinite(judged):
            return None
        if self.within is not None and self.baseline is not None:
            off = abs(self.value - self.baseline)
            return self.within / off if off else None
        if self.at_least is not None:
            return judged / self.at_least if self.at_least else None
        return self.at_most / judged if judged and self.at_most is not None else None

    def as_json(self) -> dict[str, object]:
        """Return the row as the object that `--json` prints."""
        named = self.baseline_name is not None
        baseline = {"name": self.baseline_name, "value": _finite(self.baseline)} if named else None
        least, most = self.bounds
        return {
            "figure": self.figure,
            "value": _finite(self.value),
            "unit": self.unit,
            "baseline": baseline,
            "ratio": _finite(self.ratio),
            "at_least": least,
            "at_most": most,
            "margin": _finite(self.margin),
            "holds": self.holds,
            "leaves_out": self.leaves_out,
        }

    def required(self) -> str:
        """Return the requirement in words."""
        if self.within is not None:
            return f"within {self.within:.3g} {self.unit}"
        return f">= {self.at_least:g}" if self.at_least is not None else f"<= {self.at_most:g}"


@dataclass(frozen=True, slots=True)
class Study:
    """A benchmark or an experiment: `measure` takes the seeds and returns the rows."""

    name: str
    title: str
    seeds: tuple[int, ...]
    leaves_out: str  # one line: what the comparison does not count
    measure: Callable[[tuple[int, ...]], list[Row]]


def console() -> Console:
    """Return standard output: as wide as the terminal, or wide enough for the table where there is none."""
    screen = Console()
    return screen if screen.is_terminal else Console(width=PLAIN_WIDTH)


def machine() -> dict[str, object]:
    """Return what the figures were measured on: cores, CPU, Python."""
    return {"cores": os.cpu_count(), "cpu": _cpu(), "python": platform.python_version()}


def run(study: Study, as_json: bool, console: Console) -> int:
    """Measure, print, and return the exit code."""
    rows = study.measure(study.seeds)
    if as_json:
        shape = {"name": study.name, "seeds": list(study.seeds), "machine": machine()}
        told = json.dumps(shape | {"rows": [row.as_json() for row in rows]}, indent=2)
        console.print(told, soft_wrap=True, highlight=False, markup=False)
    else:
        console.print(_table(study, rows))
        console.print(f"Left out: {study.leaves_out}")
        for text in _left_out(rows):
            console.print(f"- {text}", highlight=False)
    return 0 if rows and all(row.holds for row in rows) else 1


def cells(row: Row) -> tuple[str, ...]:
    """Return a row as the texts under HEADINGS."""
    baseline = "" if row.baseline_name is None else f"{row.baseline_name}: {row.baseline:.6g}"
    ratio = "" if row.ratio is None else f"{row.ratio:.3g}"
    margin = "" if row.margin is None else f"{row.margin:.3g}"
    return (
        row.figure,
        f"{row.value:.6g}",
        row.unit,
        baseline,
        ratio,
        row.required(),
        margin,
        "yes" if row.holds else "NO",
    )


def put(page: str, study: Study, rows: list[Row]) -> str:
    """Return a page with the study's table between its marks, `<!-- figures: NAME -->` and `<!-- end: NAME -->`.

    Raises:
        ValueError: the page has no such marks.
    """
    begin, end = f"<!-- figures: {study.name} -->", f"<!-- end: {study.name} -->"
    head, found, rest = page.partition(begin)
    _, closed, tail = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"no marks {begin} and {end}")
    return f"{head}{begin}\n{markdown(study, rows)}{end}{tail}"


def markdown(study: Study, rows: list[Row]) -> str:
    """Return the table as a page has it, what it was measured on, and what each comparison leaves out."""
    lines = ["| " + " | ".join(HEADINGS) + " |", "|" + "---|" * len(HEADINGS)]
    lines += ["| " + " | ".join(cells(row)) + " |" for row in rows]
    on = machine()
    lines += [
        "",
        f"Measured on {on['cores']} cores, {on['cpu']}, Python {on['python']}. Left out: {study.leaves_out}",
        "",
    ]
    lines += [f"- {text}" for text in _left_out(rows)]
    return "\n".join(lines) + "\n"


def _left_out(rows: list[Row]) -> list[str]:
    texts = dict.fromkeys(row.leaves_out for row in rows if row.leaves_out)
    return [f"{'; '.join(row.figure for row in rows if row.leaves_out == text)}: {text}" for text in texts]


def _table(study: Study, rows: list[Row]) -> Table:
    table = Table(title=f"{study.name}: {study.title}")
    for heading in HEADINGS:
        table.add_column(heading, justify="right" if heading in ("value", "ratio", "margin") else "left")
    for row in rows:
        table.add_row(*cells(row))
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
