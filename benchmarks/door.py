"""What the commands of this folder share: measure part by part, print, and write the table into a page.

A part whose peer is not installed is left out and named, and the exit code says so: 0 every row holds, 1 one does not,
2 a peer is missing or failed.
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import peers
from experiments import figures
from experiments.figures import Row, Study

EXIT_PEER = 2


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows that are measured together, and the peers that they need."""

    name: str
    needs: tuple[str, ...]
    measure: Callable[[], list[Row]]


def main(study: Study, parts: tuple[Part, ...], arguments: list[str]) -> int:
    """Measure what the command line asks, print it, return the exit code; `study` has the words, `parts` measure."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{study.name}", description=study.title)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--into", type=Path, metavar="PAGE", help="write the table between its marks in a page")
    parser.add_argument("--only", default="", metavar="WORD", help="measure the parts that have this in their name")
    chosen = parser.parse_args(arguments)
    wanted = [part for part in parts if chosen.only in part.name]
    if not wanted:
        parser.error(f"--only {chosen.only!r}: there are {', '.join(part.name for part in parts)}")
    rows, troubles = _measure(wanted)
    measured = Study(study.name, study.title, study.seeds, study.leaves_out, lambda _: rows)
    code = figures.run(measured, chosen.json, figures.console())
    if chosen.into is not None:
        try:
            chosen.into.write_text(figures.put(chosen.into.read_text(), measured, rows))
        except (OSError, ValueError) as error:
            troubles.append(f"--into {chosen.into}: {error}")
    for text in troubles:
        print(f"benchmarks.{study.name}: {text}", file=sys.stderr)
    return EXIT_PEER if troubles else code


def _measure(parts: list[Part]) -> tuple[list[Row], list[str]]:
    rows: list[Row] = []
    troubles: list[str] = []
    for part in parts:
        missing = peers.missing(*part.needs)
        if missing:
            troubles.append(f"left out: {part.name}: {', '.join(missing)} missing ({peers.HOW_TO_INSTALL})")
            continue
        try:
            rows += part.measure()
        except peers.PeerError as error:
            troubles.append(f"left out: {part.name}: {error}")
    return rows, troubles
